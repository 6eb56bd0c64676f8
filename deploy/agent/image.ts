import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { encodeNewc, type NewcEntry } from '#services/images/wire/newc.ts';
import type { PackageSource } from './apt.ts';
import { bundleAgent } from './bundle.ts';
import {
  ALWAYS_LOADED,
  BUSYBOX,
  FIRMWARE_PACKAGES,
  type ImageArchitecture,
  kernelPackage,
  KMOD_NAMES,
  modulesOf,
  PROCESSORS,
  PROGRAMS,
  RUNTIME_PACKAGES,
  type Variant,
} from './contents.ts';
import { withoutSections } from './elf.ts';
import { moduleIndexes, openKernelTree, selectFirmware, selectModules } from './kernel.ts';
import type { Manifest } from './manifest.ts';
import { openPackageTrees } from './programs.ts';
import { withLibraries } from './stanzas.ts';

export type AgentImageOptions = {
  readonly variant: Variant;
  readonly architecture: ImageArchitecture;
  /** The agent's program. */
  readonly entry: string;
  /** The repository: its packages, and the protos that the agent loads. */
  readonly root: string;
  /** The Node that the image gets. */
  readonly node: { readonly path: string; readonly version: string };
  readonly source: PackageSource;
  /** For the programs that run while it is built: packages for the processor that builds it. */
  readonly builder: PackageSource;
  /** An operator's own firmware, as below /lib/firmware. */
  readonly firmware?: string;
  /** Of zstd, 1 to 22. */
  readonly level: number;
  /** Where `vmlinuz`, `initrd.zst` and `manifest.json` are put. */
  readonly out: string;
  /** Where compressed layers are kept for the next time. */
  readonly cache: string;
  readonly say: (text: string) => void;
};

type Layer = { readonly name: string; readonly entries: readonly NewcEntry[] };

/**
 * Builds the agent's image. The same packages, Node and program give the same bytes.
 *
 * The initramfs is a row of archives, each compressed by itself: /init with busybox first, so that it can speak when the
 * others did not arrive; then the runtime, the programs, the kernel's modules; last the agent, with the mark that the
 * image is whole as its last member.
 */
export async function buildAgentImage(options: AgentImageOptions): Promise<Manifest> {
  const { variant, architecture, source, say } = options;
  const newest = kernelPackage(variant, architecture);
  const kernelName = source
    .find([newest])
    .flatMap((one) => one.depends)
    .find((name) => name.startsWith('linux-image-'));
  if (kernelName === undefined) throw new Error(`${newest} depends on no kernel`);
  const firmwarePackages = source.findSome(FIRMWARE_PACKAGES[variant]);
  const programPackages = withLibraries([...Object.keys(PROGRAMS), BUSYBOX.package, ...RUNTIME_PACKAGES], (names) =>
    source.find(names),
  );
  const packages = [...programPackages, ...source.find([kernelName]), ...firmwarePackages];
  say(`${packages.length} packages, ${mebibytes(packages.reduce((sum, one) => sum + one.bytes, 0))} to have`);
  const folders = source.unpack(packages);

  const trees = openPackageTrees(folders, PROCESSORS[architecture]);
  const programs = Object.entries(PROGRAMS).flatMap(([name, paths]) =>
    paths.map((path) => ({ name: basename(path), content: trees.read(name, path) })),
  );
  const node = { name: 'node', content: withoutSections(readFileSync(options.node.path)) };
  const runtimeLibraries = trees.librariesOf([node]);
  const isRuntime = new Set(runtimeLibraries.map((one) => one.path));
  const programLibraries = trees.librariesOf(programs).filter((one) => !isRuntime.has(one.path));

  const kernel = openKernelTree(folderOf(folders, kernelName));
  const modules = selectModules(kernel, modulesOf(variant, architecture));
  const indexes = moduleIndexes({ kernel, modules, work: options.cache, kmod: kmodCommand(options) });
  const firmware = selectFirmware(modules, [
    ...(options.firmware === undefined ? [] : [{ name: 'operator', folder: options.firmware }]),
    ...firmwarePackages.map((one) => ({ name: one.name, folder: join(folderOf(folders, one.name), 'lib/firmware') })),
  ]);
  const lacking = FIRMWARE_PACKAGES[variant].filter((name) => !firmwarePackages.some((one) => one.name === name));
  if (lacking.length > 0) say(`the mirror has no ${lacking.join(', ')}`);

  say(`bundling ${options.entry}`);
  const bundle = await bundleAgent(options);
  const moduleFolder = `lib/modules/${kernel.version}`;
  const layers: Layer[] = [
    {
      name: 'start',
      entries: [
        ...['etc', 'proc', 'root', 'run', 'sys', 'tmp', 'usr'].map((path) => ({ path, kind: 'folder' }) as const),
        // The kernel opens it for /init before anything is mounted.
        { path: 'dev/console', kind: 'device', major: 5, minor: 1 },
        program('bin/busybox', trees.read(BUSYBOX.package, BUSYBOX.path)),
        link('bin/sh', 'busybox'),
        ...[['sbin', 'bin'] as const, ['usr/bin', '../bin'] as const, ['usr/sbin', '../bin'] as const].map(
          ([path, target]) => link(path, target),
        ),
        program('init', readFileSync(new URL('init.sh', import.meta.url))),
      ],
    },
    {
      name: 'runtime',
      entries: [program('bin/node', node.content), ...runtimeLibraries.map((one) => program(one.path, one.content))],
    },
    {
      name: 'programs',
      entries: [
        ...programs.map((one) => program(`bin/${one.name}`, one.content)),
        ...programLibraries.map((one) => program(one.path, one.content)),
        ...KMOD_NAMES.map((name) => link(`bin/${name}`, 'kmod')),
        text(
          'etc/ingot/shell',
          [...programs.map((one) => one.name), ...KMOD_NAMES].map((name) => `alias ${name}=/bin/${name}\n`).join(''),
        ),
        text('etc/hosts', '127.0.0.1 localhost\n::1 localhost\n'),
        text('etc/nsswitch.conf', 'hosts: files dns\n'),
        text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
        text('etc/group', 'root:x:0:\n'),
      ],
    },
    {
      name: 'kernel',
      entries: [
        ...modules.map((one) => file(`${moduleFolder}/${one.path}`, readFileSync(join(kernel.modules, one.path)))),
        ...[...indexes].map(([name, content]) => file(`${moduleFolder}/${name}`, content)),
        ...firmware.found.map((one) => file(`lib/firmware/${one.path}`, readFileSync(one.file))),
        text('etc/ingot/modules', `${ALWAYS_LOADED.join('\n')}\n`),
        program(
          'etc/ingot/device-added',
          new TextEncoder().encode(
            '#!/bin/busybox sh\n[ "$ACTION" != add ] || [ -z "$MODALIAS" ] || exec /bin/modprobe -b -q -- "$MODALIAS"\n',
          ),
        ),
        // A disk is there when its controller's driver is.
        text('etc/modprobe.d/ingot.conf', 'options scsi_mod scan=sync\n'),
      ],
    },
    {
      name: 'agent',
      entries: [
        file('agent/main.js', bundle),
        text('agent/package.json', '{"type":"module"}\n'),
        ...readdirSync(join(options.root, 'machines/api/proto'))
          .sort()
          .map((name) => file(`agent/proto/${name}`, readFileSync(join(options.root, 'machines/api/proto', name)))),
      ],
    },
  ];
  const archives = layers.map((layer) => ({ ...layer, archive: encodeNewc(withFolders(layer.entries)) }));
  const id = sha256(archives.map((one) => sha256(one.archive)).join('\n')).slice(0, 16);
  const end = encodeNewc(withFolders([text('etc/ingot/image', `${id}\n`)]));

  say(
    `compressing ${mebibytes(archives.reduce((sum, one) => sum + one.archive.length, 0))}, zstd level ${options.level}`,
  );
  const last = archives.length - 1;
  const compressed = await Promise.all(
    archives.map(({ archive }, index) => {
      // The mark is an archive of its own inside the last compressed one.
      return compress(index === last ? Buffer.concat([archive, end]) : archive, options);
    }),
  );
  const initrd = Buffer.concat(compressed.map(padded));
  const vmlinuz = readFileSync(kernel.image);
  const manifest: Manifest = {
    format: 1,
    id,
    variant,
    architecture,
    kernel: kernel.version,
    commandLine: 'rootfstype=ramfs',
    node: { version: options.node.version, sha256: sha256(node.content) },
    agent: { sha256: sha256(bundle), bytes: bundle.length },
    level: options.level,
    outputs: [
      { name: 'vmlinuz', bytes: vmlinuz.length, sha256: sha256(vmlinuz) },
      { name: 'initrd.zst', bytes: initrd.length, sha256: sha256(initrd) },
    ],
    unpackedBytes: archives.reduce((sum, one) => sum + one.archive.length, 0),
    layers: archives.map(({ name, archive }, index) => ({
      name,
      bytes: compressed[index]?.length ?? 0,
      unpackedBytes: archive.length,
    })),
    packages: packages.map(({ name, version, sha256, bytes }) => ({ name, version, sha256, bytes })),
    programs: programs.map((one) => one.name).sort(),
    modules: modules.map((one) => one.name).sort(),
    firmware: {
      found: firmware.found.map(({ path, from }) => ({ path, from })),
      missing: firmware.missing,
    },
    files: layers
      .flatMap((layer) => layer.entries)
      .flatMap((one) =>
        one.kind === 'file' ? [{ path: one.path, bytes: one.content.length, sha256: sha256(one.content) }] : [],
      ),
  };
  mkdirSync(options.out, { recursive: true });
  putFile(join(options.out, 'vmlinuz'), vmlinuz);
  putFile(join(options.out, 'initrd.zst'), initrd);
  // Last: whoever finds it finds the others as it says.
  putFile(join(options.out, 'manifest.json'), Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`));
  return manifest;
}

/**
 * Runs the image's kmod, as Debian has it for the processor that builds, with its own loader and libraries: the same
 * bytes come out on every machine, and nothing of another processor is run.
 */
function kmodCommand({
  builder,
  cache,
}: Pick<AgentImageOptions, 'builder' | 'cache'>): (
  name: string,
  args: readonly string[],
) => readonly [string, ...string[]] {
  const trees = openPackageTrees(builder.unpack(withLibraries(['kmod', 'libc6'], (names) => builder.find(names))));
  const kmod = { name: 'kmod', content: trees.read('kmod', 'bin/kmod') };
  const libraries = trees.librariesOf([kmod]);
  const folder = join(cache, 'kmod', sha256(libraries.map((one) => sha256(one.content)).join('')).slice(0, 16));
  mkdirSync(folder, { recursive: true });
  for (const one of [kmod, ...libraries]) {
    if (!existsSync(join(folder, one.name))) writeFileSync(join(folder, one.name), one.content, { mode: 0o755 });
  }
  const loader = libraries.find((one) => one.name.startsWith('ld-linux'));
  if (loader === undefined) throw new Error('kmod names no loader');
  return (name, args) => [
    join(folder, loader.name),
    ...['--library-path', folder, '--argv0', name, join(folder, 'kmod')],
    ...args,
  ];
}

function folderOf(folders: ReadonlyMap<string, string>, name: string): string {
  const folder = folders.get(name);
  if (folder === undefined) throw new Error(`${name} was not unpacked`);
  return folder;
}

/** The entries and an entry for each folder on the way to them. */
function withFolders(entries: readonly NewcEntry[]): NewcEntry[] {
  const known = new Set(entries.map((one) => one.path));
  const folders = new Set<string>();
  for (const { path } of entries) {
    for (let up = dirname(path); up !== '.'; up = dirname(up)) {
      if (!known.has(up)) folders.add(up);
    }
  }
  return [...entries, ...[...folders].map((path) => ({ path, kind: 'folder' }) as const)];
}

const compressAsync = promisify(zstdCompress);

/** Compresses, or takes what the same bytes gave the last time. The checksum lets the kernel see a damaged download. */
async function compress(bytes: Uint8Array, options: Pick<AgentImageOptions, 'cache' | 'level'>): Promise<Buffer> {
  const path = join(options.cache, 'layers', `${sha256(bytes)}-${process.versions['zstd']}-${options.level}.zst`);
  if (existsSync(path)) return readFileSync(path);
  const compressed = await compressAsync(bytes, {
    params: { [constants.ZSTD_c_compressionLevel]: options.level, [constants.ZSTD_c_checksumFlag]: 1 },
    pledgedSrcSize: bytes.length,
  });
  mkdirSync(join(options.cache, 'layers'), { recursive: true });
  putFile(path, compressed);
  return compressed;
}

/** The kernel looks for the next archive at a multiple of 4. */
function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

function putFile(path: string, content: Uint8Array): void {
  const half = `${path}.${process.pid}`;
  writeFileSync(half, content);
  renameSync(half, path);
}

const program = (path: string, content: Uint8Array) => ({ path, kind: 'file', mode: 0o755, content }) as const;
const file = (path: string, content: Uint8Array) => ({ path, kind: 'file', content }) as const;
const text = (path: string, content: string) => file(path, new TextEncoder().encode(content));
const link = (path: string, target: string) => ({ path, kind: 'link', target }) as const;
const sha256 = (content: Uint8Array | string): string => createHash('sha256').update(content).digest('hex');
const mebibytes = (bytes: number): string => `${(bytes / (1 << 20)).toFixed(1)} MiB`;
