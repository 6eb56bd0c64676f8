import type { FileVerification } from '#machines/contract/api/image-resource.ts';
import type { ImageAsset } from '#machines/contract/documents.ts';
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

export type AssetState =
  | { readonly kind: 'ready'; readonly blob: Blob; readonly sha256: string | undefined }
  | { readonly kind: 'waiting'; readonly because: string }
  /** `size`: where the server said it. */
  | { readonly kind: 'fetching'; readonly because: string; readonly bytes: number; readonly size: number | undefined }
  | { readonly kind: 'missing'; readonly because: string };

/** The assets of Image documents, as files of this machine. */
export type ImageLibrary = {
  /** How an asset stands. `sha256` only where it is known without reading the file. */
  state(image: string, asset: ImageAsset): Promise<AssetState>;
  /** What was found to be right when the file came, in plain words. */
  checked(sha256: string): Promise<readonly string[]>;
  /** Something small of another server, by the same mirrors: an index, a list. Throws with what went wrong. */
  small(url: string): Promise<Uint8Array>;
  /** Fetches anew what has changed at its server, of files that are named by no digest. Never rejects. */
  refresh(): Promise<
    readonly { readonly url: string; readonly kind: 'changed' | 'failed'; readonly because: string }[]
  >;
  /** Reads the file to its end. */
  verify(image: string, asset: ImageAsset): Promise<FileVerification>;
  /** `index` counts among assets of the same role. An unreadable file says why: `kernel-missing` needs the reason. */
  asset(
    image: string,
    role: 'kernel' | 'initrd' | 'efi' | 'disk',
    index: number,
  ): Promise<{ readonly kind: 'found'; readonly blob: Blob } | { readonly kind: 'missing'; readonly because: string }>;
};

/** An image of a whole disk, ready to be streamed to a machine. */
export type DiskImage = {
  readonly blob: Blob;
  /** How `blob` has to be read. Whatever was given is normalised to this once, at import. */
  readonly compression: 'none' | 'zstd';
  /** SHA-256 of the bytes of `blob`, hex. */
  readonly sha256: string;
  /** What it takes on the disk. */
  readonly rawBytes: number;
};

export type DiskImageState =
  | { readonly kind: 'ready'; readonly image: DiskImage }
  /** `progress` 0 to 1, where it can be known. */
  | { readonly kind: 'preparing'; readonly because: string; readonly progress?: number }
  | { readonly kind: 'missing'; readonly because: string };

export type DiskImages = { get(image: string): Promise<DiskImageState> };
