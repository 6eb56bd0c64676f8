import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import type { Need } from './need.ts';
import type { Ended } from './program.ts';
import { readLog, waitFor } from './wait.ts';

/**
 * How a guest starts:
 * - `bios-pxe`: SeaBIOS, and the iPXE in its network card's ROM;
 * - `uefi-pxe`: OVMF's own PXE, the card's ROM turned off;
 * - `uefi-http`: OVMF's HTTP Boot, its PXE turned off so that it goes straight there.
 */
export const FIRMWARES = ['bios-pxe', 'uefi-pxe', 'uefi-http'] as const;
export type Firmware = (typeof FIRMWARES)[number];

/** What a test that boots guests needs. */
export const GUEST_NEEDS = [
  'root',
  'netns',
  'tun',
  'ip',
  'qemu-system-x86_64',
  'OVMF_CODE_4M.fd',
  'OVMF_VARS_4M.fd',
  'busybox',
  'vmlinuz',
  'modules',
  'undionly.kpxe',
  'ipxe.efi',
  'snponly.efi',
] as const satisfies readonly Need[];

export type GuestTools = Readonly<Record<'qemu-system-x86_64' | 'OVMF_CODE_4M.fd' | 'OVMF_VARS_4M.fd', string>>;

export type Guest = {
  readonly mac: string;
  readonly tap: string;
  /** What the guest wrote to its serial console; OVMF and SeaBIOS write there too. */
  readonly serial: () => string;
  /** Waits for a line on the console; throws, with the console's end, if the guest ends or the time (ms) is over. */
  waitForSerial(pattern: RegExp, limitMs: number): Promise<RegExpExecArray>;
  /** Waits for it to power itself off. */
  waitForPowerOff(limitMs: number): Promise<void>;
  /** Ends it; QEMU finishes what its disks were given. */
  stop(): Promise<Ended>;
  /** Pulls the plug: what its disks were given and have not done is lost. */
  losePower(): Promise<Ended>;
};

/** Powers a guest on, on a port of its own of the lab's bridge. It ends with the lab at the latest. */
export function startGuest(
  lab: Lab,
  options: {
    readonly tools: GuestTools;
    readonly firmware: Firmware;
    /** Default: 52:54:00:00:00:01. */
    readonly mac?: string;
    readonly uuid?: string;
    readonly memoryMb?: number;
    /** A raw disk image or what makeDisk returned, tried after the network. The guest may write to it. */
    readonly disk?: string;
    readonly extraArgs?: readonly string[];
  },
): Guest {
  const { tools, firmware, mac = '52:54:00:00:00:01' } = options;
  const tap = lab.addTap();
  const serialFile = join(lab.folder, `${tap}-serial.log`);
  // An empty romfile leaves the card without a ROM, so that the firmware's own network stack is what is tested.
  const rom = firmware === 'bios-pxe' ? '' : ',romfile=';
  const args = [
    ['-accel', 'tcg,thread=multi', '-m', String(options.memoryMb ?? 512)],
    ['-display', 'none', '-monitor', 'none', '-no-reboot', '-serial', `file:${serialFile}`],
    firmwareArgs(lab, { tools, firmware, tap }),
    ['-netdev', `tap,id=n0,ifname=${tap},script=no,downscript=no`],
    ['-device', `virtio-net-pci,netdev=n0,mac=${mac},bootindex=1${rom}`],
    options.uuid === undefined ? [] : ['-uuid', options.uuid],
    options.disk === undefined ? [] : diskArgs(options.disk),
    options.extraArgs ?? [],
  ].flat();
  const qemu = lab.start([tools['qemu-system-x86_64'], ...args], { name: `qemu-${tap}` });
  const serial = () => readLog(serialFile);
  const describe = () => `its console ended:\n${serial().slice(-4000)}\nqemu said: ${qemu.output()}`;

  return {
    mac,
    tap,
    serial,
    async waitForSerial(pattern, limitMs) {
      const look = () => {
        const over = qemu.hasEnded();
        const match = pattern.exec(serial());
        if (match === null && over) throw new Error('the guest ended');
        return match ?? undefined;
      };
      try {
        return await waitFor(`the guest's ${pattern}`, look, limitMs);
      } catch (cause) {
        throw new Error(`the ${firmware} guest did not say ${pattern}; ${describe()}`, { cause });
      }
    },
    async waitForPowerOff(limitMs) {
      try {
        await waitFor('the guest to power off', qemu.hasEnded, limitMs);
      } catch (cause) {
        throw new Error(`the ${firmware} guest did not power off; ${describe()}`, { cause });
      }
    },
    stop: () => qemu.stop(),
    losePower() {
      qemu.signal('SIGKILL');
      return qemu.ended;
    },
  };
}

/** Machine and firmware of the guest at this port; the firmware's variables are fresh. */
export function firmwareArgs(
  lab: Pick<Lab, 'folder'>,
  guest: { readonly tools: GuestTools; readonly firmware: Firmware; readonly tap: string },
): string[] {
  return guest.firmware === 'bios-pxe' ? biosArgs() : uefiArgs(lab, guest);
}

/** Without graphics, SeaBIOS shows the console, and so iPXE's words, on the serial port. */
function biosArgs(): string[] {
  return ['-machine', 'pc,graphics=off'];
}

function uefiArgs(
  lab: Pick<Lab, 'folder'>,
  { tools, firmware, tap }: { readonly tools: GuestTools; readonly firmware: Firmware; readonly tap: string },
): string[] {
  // The firmware writes its boot order into its variables: each guest has a copy of its own.
  const variables = join(lab.folder, `${tap}-vars.fd`);
  copyFileSync(tools['OVMF_VARS_4M.fd'], variables);
  return [
    ['-machine', 'q35'],
    ['-drive', `if=pflash,format=raw,readonly=on,file=${tools['OVMF_CODE_4M.fd']}`],
    ['-drive', `if=pflash,format=raw,file=${variables}`],
    // OVMF's network stack asks for random numbers.
    ['-device', 'virtio-rng-pci'],
    firmware === 'uefi-http' ? ['IPv4PXESupport', 'IPv6PXESupport'].flatMap(turnedOff) : [],
  ].flat();
}

function turnedOff(feature: string): string[] {
  return ['-fw_cfg', `name=opt/org.tianocore/${feature},string=n`];
}

function diskArgs(image: string): string[] {
  return ['-drive', `file=${image},if=none,id=d0,format=raw`, '-device', 'virtio-blk-pci,drive=d0,bootindex=2'];
}
