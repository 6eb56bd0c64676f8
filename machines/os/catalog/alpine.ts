import type { Architecture } from '../../values/architecture.ts';
import { asset, type CatalogEntry, image, refused } from './entry.ts';

const ARCH: Readonly<Partial<Record<Architecture, string>>> = { x86_64: 'x86_64', arm64: 'aarch64' };

export const alpineInstaller: CatalogEntry = {
  name: 'alpine-installer',
  title: 'Alpine Linux in memory, which installs itself',
  boots: 'netboot',
  architectures: ['x86_64', 'arm64'],
  versions: 'a release such as 3.23',
  proof: 'nothing but HTTPS: Alpine signs the archive of these files, not the files',
  resolve(version, architecture) {
    if (!/^3\.\d{1,2}$/.test(version)) return refused(`got ${version}, want a release such as 3.23`);
    const release = `https://dl-cdn.alpinelinux.org/alpine/v${version}`;
    const folder = `${release}/releases/${ARCH[architecture]}/netboot`;
    return image({
      assets: [asset('kernel', `${folder}/vmlinuz-lts`), asset('initrd', `${folder}/initramfs-lts`)],
      pulls: [{ what: 'kernel modules, and packages', from: release }],
      args: ['ip=dhcp', `alpine_repo=${release}/main`, `modloop=${folder}/modloop-lts`, 'apkovl={{config.apkovl}}'],
    });
  },
};
