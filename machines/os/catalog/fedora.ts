import { z } from 'zod';
import type { Architecture } from '../../values/architecture.ts';
import type { ImageAsset } from '../../contract/documents.ts';
import { asset, type CatalogEntry, image, refused, type Resolved } from './entry.ts';

/** How Red Hat's family calls architectures. */
const RPM: Readonly<Partial<Record<Architecture, string>>> = { x86_64: 'x86_64', arm64: 'aarch64' };
const ARCHITECTURES = ['x86_64', 'arm64'] as const;

const file = z.object({ location: z.url({ protocol: /^https$/ }), sha256: z.string().regex(/^[0-9a-f]{64}$/) });
/** Of a stream's metadata what metal needs (coreos/stream-metadata-go, `stream.go`). */
const stream = z.object({
  architectures: z.record(
    z.string(),
    z.object({
      artifacts: z.object({
        metal: z
          .object({
            release: z.string(),
            formats: z.object({
              'raw.xz': z.object({ disk: file }).optional(),
              pxe: z.object({ kernel: file, initramfs: file, rootfs: file }).optional(),
            }),
          })
          .optional(),
      }),
    }),
  ),
});
type Formats = z.output<typeof stream>['architectures'][string]['artifacts']['metal'];

const fetched = (role: ImageAsset['role'], { location, sha256 }: z.output<typeof file>): ImageAsset =>
  asset(role, location, { sha256 });

const coreos = (
  parts: Pick<CatalogEntry, 'name' | 'title' | 'boots'>,
  read: (metal: NonNullable<Formats>) => Resolved | undefined,
): CatalogEntry => ({
  ...parts,
  architectures: ARCHITECTURES,
  versions: 'stable, testing, next',
  proof: 'the SHA-256 in the stream’s metadata, by HTTPS',
  resolve(version, architecture) {
    if (!['stable', 'testing', 'next'].includes(version)) return refused(`got ${version}, want stable, testing, next`);
    const url = `https://builds.coreos.fedoraproject.org/streams/${version}.json`;
    return {
      kind: 'index',
      url,
      read(json) {
        const index = stream.safeParse(json);
        if (!index.success) return refused(`${url} is no metadata of a stream: ${z.prettifyError(index.error)}`);
        const metal = index.data.architectures[RPM[architecture] ?? '']?.artifacts.metal;
        return (metal && read(metal)) ?? refused(`${url} has nothing for ${architecture}`);
      },
    };
  },
});

export const fedoraCoreos = coreos(
  { name: 'fedora-coreos', title: 'Fedora CoreOS, the image for metal, with Ignition', boots: 'disk' },
  ({ formats }) => {
    const disk = formats['raw.xz']?.disk;
    return disk && image({ assets: [fetched('disk', disk)] });
  },
);

export const fedoraCoreosLive = coreos(
  { name: 'fedora-coreos-live', title: 'Fedora CoreOS in memory, with Ignition', boots: 'netboot' },
  ({ formats: { pxe } }) =>
    pxe &&
    image({
      // The root file system as a second initrd takes more memory than by URL, and nothing from the internet.
      assets: [fetched('kernel', pxe.kernel), fetched('initrd', pxe.initramfs), fetched('initrd', pxe.rootfs)],
      args: ['ignition.firstboot', 'ignition.platform.id=metal'],
    }),
);

const installer = (
  parts: Pick<CatalogEntry, 'name' | 'title' | 'versions'>,
  treeOf: (version: string, architecture: string) => string | undefined,
): CatalogEntry => ({
  ...parts,
  boots: 'netboot',
  architectures: ARCHITECTURES,
  proof: 'the digests in .treeinfo, by HTTPS',
  resolve(version, architecture) {
    const tree = treeOf(version, RPM[architecture] ?? '');
    if (tree === undefined) return refused(`got ${version}, want ${parts.versions}`);
    const digests = { url: `${tree}/.treeinfo` };
    return image({
      assets: [
        asset('kernel', `${tree}/images/pxeboot/vmlinuz`, { digests }),
        asset('initrd', `${tree}/images/pxeboot/initrd.img`, { digests }),
      ],
      pulls: [{ what: 'the second stage of the installer, and packages', from: tree }],
      args: [`inst.repo=${tree}`, 'inst.ks.sendmac', 'ip=dhcp'],
    });
  },
});

export const fedoraInstaller = installer(
  { name: 'fedora-installer', title: 'Fedora’s network installer (Anaconda)', versions: 'a release such as 44' },
  (version, arch) =>
    /^\d{2}$/.test(version)
      ? `https://dl.fedoraproject.org/pub/fedora/linux/releases/${version}/Everything/${arch}/os`
      : undefined,
);

export const rockyInstaller = installer(
  {
    name: 'rocky-installer',
    title: 'Rocky Linux’ network installer (Anaconda)',
    versions: '8, 9, 10, or one such as 9.6',
  },
  (version, arch) =>
    /^(8|9|10)(\.\d{1,2})?$/.test(version)
      ? `https://dl.rockylinux.org/pub/rocky/${version}/BaseOS/${arch}/os`
      : undefined,
);

export const rocky: CatalogEntry = {
  name: 'rocky',
  title: 'Rocky Linux, the cloud image, with cloud-init',
  boots: 'disk',
  architectures: ARCHITECTURES,
  versions: '8, 9, 10',
  proof: 'the CHECKSUM beside it: HTTPS alone',
  resolve(version, architecture) {
    if (!/^(8|9|10)$/.test(version)) return refused(`got ${version}, want 8, 9, 10`);
    const arch = RPM[architecture] ?? '';
    const url = `https://dl.rockylinux.org/pub/rocky/${version}/images/${arch}/Rocky-${version}-GenericCloud-Base.latest.${arch}.qcow2`;
    return image({ assets: [asset('disk', url, { digests: { url: `${url}.CHECKSUM` } })] });
  },
};
