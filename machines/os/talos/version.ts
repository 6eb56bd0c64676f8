import { type Parsed, parsed, refused } from '../../values/parsed.ts';

/** A release of Talos. */
export type TalosVersion = {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  /** `rc.1` of `v1.14.0-rc.1`. */
  readonly prerelease?: string;
};

const FORM = /^v?(\d{1,3})\.(\d{1,3})\.(\d{1,4})(?:-([0-9A-Za-z.-]{1,40}))?$/;

/** The oldest release whose documents and machine API this knows. */
const OLDEST_MINOR = 8;

/** `v1.13.9`, with the v or without. */
export function parseTalosVersion(text: string): Parsed<TalosVersion> {
  const found = FORM.exec(text);
  if (!found) return refused(text, 'a Talos release such as v1.13.9');
  const [major = 0, minor = 0, patch = 0] = found.slice(1, 4).map(Number);
  if (major !== 1 || minor < OLDEST_MINOR) return refused(text, `Talos v1.${OLDEST_MINOR}.0 or newer, below v2`);
  const [, , , , prerelease] = found;
  return parsed({ major, minor, patch, ...(prerelease === undefined ? {} : { prerelease }) });
}

/** With the v, as registries and factories name it. */
export const talosVersionText = ({ major, minor, patch, prerelease }: TalosVersion): string =>
  `v${major}.${minor}.${patch}${prerelease === undefined ? '' : `-${prerelease}`}`;

/** Is it of the minor release 1.`minor` or a later one? Pre-releases count as what they lead to. */
export const isAtLeast = (version: TalosVersion, minor: number): boolean => version.minor >= minor;

/** Is `one` a later release than `other`? A pre-release comes before what it leads to. */
export function isLater(one: TalosVersion, other: TalosVersion): boolean {
  const apart = one.major - other.major || one.minor - other.minor || one.patch - other.patch;
  if (apart !== 0) return apart > 0;
  if (one.prerelease === undefined || other.prerelease === undefined) {
    return one.prerelease === undefined && other.prerelease !== undefined;
  }
  return one.prerelease.localeCompare(other.prerelease, 'en', { numeric: true }) > 0;
}
