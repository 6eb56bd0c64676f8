/** How the first program came to the machine, over TFTP or HTTP, and whether it showed that it runs. */
export type LoaderEvidence = {
  /** Asked for, and its end not seen yet. */
  readonly asked: { readonly at: number; readonly file: string } | undefined;
  /** UEFI HTTP Boot asked for the size, and has not asked for the file since. */
  readonly head: { readonly at: number; readonly file: string } | undefined;
  readonly stalled: Stalled | undefined;
  /** A file that we offered ourselves could not be had. */
  readonly refused: { readonly at: number; readonly file: string; readonly because: string } | undefined;
  /** Names that are not here; firmware asks for many that need not be. */
  readonly absent: readonly string[];
  readonly absentSince: number;
  readonly whole: Delivered | undefined;
  /** Since when something that the firmware itself never does was seen. */
  readonly alive: number | undefined;
  /** The firmware asked for an address again after it had the loader. */
  readonly returned:
    | { readonly at: number; readonly count: number; readonly afterMs: number; readonly delivery: number }
    | undefined;
  /** How often a loader was sent to a client that was iPXE already. */
  readonly toIpxe: number;
  /** Files sent whole over TFTP, newest last. */
  readonly sent: readonly string[];
};

export type Stalled = {
  readonly at: number;
  readonly file: string;
  readonly bytes: number;
  readonly size: number | undefined;
  /** The client ended the transfer itself, with these words. */
  readonly abort: string | undefined;
};

export type Delivered = {
  readonly at: number;
  readonly file: string;
  readonly times: number;
  readonly by: 'tftp' | 'http';
};

export const NO_LOADER: LoaderEvidence = {
  asked: undefined,
  head: undefined,
  stalled: undefined,
  refused: undefined,
  absent: [],
  absentSince: Number.NaN,
  whole: undefined,
  alive: undefined,
  returned: undefined,
  toIpxe: 0,
  sent: [],
};

/** A request for something else than the loader, after the loader: only a program that runs makes it. */
export function showsLife(loader: LoaderEvidence, file: string, at: number): LoaderEvidence {
  if (!loader.whole || loader.alive !== undefined || sameFile(file, loader.whole.file)) return loader;
  return { ...loader, alive: at, returned: undefined };
}

export function deliver(
  loader: LoaderEvidence,
  { file, at, by, toIpxe }: { file: string; at: number; by: 'tftp' | 'http'; toIpxe: boolean },
): LoaderEvidence {
  return {
    ...loader,
    asked: undefined,
    head: undefined,
    stalled: undefined,
    refused: undefined,
    whole: { at, file, by, times: (loader.whole?.times ?? 0) + 1 },
    alive: undefined,
    toIpxe: loader.toIpxe + (toIpxe ? 1 : 0),
  };
}

/** Names as different firmwares write one file: backslashes, a slash before it, a whole URL. */
export const sameFile = (one: string, other: string): boolean => plainName(one) === plainName(other);

const plainName = (name: string): string =>
  name
    .replaceAll('\\', '/')
    .replace(/^[a-z]+:\/\/[^/]*/i, '')
    .replace(/^\/+/, '');
