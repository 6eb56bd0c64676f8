import { TFTP_ERROR } from '../wire/packet.ts';

export type NormalisedName =
  | { readonly kind: 'name'; readonly path: string }
  | { readonly kind: 'refused'; readonly code: number; readonly because: string };

/** Longer than any name we ever offer, shorter than what a file system refuses. */
const MAX_NAME_CHARACTERS = 512;

/**
 * The one spelling of a name: slashes, relative, without empty and `.` parts. Backslashes are slashes (Windows boot
 * loaders, some UEFI firmware); leading slashes mean nothing, the root is ours. A way upwards is refused rather than
 * resolved, as nobody honest asks for one.
 */
export function normaliseName(asked: string): NormalisedName {
  if (asked.length > MAX_NAME_CHARACTERS) {
    return refused(`the name has ${asked.length} characters, want at most ${MAX_NAME_CHARACTERS}`);
  }
  // oxlint-disable-next-line no-control-regex -- finding control characters is the point
  if (/[\u0000-\u001f\u007f]/.test(asked)) return refused('the name holds control characters');
  const parts = asked
    .replaceAll('\\', '/')
    .split('/')
    .filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return refused('the name leads out of the root');
  if (parts.length === 0) return refused('the name is empty');
  return { kind: 'name', path: parts.join('/') };
}

const refused = (because: string): NormalisedName => ({
  kind: 'refused',
  code: TFTP_ERROR.accessViolation,
  because,
});
