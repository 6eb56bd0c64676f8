import type { WipeMethod } from '../../contract/job.ts';
import type { Disk } from './disk.ts';

/** What a disk can do by itself, as its tools tell it. */
export type Capabilities = {
  readonly nvme?: {
    /** NVM Express base specification, Identify Controller: SANICAP bits 0 crypto, 1 block, 2 overwrite. */
    readonly sanicap: number;
    /** OACS bit 1: Format NVM. */
    readonly oacs: number;
    /** FNA bit 2: cryptographic erase by Format. */
    readonly fna: number;
  };
  readonly ata?: {
    readonly sanitizeCrypto: boolean;
    readonly sanitizeBlock: boolean;
    readonly secureErase: boolean;
    readonly enhanced: boolean;
    readonly serial?: string;
    /** By a password; the agent’s own stays set where the power failed during a SECURITY ERASE. */
    readonly locked: boolean;
    /** A frozen drive refuses SECURITY ERASE until it is plugged again or the machine slept; SANITIZE it takes. */
    readonly frozen: boolean;
  };
  readonly scsi?: { readonly sanitizeCrypto: boolean; readonly sanitizeBlock: boolean };
  /** Other disks of the same drive. */
  readonly beside?: Disk['beside'];
  /** Commands to ranges of blocks, by the kernel. */
  readonly ranges?: Disk['ranges'];
};

/** NIST SP 800-88 Rev. 1: what may be said of the result. */
export type EraseClass = 'purge' | 'clear';

export const CLASS_OF: Readonly<Record<WipeMethod, EraseClass>> = {
  'nvme-sanitize-crypto': 'purge',
  'nvme-sanitize-block': 'purge',
  'nvme-format-crypto': 'purge',
  'nvme-format-user-data': 'clear',
  'ata-sanitize-crypto': 'purge',
  'ata-sanitize-block': 'purge',
  'ata-secure-erase-enhanced': 'purge',
  'ata-secure-erase': 'clear',
  'scsi-sanitize-crypto': 'purge',
  'scsi-sanitize-block': 'purge',
  'zero-overwrite': 'clear',
  'block-zero-out': 'clear',
  // By itself a discard is a hint and erases nothing. It passes only where all of the disk then reads as zeros: that is
  // Clear, and never Purge, for what lies in blocks that the drive keeps back nobody has read.
  'block-secure-discard': 'clear',
  'block-discard': 'clear',
};

/**
 * What this disk really supports, strongest first; `zero-overwrite` always works. Block erase goes before crypto erase: it
 * is worth something also where data was not always encrypted. What lies behind `zero-overwrite` is only done when asked for.
 */
export function methodsOf({ nvme, ata, scsi, ranges, beside = [] }: Capabilities): readonly WipeMethod[] {
  const methods: WipeMethod[] = [];
  if (nvme) {
    // A sanitize erases all namespaces of the subsystem (NVM Express Base 2.0, Sanitize); the plan names one.
    const isAlone = beside.length === 0;
    if (isAlone && nvme.sanicap & 2) methods.push('nvme-sanitize-block');
    if (isAlone && nvme.sanicap & 1) methods.push('nvme-sanitize-crypto');
    // FNA (there, Identify Controller): by bit 0 a format, by bit 1 an erasure by format is of all namespaces.
    if (nvme.oacs & 2 && (isAlone || (nvme.fna & 3) === 0)) {
      if (nvme.fna & 4) methods.push('nvme-format-crypto');
      methods.push('nvme-format-user-data');
    }
  }
  if (ata) {
    if (ata.sanitizeBlock) methods.push('ata-sanitize-block');
    if (ata.sanitizeCrypto) methods.push('ata-sanitize-crypto');
    if (ata.secureErase && !ata.frozen) {
      if (ata.enhanced) methods.push('ata-secure-erase-enhanced');
      methods.push('ata-secure-erase');
    }
  }
  if (scsi) {
    if (scsi.sanitizeBlock) methods.push('scsi-sanitize-block');
    if (scsi.sanitizeCrypto) methods.push('scsi-sanitize-crypto');
  }
  methods.push('zero-overwrite');
  if (ranges?.['zero-out']) methods.push('block-zero-out');
  if (ranges?.['secure-discard']) methods.push('block-secure-discard');
  if (ranges?.discard) methods.push('block-discard');
  return methods;
}

/** Which of these disks are namespaces of the same NVMe subsystem, whose number is in their names. */
export function sameDrive(name: string, names: readonly string[]): readonly string[] {
  const drive = /^nvme\d+n/.exec(name)?.[0];
  return drive === undefined ? [] : names.filter((one) => one.startsWith(drive) && one !== name);
}

/** The JSON of `nvme id-ctrl -o json`. */
export function readNvme(text: string): Capabilities {
  const value: unknown = JSON.parse(text);
  const number = (key: string): number => {
    const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
    return typeof found === 'number' ? found : 0;
  };
  return { nvme: { sanicap: number('sanicap'), oacs: number('oacs'), fna: number('fna') } };
}

/** The text of `hdparm -I`; lines are `\t*\tSANITIZE feature set`, `\tnot\tfrozen`, `\tsupported: enhanced erase`. */
export function readHdparm(text: string): Capabilities {
  const has = (pattern: RegExp): boolean => pattern.test(text);
  const serial = /^\s+Serial Number:\s*(\S.*?)\s*$/m.exec(text)?.[1];
  return {
    ata: {
      ...(serial === undefined ? {} : { serial }),
      sanitizeCrypto: has(/^\s*\*\s+CRYPTO_SCRAMBLE_EXT command/m),
      sanitizeBlock: has(/^\s*\*\s+BLOCK_ERASE_EXT command/m),
      secureErase: has(/^Security:/m) && has(/^\s+supported\s*$/m),
      enhanced: has(/^\s+supported: enhanced erase/m),
      locked: has(/^\s+locked\s*$/m),
      frozen: has(/^\s+frozen\s*$/m),
    },
  };
}
