import type { Board } from '../../board.ts';
import type { BootOverride, BootTarget } from '../../boot-override.ts';
import { COMPLETION, type Command, type Completion, done, type IpmiService, NET_FN, refused } from '../command.ts';
import { type IpmiSession, LEVEL } from '../sessions.ts';

/** Boot flags of parameter 5, IPMI v2.0 table 28-14. */
const FLAG = { valid: 0x80, persistent: 0x40, efi: 0x20 } as const;
/** Device selectors of the same table; what is not among them, no firmware of the rack has. */
const DEVICES: Readonly<Record<number, BootTarget>> = {
  0: 'None',
  1: 'Pxe',
  2: 'Hdd',
  5: 'Cd',
  6: 'BiosSetup',
  8: 'Cd',
  15: 'Usb',
};
const SELECTORS: Readonly<Record<BootTarget, number>> = {
  None: 0,
  Pxe: 1,
  Hdd: 2,
  Cd: 5,
  BiosSetup: 6,
  Usb: 15,
  // Redfish alone knows it; here it is the network.
  UefiHttp: 1,
};
/** Supermicro's selector of a disk under UEFI, which is remote media elsewhere. */
const EFI_DISK = 9;

/** Parameter 3, bit 3: the flags outlive the minute. */
const KEEPS_AFTER_TIMEOUT = 0x08;
/** Table 28-14, parameter 3: without a chassis command flags are good for so long. */
const VALID_MS = 60_000;

const PROGRESS = { complete: 0, underWay: 1, commit: 2 } as const;
const PARAMETER_VERSION = 1;

/** IPMI v2.0 §28.12 and §28.13. */
export const BOOT_COMMANDS: readonly Command[] = [
  {
    netFn: NET_FN.chassis,
    command: 0x08,
    level: LEVEL.operator,
    bytes: 1,
    run: ([selector = 0, ...data], service, session) =>
      // Without data only its validity would change, which nothing here depends on.
      data.length === 0 ? done() : setParameter(selector & 0x7f, data, service, session),
  },
  {
    netFn: NET_FN.chassis,
    command: 0x09,
    level: LEVEL.operator,
    bytes: 3,
    run([selector = 0], service) {
      const value = parameter(selector & 0x7f, service);
      return value ? done(PARAMETER_VERSION, selector & 0x7f, ...value) : refused(COMPLETION.parameterUnknown);
    },
  },
];

function isKnown(selector: number, { quirk }: Board): boolean {
  if (selector === 0) return !quirk('no-set-in-progress');
  if (selector === 3 || selector === 4) return !quirk('no-info-acknowledge');
  return selector <= 5;
}

function setParameter(
  selector: number,
  data: readonly number[],
  service: IpmiService,
  session: IpmiSession | undefined,
): Completion {
  const { board, memory, sessions } = service;
  const [first = 0, second] = data;
  if (!isKnown(selector, board)) return refused(COMPLETION.parameterUnknown);
  if (selector === 0) {
    const progress = first & 0x03;
    const other = memory.settingBoot !== undefined && sessions.byId(memory.settingBoot);
    if (progress === PROGRESS.underWay && other && other !== session) return refused(0x81);
    memory.settingBoot = progress === PROGRESS.underWay ? session?.bmcId : undefined;
    return done();
  }
  if (board.fault('lies')) return done();
  switch (selector) {
    case 3:
      memory.keepsValid = first & 0x1f;
      return done();
    case 4:
      if (second === undefined) return refused(COMPLETION.length);
      // Byte 1 says which bits of byte 2 are meant.
      memory.acknowledged = (memory.acknowledged & ~first) | (second & first);
      return done();
    case 5:
      return data.length < 5 ? refused(COMPLETION.length) : setFlags(data, service);
    default:
      // Service partitions: taken, and there are none.
      return done();
  }
}

function setFlags([flags = 0, device = 0, ...rest]: readonly number[], { board, memory }: IpmiService): Completion {
  const isEfi = (flags & FLAG.efi) !== 0 && !board.quirk('drops-efi-flag');
  const selector = (device >> 2) & 0x0f;
  if ((flags & FLAG.valid) === 0) {
    board.boot.set({ enabled: 'Disabled' });
    return done();
  }
  const wanted = targetOf(board, selector, isEfi);
  if (wanted === undefined) return refused(COMPLETION.field);
  board.boot.set({ ...wanted, enabled: (flags & FLAG.persistent) === 0 ? 'Once' : 'Continuous' });
  memory.bootRest = Uint8Array.from(rest.slice(0, 3));
  if ((memory.keepsValid & KEEPS_AFTER_TIMEOUT) === 0) board.boot.expireIn(VALID_MS);
  return done();
}

function targetOf(board: Board, selector: number, isEfi: boolean): Pick<BootOverride, 'target' | 'mode'> | undefined {
  const mode = isEfi ? 'UEFI' : 'Legacy';
  if (board.quirk('efi-disk-24') && isEfi) {
    if (selector === EFI_DISK) return { target: 'Hdd', mode };
    // The disk's own selector is the disk of the old BIOS there.
    if (selector === SELECTORS.Hdd) return { target: 'Hdd', mode: 'Legacy' };
  }
  const target = DEVICES[selector];
  return target && { target, mode };
}

function parameter(selector: number, { board, memory, sessions }: IpmiService): readonly number[] | undefined {
  if (!isKnown(selector, board)) return undefined;
  switch (selector) {
    case 0:
      return [memory.settingBoot !== undefined && sessions.byId(memory.settingBoot) ? PROGRESS.underWay : 0];
    case 3:
      return [memory.keepsValid];
    case 4:
      return [0, memory.acknowledged];
    case 5:
      return flagsNow(board, memory.bootRest);
    default:
      return [0];
  }
}

function flagsNow(board: Board, rest: Uint8Array): readonly number[] {
  const { target, enabled, mode } = board.boot.get();
  if (enabled === 'Disabled') return [0, 0, 0, 0, 0];
  const isEfi = mode === 'UEFI';
  const flags = FLAG.valid | (enabled === 'Continuous' ? FLAG.persistent : 0) | (isEfi ? FLAG.efi : 0);
  const isEfiDisk = board.quirk('efi-disk-24') && isEfi && target === 'Hdd';
  return [flags, (isEfiDisk ? EFI_DISK : SELECTORS[target]) << 2, ...rest];
}
