import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TraceEvent } from '#machines/contract/trace.ts';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { type Verdicts, watchVerdicts } from '#test/harness/verdicts.ts';
import {
  ARM64_GUEST_NEEDS,
  type Firmware,
  GUEST_NEEDS,
  type Guest,
  type SecureBoot,
  startGuest,
} from '#test/lab/guest.ts';
import { buildInitramfs } from '#test/lab/initramfs.ts';
import { type Lab, openLab } from '#test/lab/lab.ts';

/** What every test with our daemon and real firmware needs. */
export const BOOT_NEEDS = GUEST_NEEDS;
export const ARM64_BOOT_NEEDS = ARM64_GUEST_NEEDS;
type PcTools = Readonly<Record<(typeof BOOT_NEEDS)[number], string>>;
type Arm64Tools = Readonly<Record<(typeof ARM64_BOOT_NEEDS)[number], string>>;

export const MAC = '52:54:00:00:00:01';
/** TCG on a loaded machine is slow; what a guest does next is waited for, never slept for. */
export const BOOT_LIMIT_MS = 300_000;
export const LINE_LIMIT_MS = 60_000;
/** What a guest's own disk says. */
export const OWN_DISK = /^I am the own disk$/m;
export const OWN_DISK_TEXT = 'I am the own disk';

export type BootWorld = AsyncDisposable & {
  readonly lab: Lab;
  readonly daemon: Daemon;
  readonly verdicts: Verdicts;
  /** Kills the daemon as a power failure would, and starts it again on what it has kept. `daemon` is the new one then. */
  crashDaemon(): Promise<void>;
  /** Powers a machine on; every start has the same MAC unless told otherwise. */
  powerOn(options: {
    readonly firmware: Firmware;
    readonly mac?: string;
    readonly disk?: string;
    readonly secureBoot?: SecureBoot;
    readonly extraArgs?: readonly string[];
  }): Guest;
  /** The events of a MAC's newest attempt. */
  trace(mac?: string): Promise<readonly TraceEvent[]>;
};

/**
 * A lab with our daemon on its bridge, on the ports that firmware asks, with Debian's loaders and a live image named
 * `live`: Debian's kernel and an initramfs that speaks on the serial port. All of it for the processor that the tools
 * are for.
 */
export async function openBootWorld(
  tools: PcTools | Arm64Tools,
  options: {
    readonly mode: 'server' | 'proxy';
    /** Runs before the daemon starts: another DHCP server. */
    readonly before?: (lab: Lab) => Promise<void>;
    readonly config?: Readonly<Record<string, unknown>>;
    /** Which of Debian's UEFI loaders are there; by default both, and so snponly.efi is chosen. */
    readonly loaders?: readonly PcLoader[];
    /** More loaders: the name that each is served by, and its file. */
    readonly moreLoaders?: Readonly<Record<string, string>>;
  },
): Promise<BootWorld> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(openLab());
  await options.before?.(lab);
  const loaders = join(lab.folder, 'loaders');
  const live = 'vmlinuz-arm64' in tools ? arm64Live(tools) : pcLive(tools, options.loaders);
  for (const [name, path] of [...live.loaders, ...Object.entries(options.moreLoaders ?? {})])
    place(path, join(loaders, name));
  const server = {
    interfaces: [{ name: lab.bridge, mode: options.mode, discovery: 'off' }],
    subnets:
      options.mode === 'proxy'
        ? []
        : [{ cidr: '192.168.77.0/24', pools: ['192.168.77.100-192.168.77.200'], router: lab.address }],
    loaders: { dir: loaders },
  };
  const directory = join(lab.folder, 'daemon');
  mkdirSync(directory);
  const start = (): Promise<Daemon> => startDaemon({ lab, directory, config: { ...server, ...options.config } });
  let daemon = await start();
  stack.defer(() => daemon[Symbol.asyncDispose]());
  await daemon.apply([
    {
      kind: 'Image',
      name: 'live',
      arch: live.arch,
      assets: [
        { role: 'kernel', path: live.kernel },
        { role: 'initrd', path: live.initrd },
      ],
    },
    profile('live', 'always', live.console),
    profile('once', 'once', live.console),
  ]);
  const verdicts = stack.use(await watchVerdicts(daemon));
  const owned = stack.move();
  return {
    lab,
    get daemon() {
      return daemon;
    },
    verdicts,
    async crashDaemon() {
      process.kill(daemon.pid, 'SIGKILL');
      await daemon[Symbol.asyncDispose]();
      daemon = await start();
    },
    powerOn: (guest) => startGuest(lab, { tools, mac: MAC, ...guest }),
    async trace(mac = MAC) {
      const [attempt] = await daemon.attempts({ mac });
      return attempt ? await daemon.events(attempt.id) : [];
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A machine that an operator added. */
export const machineDocument = (rest: Readonly<Record<string, unknown>> = {}) => ({
  kind: 'Machine',
  name: 'r1-u1',
  macs: [MAC],
  ...rest,
});

type PcLoader = 'snponly.efi' | 'ipxe.efi';

/** What a machine of one processor boots. `loaders`: the name that it is served by, and its file. */
type Live = {
  readonly arch: string;
  readonly console: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly loaders: readonly (readonly [name: string, path: string])[];
};

function pcLive(tools: PcTools, loaders: readonly PcLoader[] = ['snponly.efi', 'ipxe.efi']): Live {
  return {
    arch: 'x86_64',
    console: 'ttyS0',
    kernel: tools.vmlinuz,
    initrd: buildInitramfs(tools),
    loaders: [
      ['ipxe/undionly.kpxe', tools['undionly.kpxe']],
      ...loaders.map((name) => [`ipxe/x86_64/${name}`, tools[name]] as const),
    ],
  };
}

function arm64Live(tools: Arm64Tools): Live {
  return {
    arch: 'arm64',
    console: 'ttyAMA0',
    kernel: tools['vmlinuz-arm64'],
    initrd: buildInitramfs({ busybox: tools['busybox-arm64'], modules: tools['modules-arm64'] }),
    // As the package of Debian 13 has it.
    loaders: [['ipxe-arm64.efi', tools['ipxe-arm64.efi']]],
  };
}

function profile(name: string, when: 'always' | 'once', console: string) {
  return {
    kind: 'Profile',
    name,
    os: 'kernel',
    when,
    writes: 'none',
    image: 'live',
    args: [`console=${console}`, 'ingot.network', `profile.is=${name}`],
  };
}

function place(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}
