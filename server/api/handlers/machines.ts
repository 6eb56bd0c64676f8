import { machineDocument } from '#machines/contract/documents.ts';
import { classOf, profileOf } from '#machines/decide/classes.ts';
import { configurationOf, masked } from '#machines/os/config/configuration.ts';
import { refusalsOf } from '#machines/os/config/explain.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { standingOf } from '#machines/decide/inspection.ts';
import { chooseLoader, hasSecureBoot, readerOf } from '#machines/decide/loader.ts';
import { ARCHITECTURES } from '#machines/values/architecture.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import type { Explanation } from '#machines/contract/api/explain.ts';
import { type ApiAnswer, type Handlers, invalid, notFound, problemOf, unseen, WRONG_CURSOR } from '../answers.ts';
import type { ImageParts, OperatorApiParts } from '../contract.ts';
import { bootOutcome, type MissingFile } from '../decide/boot-outcome.ts';
import { mergePatch } from '../decide/difference.ts';
import { machinePage, type Row } from '../decide/machine-list.ts';
import type { LatestAttempts } from '../latest-attempts.ts';
import { listOf, type MachinePieces, machineResource } from '../machine-json.ts';
import type { MachineRows } from '../machine-rows.ts';

type Names =
  | 'listMachines'
  | 'getMachine'
  | 'putMachine'
  | 'patchMachine'
  | 'removeMachine'
  | 'actOnMachine'
  | 'bootMachine'
  | 'explain'
  | 'getMachineConfig';

/** To put megabytes of JSON together takes longer than to send them. */
const LARGE = 1000;

export function machineHandlers({
  registry,
  latest,
  machinePiece,
  rows,
  explain,
  loaders,
  images,
  clusters,
}: Pick<OperatorApiParts, 'registry' | 'explain' | 'loaders' | 'images' | 'clusters'> & {
  readonly latest: LatestAttempts;
  readonly machinePiece: MachinePieces;
  readonly rows: MachineRows;
}): Pick<Handlers, Names> {
  /** The rows are another array after each change, so that this is never old. */
  const large = new WeakMap<readonly Row[], { readonly key: string; readonly text: Uint8Array }>();
  const found = (machine: Machine) =>
    ({
      kind: 'done',
      value: machineResource(machine, latest.of(machine.document.name)),
      rev: machine.rev,
    }) as const;

  async function put(
    document: unknown,
    name: string,
    by: { readonly who: string; readonly expected: number | undefined },
  ): Promise<ApiAnswer<'putMachine'>> {
    const read = machineDocument.safeParse(document);
    if (!read.success) {
      const issue = read.error.issues[0];
      return invalid({ in: 'body', path: issue?.path.join('.') ?? '', text: issue?.message ?? 'not a machine' });
    }
    if (read.data.name !== name) return wrongName(name, read.data.name);
    const outcome = await registry.put(read.data, change(by));
    if (outcome.kind !== 'done') return problemOf(outcome);
    const machine = registry.machine(name);
    return machine ? found(machine) : notFound(`machine ${name}`);
  }

  return {
    listMachines({ query }) {
      const ordered = rows.inOrder(query.sort);
      const key = JSON.stringify(query);
      const remembered = query.limit < LARGE ? undefined : large.get(ordered);
      if (remembered?.key === key) return { kind: 'json-text', text: remembered.text };
      const page = machinePage(ordered, query);
      if ('wrongCursor' in page) return WRONG_CURSOR;
      const pieces = page.rows.map(({ machine, attempt }) => machinePiece(machine, attempt));
      const next = page.next === undefined ? '' : `,"next":${JSON.stringify(page.next)}`;
      const text = listOf(pieces, `,"total":${page.total}${next}`);
      if (query.limit >= LARGE) large.set(ordered, { key, text });
      return { kind: 'json-text', text };
    },

    getMachine({ params }) {
      const machine = registry.machine(params.name);
      return machine ? found(machine) : notFound(`machine ${params.name}`);
    },

    putMachine: ({ params, body, caller, expected, overwrites }) => {
      // One that was only seen has no document of anybody's that could be lost.
      const before = registry.machine(params.name);
      const notSeen = unseen(before?.acceptance === 'seen' ? undefined : before?.rev, { expected, overwrites });
      return notSeen ?? put(body, params.name, { who: caller.name, expected });
    },

    async patchMachine({ params, body, caller, expected }) {
      const machine = registry.machine(params.name);
      if (!machine) return notFound(`machine ${params.name}`);
      if (expected !== undefined && expected !== machine.rev) return problemOf({ kind: 'stale', rev: machine.rev });
      // Merged with what was just read, so it must still be that.
      const merged = mergePatch(machine.document, body);
      return await put(merged, params.name, { who: caller.name, expected: machine.rev });
    },

    async removeMachine({ params, caller, expected }) {
      const outcome = await registry.remove('Machine', params.name, change({ who: caller.name, expected }));
      return outcome.kind === 'done' ? { kind: 'done', value: undefined } : problemOf(outcome);
    },

    async actOnMachine({ params, caller, expected }) {
      const outcome = await registry.act(params.name, params.action, change({ who: caller.name, expected }));
      return outcome.kind === 'done' ? found(outcome.value) : problemOf(outcome);
    },

    async bootMachine({ params, body, caller }) {
      const outcome = await registry.grant({ machine: params.name, profile: body.profile, by: caller.name });
      if (outcome.kind !== 'done') return problemOf(outcome);
      return {
        kind: 'done',
        status: 201,
        value: outcome.value,
        audit: { target: params.name, detail: `profile ${body.profile}, grant ${outcome.value.id}` },
      };
    },

    getMachineConfig({ params: { name } }) {
      const machine = registry.machine(name);
      if (!machine) return notFound(`machine ${name}`);
      const ofClass = classOf(machine, registry.classes());
      const { profile } = profileOf(machine, registry.classes(), (one) => registry.profile(one));
      const { origins, network } = configurationOf({
        machine,
        ofClass,
        profile,
        network: (one) => registry.network(one),
      });
      const talos = clusters.configs.explain(machine, profile);
      // Of patches for Talos each value has its place in the result.
      const own = talos.origins.length === 0 ? origins : origins.filter(({ path }) => path !== 'config.talos');
      return {
        kind: 'done',
        value: {
          machine: name,
          ...(ofClass === undefined ? {} : { class: ofClass.name }),
          ...(profile === undefined ? {} : { profile: profile.name }),
          values: masked([...own, ...talos.origins]),
          refusals: [
            ...talos.problems.map((one) => ({ target: 'Talos', ...one })),
            ...(network === undefined ? [] : refusalsOf(network.intent, name)),
          ],
        },
      };
    },

    async explain({ query }) {
      const mac = parseMacAddress(query.of);
      const machine = mac.ok ? registry.machineByMac(mac.value) : registry.machine(query.of);
      if (!mac.ok && !machine) return notFound(`machine ${query.of}`);
      const attempt = machine && latest.of(machine.document.name);
      const address = attempt?.address ?? machine?.document.address;
      const ownMac = mac.ok ? mac.value : (machine?.document.macs[0] ?? machine?.identifiers.macs[0]);
      const asked = { machine, mac: ownMac, address };
      const first = explain(asked);
      const { plan } = first;
      const loader = loaderOf(machine, plan, loaders.available());
      const reader = readerOf(loader.kind === 'loader' ? loader.name : undefined);
      const { script, text } = reader === 'ipxe' ? first : explain({ ...asked, reader });
      const missing = script.situation === 'disk' ? [] : await missingFiles(plan, images.library);
      return {
        kind: 'done',
        value: {
          ...(machine ? whoItIs(machine) : {}),
          ...(ownMac === undefined ? {} : { mac: ownMac }),
          outcome: bootOutcome({ plan, loader, script, missing }),
          missing,
          plan: planResource(plan),
          loader,
          script: { situation: script.situation, because: script.because, text },
        },
      };
    },
  };
}

export const change = ({ who, expected }: { readonly who: string; readonly expected: number | undefined }) => ({
  who,
  ...(expected === undefined ? {} : { expected }),
});

export const wrongName = (path: string, body: string) =>
  invalid({ in: 'body', path: 'name', text: `got ${JSON.stringify(body)}, want ${path} as in the path` });

function planResource(plan: BootPlan): Explanation['plan'] {
  if (plan.kind === 'own-disk') return { kind: plan.kind, because: plan.because, code: plan.code };
  if (plan.kind === 'hold') return { kind: plan.kind, because: plan.because };
  return {
    kind: plan.kind,
    because: plan.because,
    profile: plan.profile.name,
    ...(plan.image ? { image: plan.image.name } : {}),
    ...(plan.grant ? { grant: plan.grant.id } : {}),
  };
}

const whoItIs = (machine: Machine) => ({
  machine: machine.document.name,
  acceptance: machine.acceptance,
  standing: standingOf(machine),
  locked: machine.locked,
});

/** What a script of this plan names and would not be sent, in the order in which iPXE asks. */
async function missingFiles(plan: BootPlan, library: ImageParts['library']): Promise<readonly MissingFile[]> {
  if (plan.kind !== 'netboot' || !plan.image || plan.profile.os !== 'kernel') return [];
  const { name, assets } = plan.image;
  const kernel = assets.find(({ role }) => role === 'kernel') ?? assets.find(({ role }) => role === 'efi');
  const initrds = assets.filter(({ role }) => role === 'initrd');
  const wanted = [
    ...(kernel ? [{ file: 'kernel', asset: kernel }] : []),
    ...initrds.map((asset, index) => ({ file: initrds.length === 1 ? 'initrd' : `initrd ${index}`, asset })),
  ];
  const states = await Promise.all(wanted.map(({ asset }) => library.state(name, asset)));
  return wanted.flatMap(({ file }, index) => {
    const state = states[index];
    return !state || state.kind === 'ready' ? [] : [{ file, because: state.because }];
  });
}

/** What its firmware is offered first, as far as an earlier packet told what firmware that is. */
function loaderOf(
  machine: Machine | undefined,
  plan: BootPlan,
  available: Parameters<typeof chooseLoader>[1],
): Explanation['loader'] {
  if (plan.kind === 'own-disk') return { kind: 'none', because: 'no boot file is offered: it goes on to its own disk' };
  const firmware = machine?.facts['firmware']?.value;
  const arch = machine?.facts['arch']?.value;
  const platform = (['bios', 'uefi', 'u-boot', 'raspberry-pi'] as const).find((one) => one === firmware);
  const architecture = platform === 'bios' ? 'i386' : ARCHITECTURES.find((one) => one === arch);
  if (!platform || !architecture) {
    const told = platform ? `${platform}, of an architecture that its firmware has not told` : 'not known';
    return { kind: 'unknown', because: `no packet of its firmware has been seen yet: it is ${told}` };
  }
  const choice = chooseLoader({ platform, architecture, http: false }, available, {
    secureBoot: hasSecureBoot(machine),
  });
  switch (choice.kind) {
    case 'loader':
      return { kind: 'loader', name: choice.file.name, because: `${platform} on ${architecture}` };
    case 'missing':
      return { kind: 'missing', name: choice.wanted[0], because: `want ${choice.wanted.join(' or ')}: ${choice.next}` };
    case 'impossible':
      return { kind: 'impossible', because: choice.because };
    default:
      return choice satisfies never;
  }
}
