import type { AssetRole, AssetSignature, ImageAsset } from '../../contract/documents.ts';
import type { Architecture } from '../../values/architecture.ts';

/** Something that is fetched from elsewhere when the image is booted or installed, not by the daemon. */
export type Pull = {
  /** In plain words: packages, the root file system. */
  readonly what: string;
  /** A host, or the beginning of a URL. */
  readonly from: string;
};

/** What an entry is, resolved to one release and one architecture. */
export type CatalogImage = {
  readonly assets: readonly ImageAsset[];
  /** Empty: once its files are here, nothing of the internet is needed. */
  readonly pulls: readonly Pull[];
  /** Kernel arguments that a profile needs; a disk needs none. */
  readonly args: readonly string[];
};

export type Resolved =
  | { readonly kind: 'image'; readonly image: CatalogImage }
  /** The vendor's index has to be read first. */
  | { readonly kind: 'index'; readonly url: string; readonly read: (json: unknown) => Resolved }
  | { readonly kind: 'refused'; readonly because: string };

export type CatalogEntry = {
  readonly name: string;
  readonly title: string;
  /** `disk`: written to one by the agent. `netboot`: kernel and initrd. */
  readonly boots: 'disk' | 'netboot';
  readonly architectures: readonly Architecture[];
  /** What is written after the `@`, such as it is. */
  readonly versions: string;
  /** What proves its files, in plain words. */
  readonly proof: string;
  readonly resolve: (version: string, architecture: Architecture) => Resolved;
};

export const image = (parts: Partial<CatalogImage> & Pick<CatalogImage, 'assets'>): Resolved => ({
  kind: 'image',
  image: { pulls: [], args: [], ...parts },
});

export const refused = (because: string): Resolved => ({ kind: 'refused', because });

export const asset = (
  role: AssetRole,
  url: string,
  proof: Pick<ImageAsset, 'sha256' | 'sha512' | 'digests' | 'signature'> = {},
): ImageAsset => ({ role, url, ...proof });

export const openpgp = (url: string, keyUrl: string, fingerprint: string): AssetSignature => ({
  kind: 'openpgp',
  url,
  keyUrl,
  fingerprint,
});
