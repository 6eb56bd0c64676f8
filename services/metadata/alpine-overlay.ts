import { gzipSync } from 'node:zlib';
import { encodeTarHeader, TAR_BLOCK, type TarDetails, tarPadding } from '#services/images/wire/tar.ts';

/**
 * What Alpine's initramfs unpacks over its root (`apkovl=`, alpine-conf "lbu"): a script that its service `local` runs
 * at the end of the boot, and that service in the runlevel.
 */
export function alpineOverlay({
  hostname,
  script,
}: {
  readonly hostname: string;
  readonly script: string;
}): Uint8Array {
  const encoder = new TextEncoder();
  const entry = (name: string, text: string, details: TarDetails = {}): readonly Uint8Array[] => {
    const content = encoder.encode(text);
    return [
      encodeTarHeader({ name, size: content.length, ...details }),
      content,
      new Uint8Array(tarPadding(content.length)),
    ];
  };
  const archive = Buffer.concat([
    ...entry('etc/hostname', `${hostname}\n`),
    ...entry('etc/network/interfaces', 'auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n'),
    ...entry('etc/local.d/ingot.start', script, { mode: 0o755 }),
    ...entry('etc/runlevels/default/local', '', { linkTo: '/etc/init.d/local' }),
    ...entry('etc/runlevels/boot/networking', '', { linkTo: '/etc/init.d/networking' }),
    new Uint8Array(2 * TAR_BLOCK),
  ]);
  return gzipSync(archive, { level: 9 });
}
