import type { Architecture } from '../../values/architecture.ts';
import { assetPath, type BootAssets, bootAssets, installerImage, talosArchitecture } from '../talos/boot-assets.ts';
import { kernelArguments } from '../talos/kernel-arguments.ts';
import { parseTalosVersion, type TalosVersion } from '../talos/version.ts';
import { asset, type CatalogEntry, image, type Pull, refused } from './entry.ts';

const FACTORY = 'factory.talos.dev';
/** The id of the empty schematic: Talos without extensions. */
const PLAIN = '376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba';

const talosEntry = (
  parts: Pick<CatalogEntry, 'name' | 'title' | 'boots'>,
  files: readonly { readonly role: 'kernel' | 'initrd' | 'disk'; readonly of: keyof BootAssets }[],
): CatalogEntry => ({
  ...parts,
  architectures: ['x86_64', 'arm64'],
  versions: 'a release such as v1.13.9, or RELEASE+SCHEMATIC',
  proof: 'none: the factory gives no digests; what comes first by HTTPS is kept',
  resolve(text, architecture) {
    const read = parseTalos(text, architecture);
    if (typeof read === 'string') return refused(read);
    const assets = bootAssets({ architecture: read.architecture, secureBoot: false });
    return image({
      assets: files.map(({ role, of }) => asset(role, `https://${FACTORY}${assetPath(read, assets[of])}`)),
      pulls: pulls(read),
      args: parts.boots === 'disk' ? [] : kernelArguments({ version: read.version }),
    });
  },
});

type Read = { readonly version: TalosVersion; readonly schematic: string; readonly architecture: 'amd64' | 'arm64' };

function parseTalos(text: string, of: Architecture): Read | string {
  const [release = '', schematic = PLAIN] = text.split('+', 2);
  const version = parseTalosVersion(release);
  if (!version.ok) return version.because;
  if (!/^[0-9a-f]{64}$/.test(schematic)) return `got ${schematic}, want the id of a schematic: 64 hexadecimal digits`;
  const architecture = talosArchitecture(of);
  return architecture === undefined
    ? `Talos is not built for ${of}`
    : { version: version.value, schematic, architecture };
}

/** A machine of Talos pulls its installer when it is installed, and Kubernetes when it runs (RegistryMirrorConfig moves both). */
const pulls = ({ version, schematic }: Read): readonly Pull[] => [
  { what: 'the installer', from: installerImage(FACTORY, { version, schematic, secureBoot: false }) },
  { what: 'kubelet, etcd and the other images of Kubernetes', from: 'ghcr.io, registry.k8s.io, gcr.io' },
];

export const talos = talosEntry(
  { name: 'talos', title: 'Talos Linux: boots into maintenance, installs itself', boots: 'netboot' },
  [
    { role: 'kernel', of: 'kernel' },
    { role: 'initrd', of: 'initramfs' },
  ],
);

export const talosDisk = talosEntry({ name: 'talos-disk', title: 'Talos Linux, the image of a disk', boots: 'disk' }, [
  { role: 'disk', of: 'disk' },
]);
