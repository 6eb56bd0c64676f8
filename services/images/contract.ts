import type { LoaderFile } from '#machines/decide/loader.ts';

/** Bytes that can be served: length known, identity known, readable from any offset as often as wanted. */
export type Blob = {
  readonly size: number;
  /** Strong ETag without quotes; changes when the bytes do. */
  readonly etag: string;
  readonly modifiedAt: number;
  readonly contentType: string;
  /** Where the bytes are, for messages. */
  readonly path: string;
};

/** First-stage boot files found in the loader directory and, as a fallback, in Debian's packages. */
export type LoaderCatalog = {
  /** As of the last look; looked again when asked and the directory changed, at most once a second. */
  available(): ReadonlyMap<string, LoaderFile>;
  path(name: string): string | undefined;
};

/** The assets of Image documents, as files of this machine. */
export type ImageLibrary = {
  /** `index` counts among assets of the same role. An unreadable file says why: `kernel-missing` needs the reason. */
  asset(
    image: string,
    role: 'kernel' | 'initrd' | 'efi',
    index: number,
  ): Promise<{ readonly kind: 'found'; readonly blob: Blob } | { readonly kind: 'missing'; readonly because: string }>;
};
