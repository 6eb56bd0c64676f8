import type { Architecture } from '../../values/architecture.ts';
import { type TalosVersion, talosVersionText } from './version.ts';

export type TalosArchitecture = 'amd64' | 'arm64';

/** How Talos calls an architecture; undefined for what it is not built for. */
export const talosArchitecture = (architecture: Architecture): TalosArchitecture | undefined =>
  ARCHITECTURES[architecture];

const ARCHITECTURES: Readonly<Partial<Record<Architecture, TalosArchitecture>>> = { x86_64: 'amd64', arm64: 'arm64' };

export type TalosImage = {
  /** The schematic's id. */
  readonly schematic: string;
  readonly version: TalosVersion;
  readonly architecture: TalosArchitecture;
  readonly secureBoot: boolean;
};

/** What a metal machine can be booted from. The initramfs is named .xz even where it is compressed by zstd. */
export type BootAssets = {
  readonly kernel: string;
  readonly initramfs: string;
  /** Kernel, initramfs and command line in one EFI program: the only form that Secure Boot takes. */
  readonly uki: string;
  readonly iso: string;
  readonly cmdline: string;
  readonly disk: string;
};

/** File names, as an Image Factory serves them below `/image/SCHEMATIC/VERSION/`. */
export function bootAssets({ architecture, secureBoot }: Pick<TalosImage, 'architecture' | 'secureBoot'>): BootAssets {
  const signed = secureBoot ? '-secureboot' : '';
  return {
    kernel: `kernel-${architecture}`,
    initramfs: `initramfs-${architecture}.xz`,
    uki: `metal-${architecture}${signed}-uki.efi`,
    iso: `metal-${architecture}${signed}.iso`,
    cmdline: `cmdline-metal-${architecture}${signed}`,
    disk: `metal-${architecture}${signed}.raw.zst`,
  };
}

/** `/image/SCHEMATIC/VERSION/NAME` of a factory. */
export const assetPath = ({ schematic, version }: Pick<TalosImage, 'schematic' | 'version'>, name: string): string =>
  `/image/${schematic}/${talosVersionText(version)}/${name}`;

/**
 * The reference of the installer image in a factory's registry. With Secure Boot it must be the signed one, or the
 * machine installs what it cannot boot. Factories know the path with the platform in it since Talos 1.10.
 */
export function installerImage(registry: string, image: Omit<TalosImage, 'architecture'>): string {
  const platform = image.version.minor >= 10 ? 'metal-' : '';
  const name = `${platform}installer${image.secureBoot ? '-secureboot' : ''}`;
  return `${registry}/${name}/${image.schematic}:${talosVersionText(image.version)}`;
}
