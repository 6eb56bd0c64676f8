import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type BmcResource, type DiscoveredBmc, quirksImported } from '#machines/contract/api/bmc-resource.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import { BMC_TYPES, BMC_VERBS, type BmcType } from '#machines/contract/power.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { confirm } from '../ask.ts';
import type { Daemon } from '../daemon.ts';
import { badInput } from '../failure.ts';
import { nameOf, resolveMachines, type Selection } from '../machine-names.ts';
import { ago } from '../decide/ago.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { pairs, table } from '../output/table.ts';
import { isoTime } from '../output/time.ts';
import { showListOf } from '../output/watched-list.ts';
import { note, paint, say, type Terminal } from '../terminal.ts';
import { codeOf } from '../where.ts';
import { each } from './machine-act.ts';

export type WithOutput = { readonly output: Format };

export async function listBmcs(
  term: Terminal,
  daemon: Daemon,
  options: WithOutput & { readonly watch?: boolean },
): Promise<void> {
  await showListOf<BmcResource>(
    term,
    daemon,
    {
      read: async () => (await daemon.ask('listBmcs')).value.items,
      kinds: ['machine', 'document'],
      // What they answer is read by the daemon every 30 s, and is no document.
      everyMs: 10_000,
      columns: (now) => [
        { title: 'ADDRESS', of: ({ address }) => address },
        { title: 'TYPE', of: ({ type }) => type },
        { title: 'MACHINE', of: ({ machine, like }) => machine ?? (like?.[0] ? `(${like[0].machine}?)` : undefined) },
        { title: 'PROVEN', of: ({ proven }) => proven?.by },
        {
          title: 'CREDENTIAL',
          of: credentialText,
          style: ({ credential }) => (credential?.shared === true ? 'yellow' : undefined),
        },
        { title: 'POWER', of: ({ reading }) => reading?.power },
        {
          title: 'SEEN',
          of: ({ reading, seenAt }) => ago(Math.max(reading?.at ?? 0, seenAt ?? 0) || undefined, now),
          ages: true,
        },
        {
          title: 'MODEL',
          of: ({ identity }) =>
            [identity?.bmcVendor, identity?.product, identity?.bmcVersion].filter(Boolean).join(' '),
        },
        { title: 'TROUBLE', of: ({ conflict, reading }) => conflict ?? reading?.error?.because },
      ],
      nameOf: ({ address }) => address,
      none: [
        'no BMC is known',
        '  next: ingot bmc discover CIDR, or ingot bmc set MACHINE --type redfish --address URL',
      ],
    },
    options,
  );
}

const credentialText = ({ credential }: BmcResource): string | undefined =>
  credential && (credential.own ? 'its own' : `${credential.name}${credential.shared ? ' (shared)' : ''}`);

export async function showBmc(term: Terminal, daemon: Daemon, word: string, { output }: WithOutput): Promise<void> {
  const name = await nameOf(daemon, word);
  const { value } = await daemon.ask('getMachineBmc', { params: { name } });
  if (output !== 'table') return printDocuments(term, output, value);
  say(term, paint(term, 'bold', name), ...bmcLines(term, value));
}

/** The BMC's part of what is known of a machine. */
export function bmcLines(
  term: Terminal,
  { bmc, means, unknown, ask }: Awaited<ReturnType<typeof machineBmc>>,
): readonly string[] {
  const { reading, identity, pin, proven } = bmc;
  const by = (who: string): string => BMC_VERBS.filter((verb) => means?.[verb] === who).join(', ');
  const trouble = reading?.error && `${reading.error.code}: ${reading.error.because}`;
  return pairs(term, [
    ['BMC', bmc.type === 'manual' ? 'none: a person is asked' : `${bmc.type} ${bmc.address}`],
    [
      'power',
      reading &&
        [
          reading.power,
          reading.health && `health ${reading.health}`,
          reading.powerWatts !== undefined && `${reading.powerWatts} W`,
          reading.bootProgress,
        ]
          .filter(Boolean)
          .join(', '),
    ],
    ['read', isoTime(reading?.at === 0 ? undefined : reading?.at)],
    ['trouble', trouble ?? unknown],
    [
      'proven',
      proven
        ? `by ${proven.by}, ${isoTime(proven.at)}`
        : bmc.type === 'redfish' || bmc.type === 'ipmi'
          ? 'no: it is read, not commanded'
          : undefined,
    ],
    ['conflict', bmc.conflict],
    ['credential', credentialText(bmc)],
    ['certificate', pin && `${pin.sha256} since ${isoTime(pin.at)}`],
    ['model', identity && [identity.manufacturer, identity.product].filter(Boolean).join(' ')],
    ['serial', identity?.serial],
    ['service tag', identity?.sku],
    ['firmware', identity && [identity.bmcVendor, identity.bmcVersion].filter(Boolean).join(' ')],
    ['by its BMC', by('bmc')],
    ['by its system', by('machine-api')],
    ['by a person', by('person')],
    ['by nobody', by('nobody')],
    ['asked for', ask && `power ${ask.wanted}, by hand: ingot power confirm ${ask.machine}`],
  ]);
}

export const machineBmc = async (daemon: Daemon, name: string) =>
  (await daemon.ask('getMachineBmc', { params: { name } })).value;

export type SetOptions = {
  readonly type?: string;
  readonly address?: string;
  readonly credential?: string;
  readonly system?: string;
  readonly none?: boolean;
};

/** Changes the BMC of a machine's document. */
export async function setBmc(term: Terminal, daemon: Daemon, word: string, options: SetOptions): Promise<void> {
  const name = await nameOf(daemon, word);
  const type = options.type === undefined ? undefined : bmcType(options.type);
  const change = Object.fromEntries(
    Object.entries({ type, address: options.address, credential: options.credential, system: options.system }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  if (options.none !== true && Object.keys(change).length === 0) {
    throw badInput('want --type, --address, --credential, --system or --none');
  }
  await daemon.ask('patchMachine', { params: { name }, body: { bmc: options.none === true ? null : change } });
  say(term, `${name}: ${options.none === true ? 'has no BMC' : 'its BMC is set'}`);
}

export function bmcType(text: string): BmcType {
  const found = BMC_TYPES.find((one) => one === text);
  if (found) return found;
  throw badInput(`--type: got ${text}, want ${BMC_TYPES.join(' | ')}`);
}

/** Shows the certificate, and pins it when a person says that it is the right one. */
export async function pinBmc(
  term: Terminal,
  daemon: Daemon,
  word: string,
  options: { readonly sha256?: string; readonly yes?: boolean },
): Promise<void> {
  const name = await nameOf(daemon, word);
  const { value: now } = await daemon.ask('pinBmc', { params: { name }, body: {} });
  say(
    term,
    ...pairs(term, [
      ['shows', now.shown.sha256],
      ['subject', now.shown.subject],
      ['valid to', now.shown.validTo],
      ['pinned', now.pinned ? `${now.pinned.sha256} since ${isoTime(now.pinned.at)}` : 'nothing yet'],
    ]),
  );
  if (now.pinned?.sha256 === now.shown.sha256) return say(term, 'it is the pinned one');
  const sha256 = options.sha256?.replaceAll(':', '').toLowerCase();
  if (sha256 === undefined) await confirm(term, `Is that the certificate of the BMC of ${name}?`, options.yes);
  const { value } = await daemon.ask('pinBmc', { params: { name }, body: { sha256: sha256 ?? now.shown.sha256 } });
  say(
    term,
    `${name}: ${value.pinned?.sha256 ?? ''} is pinned; its BMC is commanded again once it is proven to be its own`,
  );
}

export async function discoverBmcs(
  term: Terminal,
  daemon: Daemon,
  cidr: string,
  options: WithOutput & { readonly port: readonly string[] },
): Promise<void> {
  const ports = options.port.map(Number);
  note(term, `looks at every address of ${cidr} by Redfish and RMCP; no credential is sent`);
  const { value } = await daemon.ask('discoverBmcs', { body: { cidr, ...(ports.length > 0 ? { ports } : {}) } });
  if (options.output !== 'table') return printDocuments(term, options.output, value.items);
  note(term, `${value.items.length} found at ${value.asked} addresses`);
  if (value.items.length === 0) return;
  say(
    term,
    ...table<DiscoveredBmc>(
      term,
      [
        { title: 'ADDRESS', of: ({ address }) => address },
        { title: 'TYPE', of: ({ type }) => type },
        { title: 'MACHINE', of: ({ machine }) => machine },
        { title: 'VENDOR', of: ({ vendor, product }) => [vendor, product].filter(Boolean).join(' ') },
        { title: 'CERTIFICATE', of: ({ certificate }) => certificate?.sha256 },
      ],
      value.items,
    ),
  );
  note(term, '  next: ingot bmc try ADDRESS… --credential NAME');
}

export type TryOptions = WithOutput & {
  readonly credential: string;
  readonly rack?: string;
  readonly yes?: boolean;
};

/** First the certificates, then a question, then one login each. */
export async function tryBmcs(
  term: Terminal,
  daemon: Daemon,
  addresses: readonly string[],
  options: TryOptions,
): Promise<number> {
  const bmcs = [];
  for (const address of addresses) {
    const url = /^https?:\/\//.test(address) ? new URL(address) : undefined;
    if (!url) {
      bmcs.push({ address, type: 'ipmi' as const });
      continue;
    }
    const { value } = await daemon.ask('discoverBmcs', {
      body: { cidr: `${url.hostname}/32`, ports: [Number(url.port || 443)] },
    });
    const shown = value.items.find(({ type }) => type === 'redfish')?.certificate;
    note(term, `${address}  ${shown ? `${shown.sha256}  ${escaped(shown.subject)}` : 'does not answer'}`);
    bmcs.push({ address, type: 'redfish' as const, ...(shown ? { sha256: shown.sha256 } : {}) });
  }
  const question = `Send the credential ${options.credential} to ${bmcs.length === 1 ? 'this BMC' : `these ${bmcs.length} BMCs`}, and pin what they show?`;
  await confirm(term, question, options.yes);
  const { value } = await daemon.ask('tryBmcs', {
    body: { credential: options.credential, ...(options.rack === undefined ? {} : { rack: options.rack }), bmcs },
  });
  if (options.output !== 'table') printDocuments(term, options.output, value.items);
  else
    say(
      term,
      ...table(
        term,
        [
          { title: 'ADDRESS', of: ({ address }) => address },
          {
            title: 'OUTCOME',
            of: ({ outcome }) => outcome,
            style: ({ outcome }) => (outcome === 'opened' ? 'green' : 'red'),
          },
          {
            title: 'MODEL',
            of: ({ identity }) =>
              [identity?.manufacturer, identity?.product, identity?.serial].filter(Boolean).join(' '),
          },
          {
            title: 'LIKE',
            of: ({ like }) => like?.map(({ machine, by }) => `${machine} (${by.join(', ')})`).join('; '),
          },
          { title: 'WHY', of: ({ because }) => because },
        ],
        value.items,
      ),
    );
  return value.items.every(({ outcome }) => outcome === 'opened') ? EXIT.done : EXIT.failed;
}

export async function rotateBmcs(
  term: Terminal,
  daemon: Daemon,
  words: readonly string[],
  options: Selection & { readonly yes?: boolean },
): Promise<number> {
  const names = await resolveMachines(term, daemon, words, options);
  if (names.length > 1) await confirm(term, `Give ${names.length} BMCs passwords of their own?`, options.yes);
  return await each(term, names, async (name) => {
    const answer = await daemon.attempt('rotateBmc', { params: { name } });
    return 'problem' in answer ? answer : answer.value.text;
  });
}

export async function showEvents(term: Terminal, daemon: Daemon, word: string, { output }: WithOutput): Promise<void> {
  const name = await nameOf(daemon, word);
  const { value } = await daemon.ask('listBmcEvents', { params: { name } });
  if (output !== 'table') return printDocuments(term, output, value.items);
  const style = (severity: string) => (severity === 'critical' ? 'red' : severity === 'warning' ? 'yellow' : undefined);
  for (const { at, severity, text } of value.items) {
    const line = `${isoTime(at) ?? '-'}  ${severity.padEnd(8)}  ${escaped(text)}`;
    const colour = style(severity);
    say(term, colour ? paint(term, colour, line) : line);
  }
  if (value.items.length === 0) note(term, 'its log is empty');
}

export async function identify(
  term: Terminal,
  daemon: Daemon,
  words: readonly string[],
  options: Selection & { readonly seconds: string; readonly off?: boolean },
): Promise<number> {
  const seconds = options.off === true ? 0 : Number(options.seconds);
  if (!Number.isInteger(seconds) || seconds < 0)
    throw badInput(`--seconds: got ${options.seconds}, want a whole number`);
  const names = await resolveMachines(term, daemon, words, options);
  return await each(term, names, async (name) => {
    const answer = await daemon.attempt('identifyMachine', { params: { name }, body: { seconds } });
    if ('problem' in answer) return answer;
    return seconds === 0 ? 'its light is off' : `its light is on for ${seconds} s`;
  });
}

export async function readInventory(
  term: Terminal,
  daemon: Daemon,
  word: string,
  { output }: WithOutput,
): Promise<void> {
  const name = await nameOf(daemon, word);
  const { value } = await daemon.ask('readBmcInventory', { params: { name } });
  if (output !== 'table') return printDocuments(term, output, value);
  const gib = (bytes: number): string => `${Math.round(bytes / 2 ** 30)} GiB`;
  const { system, processors, memory, disks, nics, gpus, gaps } = value;
  say(
    term,
    paint(term, 'bold', `${name}, as its BMC says`),
    ...pairs(term, [
      [
        'system',
        [
          system.manufacturer,
          system.product,
          system.serial && `serial ${system.serial}`,
          system.sku && `SKU ${system.sku}`,
        ]
          .filter(Boolean)
          .join(' '),
      ],
      ['UUID', system.uuid],
      ['BIOS', [value.bios?.vendor, value.bios?.version].filter(Boolean).join(' ')],
      ['BMC', [value.bmc?.model, value.bmc?.version].filter(Boolean).join(' ')],
      ...processors.map(
        ({ socket = '', model = '', cores }, at) =>
          [at === 0 ? 'processors' : '', [socket, model, cores && `${cores} cores`].filter(Boolean).join(' ')] as const,
      ),
      ['memory', memory && `${gib(memory.totalBytes)} in ${memory.modules.length} modules`],
      ...disks.map(
        ({ location = '', model = '', serial = '', bytes, health }, at) =>
          [
            at === 0 ? 'disks' : '',
            [location, model, serial && `serial ${serial}`, gib(bytes), health].filter(Boolean).join(' '),
          ] as const,
      ),
      ...nics.map(
        ({ mac, product = '', speedMbit, linkUp }, at) =>
          [
            at === 0 ? 'NICs' : '',
            [mac, product, speedMbit && `${speedMbit} Mbit/s`, linkUp === true && 'up'].filter(Boolean).join(' '),
          ] as const,
      ),
      ...gpus.map((gpu, at) => [at === 0 ? 'GPUs' : '', gpu] as const),
      ['health', value.health],
      ['power', value.powerWatts === undefined ? undefined : `${value.powerWatts} W`],
      ['not read', gaps.join('; ')],
    ]),
  );
}

/** A file as `export-quirks` writes it. */
export async function importQuirks(term: Terminal, daemon: Daemon, file: string): Promise<void> {
  const read = quirksImported.shape.items.safeParse(await jsonOf(term, file));
  if (!read.success) {
    const [issue] = read.error.issues;
    throw badInput(
      `${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'another form'}; want what ingot bmc export-quirks gives`,
    );
  }
  const { value } = await daemon.ask('importBmcQuirks', { body: { items: read.data } });
  say(term, `${value.kept} models: BMCs of these start from it; what they teach here counts more`);
}

async function jsonOf(term: Terminal, file: string): Promise<unknown> {
  const text =
    file === '-'
      ? await term.readInput()
      : await readFile(resolve(term.cwd, file), 'utf8').catch((error: unknown) => {
          throw badInput(`cannot read ${file} (${codeOf(error) ?? String(error)})`);
        });
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw badInput(`${file}: it is no JSON; want what ingot bmc export-quirks gives`);
  }
}

export async function exportQuirks(term: Terminal, daemon: Daemon): Promise<void> {
  const { value } = await daemon.ask('listBmcQuirks');
  say(term, JSON.stringify(value.items, undefined, 2));
}
