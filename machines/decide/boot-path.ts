import { LOADER_NAMES } from './loader.ts';

/** What a path of the boot plane names; HTTP and TFTP use the same names. */
export type BootPath =
  | { readonly kind: 'script'; readonly attempt: string }
  | { readonly kind: 'asset'; readonly attempt: string; readonly role: AssetRole; readonly index: number }
  /** iPXE says what it could not fetch, before it goes on. */
  | { readonly kind: 'failed'; readonly attempt: string }
  /** For people: `chain http://…/boot.ipxe?mac=${net0/mac}`. */
  | { readonly kind: 'by-hand' }
  /** What every GRUB reads first, wherever its image was loaded from: it sends it on to its machine's own. */
  | { readonly kind: 'grub-start' }
  /** The machine's configuration for GRUB; the query names the machine. */
  | { readonly kind: 'grub' }
  | { readonly kind: 'loader'; readonly name: string }
  | { readonly kind: 'none'; readonly because: string };

export type AssetRole = 'kernel' | 'initrd' | 'efi';

/** All relative, without a slash before them, since TFTP has none. */
export const scriptPath = (attempt: string): string => `a/${attempt}/boot.ipxe`;
export const failedPath = (attempt: string): string => `a/${attempt}/failed`;
export const assetPath = (attempt: string, role: AssetRole, index: number): string =>
  `a/${attempt}/${assetName(role, index)}`;
export const BY_HAND_PATH = 'boot.ipxe';
/** The name is built into the signed GRUB images of Debian and Ubuntu. */
export const GRUB_START_PATH = 'grub/grub.cfg';
export const GRUB_PATH = 'grub/machine.cfg';

/** iPXE names an image by the last part of its URL, and under UEFI the kernel looks for `initrd=NAME`. */
export function assetName(role: AssetRole, index: number): string {
  switch (role) {
    case 'kernel':
      return 'kernel';
    case 'initrd':
      return `initrd-${index}`;
    case 'efi':
      // Firmware that is to load it by HTTP Boot goes by the ending.
      return 'image.efi';
    default:
      return role satisfies never;
  }
}

/** Longer than any URL that a script of ours makes, with every SMBIOS string percent-encoded. */
const MAX_TARGET = 8192;
const ATTEMPT = /^[A-Za-z0-9_-]{22}$/;
const LOADERS: ReadonlySet<string> = new Set(LOADER_NAMES);
const GRUB_BY_FILE: ReadonlyMap<string, string> = new Map(
  LOADER_NAMES.flatMap((name) => {
    const file = /^grub\/[^/]+\/(grub[^/]+)$/.exec(name)?.[1];
    return file === undefined ? [] : [[file, name] as const];
  }),
);

/**
 * Resolves a request target (RFC 9112 §3.2: origin or absolute form) against what can be served. Everything else is
 * `none`: the answer is an allowlist, so there is no way up to a file system. Repeated slashes count as one, without a
 * redirect: firmware that joins a base URL and a path makes them, and follows no redirect.
 */
export function resolveBootPath(target: string): BootPath {
  if (target.length > MAX_TARGET) return none('the request target is too long');
  const path = decoded(pathOf(target));
  if (path === undefined) return none('the path is not plain text');
  const parts = path.split('/').filter((part) => part !== '');
  if (parts.length === 1 && parts[0] === BY_HAND_PATH) return { kind: 'by-hand' };
  const name = parts.join('/');
  if (name === GRUB_START_PATH) return { kind: 'grub-start' };
  if (name === GRUB_PATH) return { kind: 'grub' };
  if (LOADERS.has(name)) return { kind: 'loader', name };
  // A shim that was named in option 67 alone asks for its GRUB at the root.
  const beside = GRUB_BY_FILE.get(name);
  if (beside !== undefined) return { kind: 'loader', name: beside };
  const [first, attempt = '', file = '', rest] = parts;
  if (first !== 'a' || rest !== undefined) return none('no such file');
  if (!ATTEMPT.test(attempt)) return none('no such attempt');
  return ofAttempt(attempt, file);
}

function ofAttempt(attempt: string, file: string): BootPath {
  switch (file) {
    case 'boot.ipxe':
      return { kind: 'script', attempt };
    case 'failed':
      return { kind: 'failed', attempt };
    case 'kernel':
      return { kind: 'asset', attempt, role: 'kernel', index: 0 };
    case 'image.efi':
      return { kind: 'asset', attempt, role: 'efi', index: 0 };
    default: {
      // An Image has at most 32 assets.
      const initrd = /^initrd-([0-9]|[12][0-9]|3[01])$/.exec(file);
      if (initrd) return { kind: 'asset', attempt, role: 'initrd', index: Number(initrd[1]) };
      return none('no such file');
    }
  }
}

const none = (because: string): BootPath => ({ kind: 'none', because });

function pathOf(target: string): string {
  const origin = /^https?:\/\/[^/?#]*/i.exec(target);
  const path = origin ? target.slice(origin[0].length) : target;
  return /^[^?#]*/.exec(path)?.[0] ?? '';
}

/** Percent-decoded once, and only if that leaves nothing but characters that our names have. */
function decoded(path: string): string | undefined {
  const text = path.replace(/%[0-9A-Fa-f]{2}/g, (escape) => String.fromCharCode(Number.parseInt(escape.slice(1), 16)));
  return /^[A-Za-z0-9._/-]*$/.test(text) ? text : undefined;
}

/** What iPXE tells about its machine in the query of a URL that we rendered; every value is a mere claim. */
export const CLAIMS = [
  'mac',
  'uuid',
  'serial',
  'manufacturer',
  'product',
  'asset',
  'platform',
  'buildarch',
  'busid',
  'again',
  'what',
  'errno',
] as const;
export type Claim = (typeof CLAIMS)[number];

/** Longest value that is kept; SMBIOS strings are seldom longer than 64. */
const MAX_CLAIM = 255;

/** The known parameters of a request target's query, decoded; the first of each counts, empty ones are left out. */
export function claimsOf(target: string): ReadonlyMap<Claim, string> {
  const claims = new Map<Claim, string>();
  const start = target.indexOf('?');
  if (start < 0) return claims;
  for (const pair of target.slice(start + 1, MAX_TARGET).split('&', 64)) {
    const equals = pair.indexOf('=');
    const key = CLAIMS.find((claim) => claim === pair.slice(0, equals));
    if (key === undefined || claims.has(key)) continue;
    const value = textOf(pair.slice(equals + 1)).slice(0, MAX_CLAIM);
    if (value.trim() !== '') claims.set(key, value);
  }
  return claims;
}

/**
 * SMBIOS strings have no character set: bytes that are no UTF-8 become U+FFFD. A plus sign is a plus sign, since iPXE
 * does not encode it.
 */
function textOf(encoded: string): string {
  if (!encoded.includes('%')) return encoded;
  const bytes = new Uint8Array(encoded.length * 3);
  let length = 0;
  const encoder = new TextEncoder();
  for (const [piece, hex] of encoded.matchAll(/%([0-9A-Fa-f]{2})|[^%]+|%/g)) {
    if (hex !== undefined) bytes[length++] = Number.parseInt(hex, 16);
    else length += encoder.encodeInto(piece, bytes.subarray(length)).written;
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}

/**
 * The query by which a script tells us about its machine. Every iPXE has these settings; one that it does not know is
 * empty. `uristring` percent-encodes, but iPXE decodes the query of a URL and encodes it again without `&`, so a string
 * with an ampersand ends early: what only iPXE itself can have written goes first, and the first of each name counts.
 */
export const CLAIMS_QUERY =
  'mac=${netX/mac}&uuid=${uuid}&platform=${platform}&buildarch=${buildarch}&busid=${netX/busid}' +
  '&serial=${serial:uristring}&manufacturer=${manufacturer:uristring}&product=${product:uristring}' +
  '&asset=${asset:uristring}';
