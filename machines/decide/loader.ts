import type { Machine } from '../contract/machine.ts';
import type { Architecture, ClientSystem, Platform } from '../values/architecture.ts';

/** A first-stage boot file that is really there. */
export type LoaderFile = {
  /** The name it is offered and served by, over TFTP and HTTP alike: `ipxe/x86_64/snponly.efi`. */
  readonly name: string;
  readonly size: number;
};

export type LoaderChoice =
  | { readonly kind: 'loader'; readonly file: LoaderFile }
  /** A loader could exist, but none is here. */
  | { readonly kind: 'missing'; readonly wanted: readonly string[]; readonly next: string }
  /** No loader is known for such a client. */
  | { readonly kind: 'impossible'; readonly because: string };

type LoaderRow = {
  readonly platform: Platform;
  readonly architecture: Architecture;
  /** Best first. */
  readonly names: readonly string[];
  /**
   * What firmware with Secure Boot starts: the distribution's shim, signed by Microsoft, and its GRUB, which that shim
   * trusts and loads from beside itself. The second is of no use without the first, nor the other way round.
   */
  readonly signed?: readonly [shim: string, grub: string];
  readonly next: string;
};

const ADD = 'ingot loader add FILE, with upstream’s iPXE build';

/**
 * Which file boots what. snponly.efi goes before ipxe.efi: it uses only the NIC that the firmware booted from, where
 * the other brings drivers of its own, which hang on some machines and take the NIC away from the firmware on others.
 */
const LOADERS: readonly LoaderRow[] = [
  {
    platform: 'bios',
    architecture: 'i386',
    names: ['ipxe/undionly.kpxe', 'ipxe/ipxe.pxe'],
    next: `apt install ipxe, or ${ADD}`,
  },
  {
    platform: 'uefi',
    architecture: 'x86_64',
    names: ['ipxe/x86_64/snponly.efi', 'ipxe/x86_64/ipxe.efi'],
    signed: ['grub/x86_64/shimx64.efi', 'grub/x86_64/grubx64.efi'],
    next: `apt install ipxe, or ${ADD}`,
  },
  { platform: 'uefi', architecture: 'i386', names: ['ipxe/i386/snponly.efi', 'ipxe/i386/ipxe.efi'], next: ADD },
  {
    platform: 'uefi',
    architecture: 'arm64',
    names: ['ipxe/arm64/snponly.efi', 'ipxe/arm64/ipxe.efi'],
    signed: ['grub/arm64/shimaa64.efi', 'grub/arm64/grubaa64.efi'],
    next: `apt install ipxe on Debian 13 or later, or ${ADD}`,
  },
  {
    platform: 'uefi',
    architecture: 'riscv64',
    names: ['ipxe/riscv64/snponly.efi', 'ipxe/riscv64/ipxe.efi'],
    next: `apt install ipxe on Debian 13 or later, or ${ADD}`,
  },
  {
    platform: 'uefi',
    architecture: 'loong64',
    names: ['ipxe/loong64/snponly.efi', 'ipxe/loong64/ipxe.efi'],
    next: `apt install ipxe on Debian 13 or later, or ${ADD}`,
  },
];

/** Every name that could ever be offered, so that a test can prove each is served when its file is there. */
export const LOADER_NAMES: readonly string[] = LOADERS.flatMap(({ names, signed = [] }) => [...names, ...signed]);

/**
 * The label by which an operator says that a machine's firmware has Secure Boot on. No firmware says so itself while it
 * boots over the network; the agent finds it out.
 */
export const SECURE_BOOT_LABEL = 'ingot/secure-boot';

/** Does this machine start only what is signed? By its label, else by what was found out about it. */
export function hasSecureBoot(machine: Pick<Machine, 'document' | 'facts'> | undefined): boolean {
  const label = machine?.document.labels[SECURE_BOOT_LABEL];
  return label === undefined ? machine?.facts['secure-boot']?.value === true : label !== 'false';
}

/**
 * `secureBoot`: the signed chain goes before everything else, where it is here whole. Otherwise it is the last resort:
 * its GRUB boots kernels, but no iPXE scripts.
 */
export function chooseLoader(
  system: ClientSystem,
  available: ReadonlyMap<string, LoaderFile>,
  { secureBoot = false }: { readonly secureBoot?: boolean } = {},
): LoaderChoice {
  const row = LOADERS.find(
    ({ platform, architecture }) => platform === system.platform && architecture === system.architecture,
  );
  if (!row)
    return { kind: 'impossible', because: `no loader is known for ${system.platform} on ${system.architecture}` };
  const [shim, grub] = row.signed ?? [];
  const signed = shim !== undefined && grub !== undefined && available.has(grub) ? [shim] : [];
  for (const name of secureBoot ? [...signed, ...row.names] : [...row.names, ...signed]) {
    const file = available.get(name);
    if (file) return { kind: 'loader', file };
  }
  return { kind: 'missing', wanted: row.names, next: row.next };
}

/** What reads the script after this loader; where none is known, iPXE does. */
export const readerOf = (loader: string | undefined): 'ipxe' | 'grub' =>
  loader?.startsWith('grub/') === true ? 'grub' : 'ipxe';
