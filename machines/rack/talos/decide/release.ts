import { parseTalosVersion, type TalosVersion, talosVersionText } from '../../../os/talos/version.ts';

/** What a simulated kernel or installer is. */
export type Release = { readonly version: TalosVersion; readonly schematic: string };

/** Of nothing at all: what an Image Factory calls the schematic without any customization. */
export const PLAIN_SCHEMATIC = '376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba';

const LABEL = /simulated Talos (v\S+)(?: ([0-9a-f]{64}))?/;

/** What stands at the beginning of an initramfs that the rack takes for Talos'. */
export const releaseLabel = ({ version, schematic }: Release): string =>
  `simulated Talos ${talosVersionText(version)} ${schematic}\n`;

/** The release whose initramfs these bytes begin; undefined where they say none. */
export function releaseIn(bytes: Uint8Array): Release | undefined {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 1024));
  const found = LABEL.exec(text);
  const version = parseTalosVersion(found?.[1] ?? '');
  return version.ok ? { version: version.value, schematic: found?.[2] ?? PLAIN_SCHEMATIC } : undefined;
}

/**
 * The release that an installer's reference names: the tag is its version, a path with a schematic in it has it. A
 * digest behind the tag is not looked at. Undefined where no installer has that name.
 */
export function releaseOfImage(reference: string): Release | undefined {
  const found = /(?:^|\/)(?:metal-)?installer(?:-base)?(?:-secureboot)?(?:\/([0-9a-f]{64}))?:(v[^@/:]+)/.exec(
    reference,
  );
  const version = parseTalosVersion(found?.[2] ?? '');
  return version.ok ? { version: version.value, schematic: found?.[1] ?? PLAIN_SCHEMATIC } : undefined;
}
