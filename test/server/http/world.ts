import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { imageDocument, machineDocument, profileDocument } from '#machines/contract/documents.ts';
import type { Grant, Machine } from '#machines/contract/machine.ts';
import type { Attempt, TraceBody } from '#machines/contract/trace.ts';
import { type Discovery, planBoot } from '#machines/decide/boot-plan.ts';
import { sure } from '#machines/values/parsed.ts';
import { parseIpAddress } from '#machines/values/ip-address.ts';
import { type MacAddress, parseMacAddress } from '#machines/values/mac-address.ts';
import type { Sighting } from '#services/registry/contract.ts';
import { openImages } from '#services/images/image-library.ts';
import { openLoaders } from '#services/images/loaders.ts';
import { SHARED_CHUNKS, sharedChunks } from '#services/images/shared-chunks.ts';
import { ipxeSamples } from '#services/templates/ipxe-samples.ts';
import { openTemplates } from '#services/templates/templates.ts';
import type { BootPlaneLimits, BootPlaneParts } from '#server/http/contract.ts';
import { bootPlane } from '#server/http/boot-plane.ts';
import { runTogether } from '#server/task.ts';

export const MAC = sure(parseMacAddress('52:54:00:00:00:01'));
export const ATTEMPT = 'AAAAAAAAAAAAAAAAAAAAAA';
export const TEMPLATES = join(import.meta.dirname, '../../../templates');

export async function templates() {
  const opened = await openTemplates({ dir: TEMPLATES, samples: ipxeSamples() });
  if (!opened.ok) throw new Error(opened.errors.join('\n'));
  return opened.templates;
}

export const MACHINE: Machine = {
  document: machineDocument.parse({ kind: 'Machine', name: 'r1-u12', macs: [MAC], profile: 'live' }),
  acceptance: 'accepted',
  service: 'none',
  locked: false,
  identifiers: { macs: [MAC], uuids: [], serials: [] },
  facts: {},
  rev: 1,
};

export type Recorded = { readonly attempt: string | undefined; readonly body: TraceBody };

/** A boot plane on loopback with one machine, a kernel of 3 MiB and an initrd of 5 MiB, and everything it told others. */
export async function startWorld(
  options: {
    readonly profile?: Readonly<Record<string, unknown>>;
    readonly machine?: Partial<Machine>;
    readonly grant?: boolean;
    readonly discovery?: Discovery;
    readonly limits?: Partial<BootPlaneLimits>;
    readonly chunks?: Partial<typeof SHARED_CHUNKS>;
    /** The attempt is in a boot loop, and this is why. */
    readonly loop?: string;
    readonly initrdBytes?: number;
    /** Another initrd goes before that one. */
    readonly firstInitrd?: Uint8Array;
    /** false: nothing is remembered of what was recorded. */
    readonly keepEvents?: boolean;
    /** Given the port once it is known: guests of QEMU reach loopback by another address. */
    readonly advertise?: (port: number) => string;
  } = {},
) {
  const directory = await mkdtemp(join(tmpdir(), 'ingot-http-'));
  const files = {
    kernel: filled(3 << 20, 1),
    initrd: filled(options.initrdBytes ?? 5 << 20, 2),
    snponly: peFile(),
  };
  await write(join(directory, 'vmlinuz'), files.kernel);
  await write(join(directory, 'initrd.zst'), files.initrd);
  await write(join(directory, 'loaders/ipxe/x86_64/snponly.efi'), files.snponly);

  if (options.firstInitrd) await write(join(directory, 'first.img'), options.firstInitrd);
  const first = options.firstInitrd ? [{ role: 'initrd', path: join(directory, 'first.img') }] : [];

  let machine: Machine = { ...MACHINE, ...options.machine };
  const profile = profileDocument.parse({
    kind: 'Profile',
    name: 'live',
    os: 'kernel',
    when: options.grant === undefined ? 'always' : 'once',
    writes: 'none',
    image: 'live',
    args: ['console=ttyS0'],
    ...options.profile,
  });
  const image = imageDocument.parse({
    kind: 'Image',
    name: 'live',
    arch: 'x86_64',
    assets: [
      { role: 'kernel', path: join(directory, 'vmlinuz') },
      ...first,
      { role: 'initrd', path: join(directory, 'initrd.zst') },
    ],
  });
  const events: Recorded[] = [];
  const sightings: Sighting[] = [];
  const attempt = attemptOf(ATTEMPT, machine.document.name, MAC);
  const loop = { code: 'boot-loop', stage: 'kernel', cause: options.loop ?? '', next: '' } as const;
  const attempts = new Map<string, Attempt>([
    [ATTEMPT, options.loop === undefined ? attempt : { ...attempt, verdict: loop }],
  ]);
  let grant: Grant | undefined = options.grant
    ? { id: 'g1', machine: machine.document.name, profile: 'live', createdAt: 1, by: 'operator' }
    : undefined;
  const waiting = new Set<() => void>();
  let port = 0;

  const images = openImages({
    registry: { image: (name) => (name === 'live' ? image : undefined), documents: () => [], watch: () => () => {} },
    dir: join(directory, 'images'),
    log: { info() {}, warn() {} },
  });
  const parts: BootPlaneParts = {
    registry: {
      machine: (name) => (name === machine.document.name ? machine : undefined),
      machineByMac: (mac) => (mac === MAC ? machine : undefined),
      observe(sighting) {
        sightings.push(sighting);
        return sighting.mac === MAC ? machine : undefined;
      },
      useGrant(_id, attempt) {
        if (grant) grant = { ...grant, attempt };
      },
      async spendGrant(_id, attempt) {
        if (grant) grant = { ...grant, attempt, spentAt: 2 };
      },
    },
    planner: ({ machine: asked, attempt, discovery }) => {
      const usable = grant && (grant.spentAt === undefined || grant.attempt === attempt) ? grant : undefined;
      return planBoot({
        agent: { kind: 'missing', because: 'there is no agent in this test' },
        machine: asked,
        discovery,
        profile,
        profileFrom: 'the test says so',
        grant: usable ? { grant: usable, profile } : undefined,
        image: (name) => (name === 'live' ? image : undefined),
      });
    },
    recorder: {
      record(subject, body) {
        let { attempt } = subject;
        if (attempt === undefined && subject.mac !== undefined) {
          attempt = 'B'.repeat(22);
          attempts.set(attempt, attemptOf(attempt, undefined, subject.mac));
        }
        if (options.keepEvents !== false) events.push({ attempt, body });
        for (const wake of waiting) wake();
        return attempt;
      },
      live: ({ attempt }) => (attempt === undefined ? undefined : attempts.get(attempt)),
      async attempt() {
        return undefined;
      },
      macOf: () => undefined,
    },
    loaders: openLoaders({ dir: join(directory, 'loaders'), fallbackDirs: [] }),
    images,
    templates: await templates(),
    networkOf: () => ({ discovery: options.discovery ?? 'off', advertise: options.advertise?.(port) }),
    receivers: {},
    chunks: sharedChunks({ ...SHARED_CHUNKS, ...options.chunks }),
    log: { debug() {}, info() {}, warn() {}, error() {} },
    now: Date.now,
  };
  const stop = new AbortController();
  const plane = bootPlane({
    ...parts,
    listen: { address: sure(parseIpAddress('127.0.0.1')), port: 0 },
    ...(options.limits ? { limits: options.limits } : {}),
  });
  const running = runTogether(stop.signal, [plane]);
  const { url } = await plane.ready;
  port = Number(new URL(url).port);
  return {
    url,
    port,
    directory,
    files,
    parts,
    events,
    sightings,
    grant: () => grant,
    /** What an operator does meanwhile. */
    change(differences: Partial<Machine>): void {
      machine = { ...machine, ...differences };
    },
    /** The first event that fits, also one that has happened already. */
    async event<Kind extends TraceBody['kind']>(
      kind: Kind,
      fits: (body: Extract<TraceBody, { kind: Kind }>) => boolean = () => true,
    ): Promise<Extract<TraceBody, { kind: Kind }>> {
      for (;;) {
        const found = events
          .map(({ body }) => body)
          .find((body): body is Extract<TraceBody, { kind: Kind }> => body.kind === kind && fits(body as never));
        if (found) return found;
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        await promise;
        waiting.delete(resolve);
      }
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await images[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

function attemptOf(id: string, machine: string | undefined, mac: MacAddress): Attempt {
  return {
    id,
    ...(machine === undefined ? {} : { machine }),
    mac,
    site: 'default',
    startedAt: 1,
    lastAt: 1,
    stage: 'dhcp',
    verdict: { code: 'in-progress', stage: 'dhcp', cause: '', next: '' },
    events: 0,
  };
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

/** Bytes in which every place is told from its neighbours. */
export function filled(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let offset = 0; offset + 4 <= length; offset += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(state, offset);
  }
  return bytes;
}

export function peFile(machine = 0x8664): Buffer {
  const bytes = filled(70_000, 3);
  bytes.write('MZ', 0, 'latin1');
  bytes.writeUInt32LE(0x80, 0x3c);
  bytes.write('PE\0\0', 0x80, 'latin1');
  bytes.writeUInt16LE(machine, 0x84);
  return bytes;
}
