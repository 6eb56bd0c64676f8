import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { prepare } from '#machines/rack/prepare.ts';
import { runRack } from '#machines/rack/rack.ts';
import type { MachineSpec, RackTimes } from '#machines/rack/spec.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { parseUuid } from '#machines/values/uuid.ts';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import type { Place, TestMachine } from './cases.ts';

/** Where a machine's relay stands, and what is configured for it. */
const PLACES: Readonly<Record<Place, { readonly giaddr: string; readonly subnet: Readonly<Record<string, unknown>> }>> =
  {
    main: { giaddr: '127.77.0.2', subnet: { cidr: '127.77.0.0/16', pools: ['127.77.1.0-127.77.9.255'] } },
    'small-pool': { giaddr: '127.80.0.2', subnet: { cidr: '127.80.0.0/24', pools: ['127.80.0.10-127.80.0.10'] } },
    'far-relay': {
      giaddr: '127.82.0.2',
      subnet: { cidr: '127.81.0.0/24', pools: ['127.81.0.10-127.81.0.99'], relays: ['127.82.0.2'] },
    },
    'forgetful-relay': { giaddr: '127.84.0.2', subnet: { cidr: '127.84.0.0/24', pools: ['127.84.0.10-127.84.0.99'] } },
    'plain-relay': { giaddr: '127.85.0.2', subnet: { cidr: '127.85.0.0/24', pools: ['127.85.0.10-127.85.0.99'] } },
  };

/** A silence of so long means something in these tests; each is longer than any pause of a machine that is well. */
const TIMES = {
  offerMs: 4000,
  lastOfferMs: 3000,
  otherServerMs: 3000,
  bootFileMs: 4000,
  retryMs: 4000,
  loaderMs: 4000,
  scriptMs: 4000,
  kernelMs: 4000,
  initrdMs: 4000,
  runningMs: 4000,
};

/** A link is late from ten seconds on. */
const RACK: RackTimes = { selfTestMs: 50, kernelMs: 1000, linkMs: 10_500, hesitationMs: 1000 };

/** A daemon with a rack's files, images of every kind of wholeness, and a subnet for each place. */
export async function openWorld(): Promise<Daemon> {
  const daemon = await startDaemon({
    config: {
      subnets: Object.values(PLACES).map(({ subnet }) => subnet),
      traces: { times: TIMES },
      loaders: { dir: './rack/loaders' },
    },
  });
  try {
    const rack = join(daemon.directory, 'rack');
    await prepare(rack, { kernel: 4 << 20, initrd: 1 << 20 });
    const ipxe = join(rack, 'loaders/ipxe');
    await rm(join(ipxe, 'arm64'), { recursive: true });
    await rename(join(ipxe, 'x86_64/snponly.efi'), join(ipxe, 'x86_64/ipxe.efi'));
    const file = (name: string) => join(rack, 'images/x86_64', name);
    const kernel = { role: 'kernel', path: file('vmlinuz') };
    const initrd = { role: 'initrd', path: file('initrd') };
    const image = (name: string, ...assets: readonly object[]) => [
      { kind: 'Image', name, arch: 'x86_64', assets },
      { kind: 'Profile', name, os: 'kernel', when: 'always', writes: 'none', image: name },
    ];
    await daemon.apply([
      ...image('live', kernel, initrd),
      ...image('kernel-only', kernel),
      ...image('no-kernel', { role: 'kernel', path: file('deleted') }, initrd),
      ...image('no-initrd', kernel, { role: 'initrd', path: file('deleted') }),
    ]);
    return daemon;
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
}

/** A machine for the rack; `number` tells it from all others. */
export function specOf({ firmware, faults = [], place = 'main' }: TestMachine, number: number): MachineSpec {
  const hex = number.toString(16).padStart(6, '0');
  return {
    name: `f${number}`,
    mac: sure(parseMacAddress(`525401${hex}`)),
    uuid: sure(parseUuid(`51a1a7ed-0000-4000-8000-525401${hex}`)),
    serial: `FAULT${number}`,
    manufacturer: 'Simulated',
    product: firmware,
    firmware,
    faults,
    giaddr: sure(parseIpv4(PLACES[place].giaddr)),
  };
}

/** Adds the machine as an operator would, unless it is to be unknown. */
export async function register(daemon: Daemon, spec: MachineSpec, { profile }: TestMachine): Promise<void> {
  if (profile === undefined) return;
  await daemon.apply([
    {
      kind: 'Machine',
      name: spec.name,
      macs: [spec.mac],
      ...(profile === 'none' ? {} : { profile }),
    },
  ]);
}

/** Powers it on. It stands still or starts over until the signal aborts, as its fault wants. */
export async function power(daemon: Daemon, spec: MachineSpec, signal: AbortSignal): Promise<readonly string[]> {
  const screen: string[] = [];
  await runRack({
    machines: [spec],
    daemon: daemon.sockets,
    staggerMs: 0,
    times: RACK,
    events: (event) => {
      if (event.kind === 'screen') screen.push(event.line);
    },
    signal,
  }).catch((cause: unknown) => {
    if (!signal.aborted) throw cause;
  });
  return screen;
}
