import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.ts';
import type { Need } from './need.ts';
import type { Ended } from './program.ts';
import { readLog, waitFor } from './wait.ts';

/**
 * How a PC starts:
 * - `bios-pxe`: SeaBIOS, and the iPXE in its network card's ROM;
 * - `uefi-pxe`: OVMF's own PXE, the card's ROM turned off;
 * - `uefi-http`: OVMF's HTTP Boot, its PXE turned off so that it goes straight there.
 */
export const FIRMWARES = ['bios-pxe', 'uefi-pxe', 'uefi-http'] as const;
/** The same two ways of UEFI on an arm64 server, by AAVMF. */
export const ARM64_FIRMWARES = ['arm64-pxe', 'arm64-http'] as const;
export type PcFirmware = (typeof FIRMWARES)[number];
type Arm64Firmware = (typeof ARM64_FIRMWARES)[number];
export type Firmware = PcFirmware | Arm64Firmware;

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

/** What a test that boots arm64 guests needs. */
export const ARM64_GUEST_NEEDS = [
  'root',
  'netns',
  'tun',
  'ip',
  'qemu-system-aarch64',
  'AAVMF_CODE.fd',
  'AAVMF_VARS.fd',
  'busybox-arm64',
  'vmlinuz-arm64',
  'modules-arm64',
  'ipxe-arm64.efi',
] as const satisfies readonly Need[];

export type GuestTools = Readonly<Record<'qemu-system-x86_64' | 'OVMF_CODE_4M.fd' | 'OVMF_VARS_4M.fd', string>>;
export type Arm64GuestTools = Readonly<Record<'qemu-system-aarch64' | 'AAVMF_CODE.fd' | 'AAVMF_VARS.fd', string>>;

/** UEFI firmware that refuses what is not signed, with the keys that it trusts: paths of its code and its variables. */
export type SecureBoot = { readonly code: string; readonly variables: string };

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
    /** Those of its processor. */
    readonly tools: GuestTools | Arm64GuestTools;
    readonly firmware: Firmware;
    /** Of UEFI firmware. */
    readonly secureBoot?: SecureBoot;
    /** Default: 52:54:00:00:00:01. */
    readonly mac?: string;
    readonly uuid?: string;
    readonly memoryMb?: number;
    /** A raw disk image or what makeDisk returned, tried after the network. The guest may write to it. */
    readonly disk?: string;
    readonly extraArgs?: readonly string[];
  },
): Guest {
  const { firmware, mac = '52:54:00:00:00:01' } = options;
  const tap = lab.addTap();
  const serialFile = join(lab.folder, `${tap}-serial.log`);
  // An empty romfile leaves the card without a ROM, so that the firmware's own network stack is what is tested.
  const rom = firmware === 'bios-pxe' ? '' : ',romfile=';
  const { program, machine } = machineOf(lab, { ...options, tap });
  const args = [
    ['-accel', 'tcg,thread=multi', '-m', String(options.memoryMb ?? 512)],
    ['-display', 'none', '-monitor', 'none', '-no-reboot', '-serial', `file:${serialFile}`],
    machine,
    ['-netdev', `tap,id=n0,ifname=${tap},script=no,downscript=no`],
    ['-device', `virtio-net-pci,netdev=n0,mac=${mac},bootindex=1${rom}`],
    options.uuid === undefined ? [] : ['-uuid', options.uuid],
    options.disk === undefined ? [] : diskArgs(options.disk),
    options.extraArgs ?? [],
  ].flat();
  const qemu = lab.start([program, ...args], { name: `qemu-${tap}` });
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

/** QEMU for the guest's processor, with its machine and firmware. */
function machineOf(
  lab: Pick<Lab, 'folder'>,
  guest: Pick<Parameters<typeof startGuest>[1], 'tools' | 'firmware' | 'secureBoot'> & { readonly tap: string },
): { readonly program: string; readonly machine: readonly string[] } {
  const { tools, firmware } = guest;
  if ('qemu-system-aarch64' in tools) {
    if (!isArm64(firmware)) throw new Error(`${firmware} is no firmware of an arm64 machine`);
    return { program: tools['qemu-system-aarch64'], machine: arm64Args(lab, { ...guest, tools, firmware }) };
  }
  if (isArm64(firmware)) throw new Error(`${firmware} is no firmware of a PC`);
  return { program: tools['qemu-system-x86_64'], machine: firmwareArgs(lab, { ...guest, tools, firmware }) };
}

const isArm64 = (firmware: Firmware): firmware is Arm64Firmware => ARM64_FIRMWARES.some((one) => one === firmware);

type PcGuest = {
  readonly tools: GuestTools;
  readonly firmware: PcFirmware;
  readonly secureBoot?: SecureBoot;
  readonly tap: string;
};

/** Machine and firmware of the PC at this port; the firmware's variables are fresh. */
export function firmwareArgs(lab: Pick<Lab, 'folder'>, guest: PcGuest): string[] {
  return guest.firmware === 'bios-pxe' ? biosArgs() : uefiArgs(lab, guest);
}

/** Without graphics, SeaBIOS shows the console, and so iPXE's words, on the serial port. */
function biosArgs(): string[] {
  return ['-machine', 'pc,graphics=off'];
}

function uefiArgs(lab: Pick<Lab, 'folder'>, { tools, firmware, secureBoot, tap }: PcGuest): string[] {
  const { code, variables } = secureBoot ?? { code: tools['OVMF_CODE_4M.fd'], variables: tools['OVMF_VARS_4M.fd'] };
  return [
    // Only in system management mode may the variables be written that hold the keys.
    secureBoot ? ['-machine', 'q35,smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on'] : [],
    secureBoot ? [] : ['-machine', 'q35'],
    flashArgs(lab, { code, variables, tap }),
    // OVMF's network stack asks for random numbers.
    ['-device', 'virtio-rng-pci'],
    firmware === 'uefi-http' ? PXE_OFF : [],
  ].flat();
}

function arm64Args(
  lab: Pick<Lab, 'folder'>,
  guest: {
    readonly tools: Arm64GuestTools;
    readonly firmware: Arm64Firmware;
    readonly secureBoot?: SecureBoot;
    readonly tap: string;
  },
): string[] {
  const { tools, firmware, secureBoot, tap } = guest;
  return [
    ['-machine', 'virt', '-cpu', 'cortex-a57', '-smp', '2'],
    flashArgs(lab, { ...(secureBoot ?? { code: tools['AAVMF_CODE.fd'], variables: tools['AAVMF_VARS.fd'] }), tap }),
    ['-device', 'virtio-rng-pci'],
    firmware === 'arm64-http' ? PXE_OFF : [],
  ].flat();
}

/** The firmware writes its boot order into its variables: each guest has a copy of its own. */
function flashArgs(lab: Pick<Lab, 'folder'>, flash: SecureBoot & { readonly tap: string }): string[] {
  const variables = join(lab.folder, `${flash.tap}-vars.fd`);
  copyFileSync(flash.variables, variables);
  return [
    ['-drive', `if=pflash,format=raw,readonly=on,file=${flash.code}`],
    ['-drive', `if=pflash,format=raw,file=${variables}`],
  ].flat();
}

/** So that UEFI goes straight to HTTP Boot. */
const PXE_OFF = ['IPv4PXESupport', 'IPv6PXESupport'].flatMap((feature) => [
  '-fw_cfg',
  `name=opt/org.tianocore/${feature},string=n`,
]);

function diskArgs(image: string): string[] {
  return ['-drive', `file=${image},if=none,id=d0,format=raw`, '-device', 'virtio-blk-pci,drive=d0,bootindex=2'];
}
