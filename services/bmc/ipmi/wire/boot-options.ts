import { type Decoded, decoding, malformed } from './cursor.ts';

/** Parameters of the boot options, IPMI v2.0 table 28-14. */
export const BOOT_PARAMETER = { setInProgress: 0, flagClearing: 3, acknowledge: 4, flags: 5 } as const;

/** Devices of the boot flags, as numbers 0 to 15. */
export const BOOT_SELECTOR = {
  none: 0,
  network: 1,
  disk: 2,
  safeDisk: 3,
  diagnostics: 4,
  cd: 5,
  setup: 6,
  remoteFloppy: 7,
  remoteCd: 8,
  remotePrimary: 9,
  remoteDisk: 11,
  floppy: 15,
} as const;

/** Parameter 5: what the next boot is to do. */
export type BootFlags = {
  /** Without it the firmware looks at nothing else here. */
  readonly isValid: boolean;
  readonly isPersistent: boolean;
  readonly isEfi: boolean;
  readonly device: number;
};

export const encodeBootFlags = ({ isValid, isPersistent, isEfi, device }: BootFlags): Uint8Array =>
  Uint8Array.of(
    BOOT_PARAMETER.flags,
    (isValid ? 0x80 : 0) | (isPersistent ? 0x40 : 0) | (isEfi ? 0x20 : 0),
    device << 2,
    0,
    0,
    0,
  );

export const bootOptionsRequest = (parameter: number): Uint8Array => Uint8Array.of(parameter, 0, 0);

/** Answer to Get System Boot Options for parameter 5, IPMI v2.0 §28.13. */
export function decodeBootFlags(data: Uint8Array): Decoded<BootFlags> {
  return decoding(data, (read) => {
    read.uint8('parameter version');
    const parameter = read.uint8('parameter');
    if ((parameter & 0x7f) !== BOOT_PARAMETER.flags) malformed(`parameter is ${parameter & 0x7f}, want 5`);
    const flags = read.uint8('boot flags');
    const device = (read.uint8('boot device') >>> 2) & 0x0f;
    // Bit 7 of the selector: the whole parameter is locked or not valid.
    const isValid = (flags & 0x80) !== 0 && (parameter & 0x80) === 0;
    return { isValid, isPersistent: (flags & 0x40) !== 0, isEfi: (flags & 0x20) !== 0, device };
  });
}

export const setInProgress = (state: 'complete' | 'begin' | 'commit'): Uint8Array =>
  Uint8Array.of(BOOT_PARAMETER.setInProgress, { complete: 0, begin: 1, commit: 2 }[state]);

/** Otherwise a BMC forgets the flags 60 s after they were set, if no chassis command follows. */
export const KEEP_FLAGS = Uint8Array.of(BOOT_PARAMETER.flagClearing, 0x08);

/** Parameter 4: no initiator has handled what was set before, so that the BIOS takes it as new. */
export const ACKNOWLEDGE_BIOS = Uint8Array.of(BOOT_PARAMETER.acknowledge, 0x01, 0x01);
