import type { Chunk, OpenBlob } from '#services/images/shared-chunks.ts';

/** A cpio archive begins at a multiple of four of what came before it (Linux init/initramfs.c, `unpack_to_rootfs`). */
const MEMBER = 4;

/** Zero bytes after a file of `size`, so that the next archive is found: whatever joins initrds need not align them. */
export const paddingAfter = (size: number): number => (MEMBER - (size % MEMBER)) % MEMBER;

/** The blob as if zeros followed its last byte. */
export function paddedBlob(blob: OpenBlob, { size, padding }: { readonly size: number; readonly padding: number }) {
  const zeros = new Uint8Array(padding);
  return {
    ...blob,
    async read(offset: number): Promise<Chunk> {
      if (offset < size) return await blob.read(offset);
      return { bytes: zeros.subarray(offset - size), release() {} };
    },
    readAhead(offset: number): void {
      if (offset < size) blob.readAhead(offset);
    },
  } satisfies OpenBlob;
}
