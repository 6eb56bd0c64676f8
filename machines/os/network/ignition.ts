import type { NetworkFile } from './networkd.ts';

/** An entry of `storage.files` (Ignition 3.0 and later): the whole file in the URL, so that nothing is fetched for it. */
export type IgnitionFile = {
  readonly path: string;
  readonly mode: number;
  readonly overwrite: true;
  readonly contents: { readonly source: string };
};

export const ignitionFiles = (files: readonly NetworkFile[]): readonly IgnitionFile[] =>
  files.map(({ path, mode, text }) => ({
    path,
    mode,
    overwrite: true,
    contents: { source: `data:,${encodeURIComponent(text)}` },
  }));
