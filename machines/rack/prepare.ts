import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { kernelArguments } from '../os/talos/kernel-arguments.ts';
import { parseTalosVersion } from '../os/talos/version.ts';
import { sure } from '../values/parsed.ts';
import { BMC_PORTS, type BmcPorts } from './bmc/start-bmc.ts';
import { disksOf } from './node/thin-disks.ts';
import { architectureOf, type Place } from './line-up.ts';
import { PLAIN_SCHEMATIC, releaseLabel } from './talos/decide/release.ts';

/** The name of the one credential that the rack's BMCs know. */
export const BMC_CREDENTIAL = 'rack';

/** IMAGE_FILE_MACHINE_AMD64 and _ARM64, from the PE format's specification. */
const PE_MACHINE = { x86_64: 0x8664, arm64: 0xaa64 } as const;

/** As large as real ones; a storm of a thousand machines is told to take smaller ones. */
export const IMAGE_BYTES = { kernel: 8 << 20, initrd: 24 << 20 };

/**
 * Writes what the rack's machines load: no real loader or kernel is needed, since its firmware is software. The files
 * have the size of real ones, and a header that says for which processor they are.
 */
export async function prepare(directory: string, sizes = IMAGE_BYTES): Promise<void> {
  const loaders = join(directory, 'loaders', 'ipxe');
  const images = join(directory, 'images');
  await Promise.all([
    write(join(loaders, 'undionly.kpxe'), filled(70 * 1024, 'simulated loader for BIOS')),
    write(join(loaders, 'x86_64', 'snponly.efi'), peFile('x86_64')),
    write(join(loaders, 'arm64', 'snponly.efi'), peFile('arm64')),
    write(join(images, 'disk.raw'), diskImage()),
    ...TALOS_RELEASES.flatMap((release) => [
      write(
        join(images, talosName(release), 'kernel-amd64'),
        filled(sizes.kernel, `simulated kernel of Talos ${release}`),
      ),
      // The rack's machines read which release they boot at its beginning, so it is small enough to be kept.
      write(
        join(images, talosName(release), 'initramfs-amd64.xz'),
        new TextEncoder().encode(
          releaseLabel({ version: sure(parseTalosVersion(release)), schematic: PLAIN_SCHEMATIC }).padEnd(
            TALOS_INITRAMFS_BYTES,
          ),
        ),
      ),
    ]),
    ...(['x86_64', 'arm64'] as const).flatMap((arch) => [
      write(join(images, arch, 'vmlinuz'), filled(sizes.kernel, `simulated kernel for ${arch}`)),
      write(join(images, arch, 'initrd'), filled(sizes.initrd, `simulated initrd for ${arch}`)),
    ]),
  ]);
}

/** What an operator would have applied for these machines, as documents of the API's shape. */
export function documents(
  directory: string,
  places: readonly Place[],
  ports: BmcPorts = BMC_PORTS,
): readonly Readonly<Record<string, unknown>>[] {
  const labels = { simulated: 'true' };
  const arches = ['x86_64', 'arm64'] as const;
  return [
    ...arches.flatMap((arch) => [
      {
        kind: 'Image',
        name: liveName(arch),
        labels,
        arch,
        assets: [
          { role: 'kernel', path: join(directory, 'images', arch, 'vmlinuz') },
          { role: 'initrd', path: join(directory, 'images', arch, 'initrd') },
        ],
      },
      {
        kind: 'Profile',
        name: liveName(arch),
        labels,
        os: 'kernel',
        when: 'always',
        writes: 'none',
        image: liveName(arch),
        args: ['console=ttyS0', 'quiet'],
      },
    ]),
    {
      kind: 'Image',
      name: DISK_PROFILE,
      labels,
      arch: 'x86_64',
      assets: [{ role: 'disk', path: join(directory, 'images', 'disk.raw') }],
    },
    { kind: 'Profile', name: DISK_PROFILE, labels, os: 'image', image: DISK_PROFILE },
    ...TALOS_RELEASES.flatMap((release) => [
      {
        kind: 'Image',
        name: talosName(release),
        labels,
        arch: 'x86_64',
        assets: [
          { role: 'kernel', path: join(directory, 'images', talosName(release), 'kernel-amd64') },
          { role: 'initrd', path: join(directory, 'images', talosName(release), 'initramfs-amd64.xz') },
        ],
      },
      {
        kind: 'Profile',
        name: talosName(release),
        labels,
        os: 'talos',
        image: talosName(release),
        // No talos.config: it waits in maintenance until its configuration is pushed.
        args: kernelArguments({ version: sure(parseTalosVersion(release)) }),
      },
    ]),
    // What a machine gets that nobody wrote a document for, once somebody has accepted it.
    {
      kind: 'Class',
      name: 'sim-accepted',
      labels,
      match: { facts: { arch: 'x86_64' } },
      profile: liveName('x86_64'),
    },
    ...places.filter(({ standing }) => standing !== 'unknown').map((place) => machineDocument(place, labels, ports)),
  ];
}

/** A disk image that the rack's firmware takes for a system. */
export const DISK_PROFILE = 'demo-disk';
const DISK_IMAGE_BYTES = 4 << 20;

/** One for each contract of configurations: up to 1.13 nearly all is one document, later each part has its own. */
export const TALOS_RELEASES = ['v1.13.2', 'v1.14.0'] as const;
const TALOS_INITRAMFS_BYTES = 16 << 10;

/** `sim-talos-v1-13`: the image and the profile of a release. */
export const talosName = (release: string): string => `sim-talos-${release.split('.').slice(0, 2).join('-')}`;

/** Names of documents have no underscore. */
const liveName = (arch: 'arm64' | 'x86_64'): string => `sim-live-${arch.replace('_', '-')}`;

function machineDocument(
  { spec, unit, standing, bmc }: Place,
  labels: Readonly<Record<string, string>>,
  ports: BmcPorts,
) {
  const rack = spec.name.split('-')[1] ?? 'r1';
  return {
    kind: 'Machine',
    name: spec.name,
    labels: { ...labels, rack, ...(standing === 'blank' ? { disks: 'blank' } : {}) },
    macs: [spec.mac],
    uuid: spec.uuid,
    serial: spec.serial,
    location: { site: 'default', rack, unit },
    disks: { install: { serial: disksOf(spec)[0]?.serial } },
    bmc: {
      type: bmc.type,
      address: bmc.type === 'redfish' ? `https://${bmc.address}:${ports.redfish}` : `${bmc.address}:${ports.ipmi}`,
      credential: BMC_CREDENTIAL,
    },
    ...(standing === 'live' ? { profile: liveName(architectureOf(spec.firmware)) } : {}),
    ...(standing === 'blank' ? { profile: DISK_PROFILE } : {}),
  };
}

async function write(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, bytes);
}

function filled(length: number, label: string): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(new TextEncoder().encode(`${label}\n`));
  return bytes;
}

/** One Linux partition from the first MiB on, and the boot signature (UEFI 2.10 §5.2.1); it holds no code. */
function diskImage(): Uint8Array {
  const bytes = filled(DISK_IMAGE_BYTES, 'simulated disk image');
  const view = new DataView(bytes.buffer);
  const entry = 446;
  const firstSector = 2048;
  view.setUint8(entry, 0x80);
  view.setUint8(entry + 4, 0x83);
  view.setUint32(entry + 8, firstSector, true);
  view.setUint32(entry + 12, DISK_IMAGE_BYTES / 512 - firstSector, true);
  view.setUint16(510, 0xaa55, true);
  bytes.set(new TextEncoder().encode('simulated system\n'), firstSector * 512);
  return bytes;
}

/** The smallest start of a PE file from which a processor can be read; it holds no code. */
function peFile(arch: keyof typeof PE_MACHINE): Uint8Array {
  const bytes = filled(200 * 1024, `MZ simulated loader for UEFI ${arch}`);
  const view = new DataView(bytes.buffer);
  const header = 0x80;
  view.setUint32(0x3c, header, true);
  bytes.set(new TextEncoder().encode('PE\0\0'), header);
  view.setUint16(header + 4, PE_MACHINE[arch], true);
  return bytes;
}
