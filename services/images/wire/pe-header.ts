import type { Architecture } from '#machines/values/architecture.ts';

/** What a loader file is, told by its first bytes and not by its name. */
export type LoaderKind =
  | { readonly kind: 'efi'; readonly architecture: Architecture }
  /** A PE file for a processor that we have no name for. */
  | { readonly kind: 'efi-other'; readonly machine: number }
  /** Anything else: a BIOS network boot program has no header at all. */
  | { readonly kind: 'other' };

/** IMAGE_FILE_MACHINE_* of the PE/COFF format, §3.3.1. */
const MACHINES = new Map<number, Architecture>([
  [0x8664, 'x86_64'],
  [0x014c, 'i386'],
  [0xaa64, 'arm64'],
  [0x01c0, 'arm32'],
  [0x01c2, 'arm32'],
  [0x01c4, 'arm32'],
  [0x5064, 'riscv64'],
  [0x6264, 'loong64'],
]);

/** How much of a file must be read: the PE header of every loader lies within it. */
export const LOADER_HEAD_BYTES = 4096;

/** `head`: the first bytes of the file, as many as there are up to `LOADER_HEAD_BYTES`. */
export function kindOfLoader(head: Uint8Array): LoaderKind {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 0x40 || view.getUint16(0, true) !== 0x5a4d) return { kind: 'other' };
  // e_lfanew of the MZ header: where the PE header is.
  const header = view.getUint32(0x3c, true);
  if (header + 6 > head.length || view.getUint32(header, true) !== 0x0000_4550) return { kind: 'other' };
  const machine = view.getUint16(header + 4, true);
  const architecture = MACHINES.get(machine);
  return architecture ? { kind: 'efi', architecture } : { kind: 'efi-other', machine };
}
