import type { Architecture } from '../../values/architecture.ts';
import type { ImageAsset } from '../../contract/documents.ts';
import { asset, type CatalogEntry, image, openpgp, refused } from './entry.ts';

/** "Flatcar Buildbot (Official Builds)"; its subkeys change every year (flatcar/init, `bin/flatcar-install`). */
const KEY = 'F88CFEDEFF29A5B4D9523864E25D9AED0593B34A';
const KEY_URL = 'https://www.flatcar.org/security/image-signing-key/Flatcar_Image_Signing_Key.asc';
const BOARD: Readonly<Partial<Record<Architecture, string>>> = { x86_64: 'amd64-usr', arm64: 'arm64-usr' };
const CHANNELS = ['stable', 'beta', 'alpha', 'lts'] as const;

const entry = (
  parts: Pick<CatalogEntry, 'name' | 'title' | 'boots'>,
  files: readonly { readonly role: ImageAsset['role']; readonly file: string }[],
  args: readonly string[],
): CatalogEntry => ({
  ...parts,
  architectures: ['x86_64', 'arm64'],
  versions: `${CHANNELS.join(', ')}, or a release of stable such as 4459.2.0`,
  proof: `OpenPGP signatures by Flatcar’s key ${KEY}`,
  resolve(version, architecture) {
    const channel = CHANNELS.find((one) => one === version);
    if (channel === undefined && !/^\d{4}\.\d{1,2}\.\d{1,2}$/.test(version)) {
      return refused(`got ${version}, want ${CHANNELS.join(', ')}, or a release of stable such as 4459.2.0`);
    }
    const release = channel === undefined ? version : 'current';
    const dir = `https://${channel ?? 'stable'}.release.flatcar-linux.net/${BOARD[architecture]}/${release}`;
    return image({
      assets: files.map(({ role, file }) =>
        asset(role, `${dir}/${file}`, { signature: openpgp(`${dir}/${file}.sig`, KEY_URL, KEY) }),
      ),
      args,
    });
  },
});

export const flatcar = entry(
  { name: 'flatcar', title: 'Flatcar Container Linux, the image of a disk, with Ignition', boots: 'disk' },
  [{ role: 'disk', file: 'flatcar_production_image.bin.bz2' }],
  [],
);

export const flatcarLive = entry(
  { name: 'flatcar-live', title: 'Flatcar Container Linux in memory, with Ignition', boots: 'netboot' },
  [
    { role: 'kernel', file: 'flatcar_production_pxe.vmlinuz' },
    { role: 'initrd', file: 'flatcar_production_pxe_image.cpio.gz' },
  ],
  ['flatcar.first_boot=1'],
);
