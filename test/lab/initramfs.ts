import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CACHE } from './cache.ts';
import { type CpioEntry, encodeCpio } from './cpio.ts';

/** Drivers of a guest's network card and disk, each after those it needs. */
const MODULES = [
  'failover',
  'net_failover',
  'virtio_ring',
  'virtio',
  'virtio_pci_legacy_dev',
  'virtio_pci_modern_dev',
  'virtio_pci',
  'virtio_net',
  'virtio_blk',
] as const;

const UDHCPC = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route add default via "\${router%% *}"
echo "ip=$ip server=$serverid router=$router" >/run/address
`;

/**
 * Builds the initramfs of test guests (see guest-init.sh) from busybox and the kernel's virtio modules.
 *
 * Returns its path in the cache; the same content is built once.
 */
export function buildInitramfs(tools: { readonly busybox: string; readonly modules: string }): string {
  const archive = encodeCpio([
    ...['bin', 'dev', 'modules'].map((path): CpioEntry => ({ path, kind: 'folder' })),
    // The kernel opens it for init before anything is mounted.
    { path: 'dev/console', kind: 'device', major: 5, minor: 1 },
    program('init', readFileSync(new URL('guest-init.sh', import.meta.url))),
    program('udhcpc.sh', Buffer.from(UDHCPC)),
    program('bin/busybox', readFileSync(tools.busybox)),
    { path: 'bin/sh', kind: 'link', target: 'busybox' },
    ...moduleFiles(tools.modules),
    { path: 'modules/order', kind: 'file', content: Buffer.from(`${MODULES.join('\n')}\n`) },
  ]);
  const digest = createHash('sha256').update(archive).digest('hex').slice(0, 16);
  const path = join(CACHE, 'guests', `${digest}.img`);
  if (!existsSync(path)) {
    mkdirSync(join(CACHE, 'guests'), { recursive: true });
    const half = `${path}.${process.pid}`;
    writeFileSync(half, gzipSync(archive, { level: 9 }));
    renameSync(half, path);
  }
  return path;
}

function program(path: string, content: Uint8Array): CpioEntry {
  return { path, kind: 'file', content, executable: true };
}

function moduleFiles(folder: string): CpioEntry[] {
  const found = new Map(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ko'))
      .map((path) => [basename(path, '.ko'), path]),
  );
  return MODULES.map((name) => {
    const path = found.get(name);
    if (path === undefined) throw new Error(`the kernel in ${folder} has no module ${name}`);
    return { path: `modules/${name}.ko`, kind: 'file', content: readFileSync(join(folder, path)) };
  });
}
