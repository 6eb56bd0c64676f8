import type { Architecture } from '../../values/architecture.ts';
import { asset, type CatalogEntry, image, openpgp, refused } from './entry.ts';

/** How Debian and Ubuntu call architectures. */
const DEB: Readonly<Partial<Record<Architecture, string>>> = { x86_64: 'amd64', arm64: 'arm64' };
const ARCHITECTURES = ['x86_64', 'arm64'] as const;

/** Codenames by version; maps, since a version is whatever somebody typed. */
const DEBIAN: ReadonlyMap<string, string> = new Map([
  ['11', 'bullseye'],
  ['12', 'bookworm'],
  ['13', 'trixie'],
]);
const UBUNTU: ReadonlyMap<string, string> = new Map([
  ['22.04', 'jammy'],
  ['24.04', 'noble'],
  ['26.04', 'resolute'],
]);

/** "UEC Image Automatic Signing Key", in Ubuntu's package ubuntu-cloudimage-keyring. */
const UBUNTU_CLOUD_KEY = 'D2EB44626FDDC30B513D5BB71A5D6C4C7DB87C81';

const versions = (releases: ReadonlyMap<string, string>): string => [...releases.keys()].join(', ');
const known = (releases: ReadonlyMap<string, string>, version: string): string =>
  `got ${version}, want ${versions(releases)}`;

export const debian: CatalogEntry = {
  name: 'debian',
  title: 'Debian, the cloud image for bare metal (generic), with cloud-init',
  boots: 'disk',
  architectures: ARCHITECTURES,
  versions: versions(DEBIAN),
  proof: 'SHA512SUMS of cloud.debian.org, which Debian does not sign: HTTPS alone',
  resolve(version, architecture) {
    const codename = DEBIAN.get(version);
    if (codename === undefined) return refused(known(DEBIAN, version));
    const dir = `https://cloud.debian.org/images/cloud/${codename}/latest`;
    const digests = { url: `${dir}/SHA512SUMS` };
    return image({
      assets: [asset('disk', `${dir}/debian-${version}-generic-${DEB[architecture]}.qcow2`, { digests })],
    });
  },
};

export const ubuntu: CatalogEntry = {
  name: 'ubuntu',
  title: 'Ubuntu Server, the cloud image, with cloud-init',
  boots: 'disk',
  architectures: ARCHITECTURES,
  versions: versions(UBUNTU),
  proof: `SHA256SUMS, signed by Ubuntu’s key ${UBUNTU_CLOUD_KEY}`,
  resolve(version, architecture) {
    const codename = UBUNTU.get(version);
    if (codename === undefined) return refused(known(UBUNTU, version));
    const dir = `https://cloud-images.ubuntu.com/releases/${codename}/release`;
    const keyUrl = `https://keyserver.ubuntu.com/pks/lookup?op=get&options=mr&search=0x${UBUNTU_CLOUD_KEY}`;
    const signature = openpgp(`${dir}/SHA256SUMS.gpg`, keyUrl, UBUNTU_CLOUD_KEY);
    const file = `ubuntu-${version}-server-cloudimg-${DEB[architecture]}.img`;
    return image({ assets: [asset('disk', `${dir}/${file}`, { digests: { url: `${dir}/SHA256SUMS`, signature } })] });
  },
};
