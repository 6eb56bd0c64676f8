import type { Machine } from '#machines/contract/machine.ts';
import type { Attempt } from '#machines/contract/trace.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import { type Claim, claimsOf } from '#machines/decide/boot-path.ts';
import {
  type BootScript,
  decideBootScript,
  type ScriptFirmware,
  type ScriptReader,
} from '#machines/decide/boot-script.ts';
import { receiversAt } from '#machines/decide/boot-script-values.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import { isMachineMac, type MacAddress, parseMacAddress } from '#machines/values/mac-address.ts';
import { parseUuid } from '#machines/values/uuid.ts';
import type { BootPlaneParts } from './contract.ts';

/** Who asks, by which address of ours. */
export type Asker = {
  readonly peer: IpAddress;
  /** Base URL by which the peer reached us, for networks that advertise none. */
  readonly reachedUrl: string;
};

export type RenderedScript = {
  readonly kind: 'script';
  readonly attempt: string;
  readonly text: string;
  readonly script: BootScript;
  readonly plan: BootPlan;
};
export type NoScript = { readonly kind: 'none'; readonly because: string };

/** Same length as an attempt's id; the script of a preview is what a machine would be sent, but for these characters. */
export const PREVIEW_ATTEMPT = 'preview-preview-preview'.slice(0, 22);

/**
 * Scripts for machines, rendered when they are asked for. The same bytes go out over HTTP and TFTP, and `explain` shows
 * them.
 */
export function bootScripts(parts: BootPlaneParts) {
  const { registry, planner, recorder, templates, networkOf, receivers } = parts;

  function render(subject: Subject, asker: Asker, attempt: string | undefined): RenderedScript {
    const network = networkOf(asker.peer);
    const { machine, mac, claims, reader = 'ipxe' } = subject;
    const plan = planner({ machine, attempt, discovery: network.discovery });
    const id = attempt ?? PREVIEW_ATTEMPT;
    const bootUrl = network.advertise ?? asker.reachedUrl;
    const live = attempt === undefined ? undefined : recorder.live({ attempt });
    const architecture = claims.get('buildarch') ?? architectureOf(machine);
    const script = decideBootScript({
      plan,
      machine,
      mac,
      reader,
      firmware: firmwareOf(claims, machine),
      architecture,
      attempt: id,
      bootUrl,
      log: receiversAt(receivers, bootUrl),
      configUrl: parts.configTokens?.urlAt(bootUrl),
      agent: parts.agent?.bootAt(bootUrl, architecture),
      loop: live?.verdict.code === 'boot-loop' ? live.verdict.cause : undefined,
      insists: claims.has('again'),
    });
    const text = templates.render(`${reader}/${script.situation}`, script.data);
    return { kind: 'script', attempt: id, text, script, plan };
  }

  /** The attempt is the one that uses the plan's grant from now on. */
  function use({ attempt, script, plan }: RenderedScript): void {
    if (script.spends !== 'never' && plan.kind === 'netboot' && plan.grant) registry.useGrant(plan.grant.id, attempt);
  }

  /** The token goes into the script when it is sent, not before: whoever only looks gets none. */
  async function sent(rendered: RenderedScript, { peer }: Asker): Promise<RenderedScript> {
    const { attempt: id, text, plan } = rendered;
    if (!parts.configTokens) return rendered;
    const attempt = recorder.live({ attempt: id }) ?? (await recorder.attempt(id));
    const grant = plan.kind === 'netboot' ? plan.grant : undefined;
    return { ...rendered, text: await parts.configTokens.fill(text, { attempt, peer, grant }) };
  }

  function note(rendered: RenderedScript, asker: Asker): void {
    const { attempt, script, text } = rendered;
    recorder.record({ attempt, address: asker.peer }, renderedEvent(script, text));
    use(rendered);
  }

  return {
    /** The script of an attempt. `look` only looks (HEAD): nothing is recorded and no grant is touched. */
    async ofAttempt(question: {
      readonly attempt: string;
      readonly target: string;
      readonly asker: Asker;
      readonly look: boolean;
    }): Promise<RenderedScript | NoScript> {
      const { asker, look } = question;
      const claims = claimsOf(question.target);
      const known = recorder.live({ attempt: question.attempt }) ?? (await recorder.attempt(question.attempt));
      // A machine that has waited for hours outlives its attempt; it says who it is, and begins a new one.
      if (!known) return await this.ofMac({ claims, asker, look, otherwise: 'this attempt is not known (any more)' });
      const mac = known.mac ?? macOf(claims);
      if (!look) observe(mac, claims, parts);
      const machine = machineOf(known, mac, registry);
      const rendered = render({ machine, mac, claims }, asker, known.id);
      if (look) return rendered;
      note(rendered, asker);
      return await sent(rendered, asker);
    },

    /** The script for whoever says that it has a MAC: chained by hand, or from another boot server. */
    async ofMac({
      claims,
      asker,
      look,
      otherwise,
      reader = 'ipxe',
    }: {
      readonly claims: ReadonlyMap<Claim, string>;
      readonly asker: Asker;
      readonly look: boolean;
      readonly otherwise: string;
      readonly reader?: ScriptReader;
    }): Promise<RenderedScript | NoScript> {
      const mac = macOf(claims);
      if (mac === undefined) return { kind: 'none', because: otherwise };
      const machine = look ? registry.machineByMac(mac) : observe(mac, claims, parts);
      const subject = { machine, mac, claims, reader };
      const live = recorder.live({ mac });
      // What it will be told decides whether there is an attempt at all, so the first rendering has no id yet. An id has
      // a fixed length, therefore the number of bytes is right.
      const first = render(subject, asker, live?.id);
      if (look) return first;
      if (live) {
        note(first, asker);
        return await sent(first, asker);
      }
      const attempt = recorder.record({ mac, address: asker.peer }, renderedEvent(first.script, first.text));
      if (attempt === undefined) return { kind: 'none', because: 'no attempt could be recorded for this MAC' };
      const rendered = render(subject, asker, attempt);
      use(rendered);
      return await sent(rendered, asker);
    },

    /** The first thing that a GRUB reads: where its machine's own configuration is. */
    grubStart: (): string => templates.render('grub/start', {}),

    /** What a machine would be sent now, for `explain`. Nothing is recorded. */
    preview(
      machine: Machine | undefined,
      mac: MacAddress | undefined,
      asker: Asker,
      reader?: ScriptReader,
    ): RenderedScript {
      return render({ machine, mac, claims: new Map(), ...(reader ? { reader } : {}) }, asker, undefined);
    },
  };
}

export type BootScripts = ReturnType<typeof bootScripts>;

type Subject = {
  readonly machine: Machine | undefined;
  readonly mac: MacAddress | undefined;
  readonly claims: ReadonlyMap<Claim, string>;
  readonly reader?: ScriptReader;
};

export function machineOf(
  attempt: Attempt,
  mac: MacAddress | undefined,
  registry: BootPlaneParts['registry'],
): Machine | undefined {
  if (attempt.machine !== undefined) return registry.machine(attempt.machine);
  return mac === undefined ? undefined : registry.machineByMac(mac);
}

function macOf(claims: ReadonlyMap<Claim, string>): MacAddress | undefined {
  const mac = parseMacAddress(claims.get('mac') ?? '');
  return mac.ok && isMachineMac(mac.value) ? mac.value : undefined;
}

/** What iPXE said about its machine becomes facts: claims of source `ipxe`. */
export function observe(
  mac: MacAddress | undefined,
  claims: ReadonlyMap<Claim, string>,
  { registry, now }: Pick<BootPlaneParts, 'registry' | 'now'>,
): Machine | undefined {
  if (mac === undefined) return undefined;
  const uuid = parseUuid(claims.get('uuid') ?? '');
  const serial = claims.get('serial');
  const firmware = firmwareOf(claims, undefined);
  const facts: Record<string, string> = firmware === 'unknown' ? {} : { firmware };
  for (const [claim, fact] of FACT_OF_CLAIM) {
    const value = claims.get(claim);
    if (value !== undefined) facts[fact] = value;
  }
  return registry.observe({
    mac,
    ...(uuid.ok ? { uuid: uuid.value } : {}),
    ...(serial === undefined ? {} : { serial }),
    facts,
    source: 'ipxe',
    at: now(),
  });
}

/** `buildarch` tells how iPXE was built, not the processor: under BIOS it is always i386, so it becomes no fact. */
const FACT_OF_CLAIM: readonly (readonly [Claim, string])[] = [
  ['manufacturer', 'manufacturer'],
  ['product', 'product'],
  ['asset', 'asset'],
  ['busid', 'nic.busid'],
];

function firmwareOf(claims: ReadonlyMap<Claim, string>, machine: Machine | undefined): ScriptFirmware {
  switch (claims.get('platform')) {
    case 'efi':
      return 'uefi';
    case 'pcbios':
      return 'bios';
    default: {
      const fact = textFact(machine, 'firmware');
      return fact === 'uefi' || fact === 'bios' ? fact : 'unknown';
    }
  }
}

/** As its firmware or iPXE named it last. */
export const architectureOf = (machine: Machine | undefined): string | undefined => textFact(machine, 'arch');

function textFact(machine: Machine | undefined, name: string): string | undefined {
  const value = machine && Object.hasOwn(machine.facts, name) ? machine.facts[name]?.value : undefined;
  return typeof value === 'string' ? value : undefined;
}

const renderedEvent = (script: BootScript, text: string) =>
  ({
    kind: 'script-rendered',
    situation: script.situation,
    because: script.because,
    bytes: Buffer.byteLength(text),
    ...('initrds' in script.data ? { initrds: script.data.initrds.length } : {}),
  }) as const;
