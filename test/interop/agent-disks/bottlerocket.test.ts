import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { it } from 'node:test';
import { workOf } from '#machines/agent/decide/asked-work.ts';
import { fileDisks } from '#machines/agent/disks/file-disks.ts';
import { writeImage } from '#machines/agent/disks/write-image.ts';
import { readSignatures } from '#machines/agent/inventory/read-signatures.ts';
import { linuxHost } from '#machines/agent/linux-host.ts';
import { profileDocument } from '#machines/contract/documents.ts';
import { holdsBottlerocket } from '#machines/os/bottlerocket/layout.ts';
import { besideImage } from '#machines/os/image/beside-image.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';
import { need } from '#test/lab/need.ts';

const MIB = 1 << 20;
const DISK_BYTES = 160 * MIB;
const host = linuxHost();
const EFI = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
const BANK = [
  ['BOOT', '6b636168-7420-6568-2070-6c616e657421', 8],
  ['ROOT', '5526016a-1a97-4ea4-b39a-b7c8c6ca4502', 24],
  ['HASH', '598f10af-c955-4456-6a99-7720068a6cea', 2],
  ['RESERVED', '0c5d99a5-d331-4147-baef-08e2b855bdc9', 3],
] as const;

/**
 * The thirteen partitions of an image for metal in their order, smaller: GRUB's, the ESP and its spare, two banks, the
 * private one, and a data partition that has no label before its first boot. Sizes in MiB.
 */
const LAYOUT: readonly (readonly [label: string, type: string, mib: number])[] = [
  ['BIOS-BOOT', '21686148-6449-6E6F-744E-656564454649', 4],
  ['EFI-SYSTEM', EFI, 5],
  ...BANK.map(([part, type, mib]) => [`BOTTLEROCKET-${part}-A`, type, mib] as const),
  ['EFI-BACKUP', 'B39CE39C-0A00-B4AB-2D11-F18F8237A21C', 5],
  ...BANK.map(([part, type, mib]) => [`BOTTLEROCKET-${part}-B`, type, mib] as const),
  ['BOTTLEROCKET-PRIVATE', '440408bb-eb0b-4328-a6e5-a29038fad706', 12],
  ['', '626f7474-6c65-6474-6861-726d61726b73', 16],
];
const DATA_GUID = '5b94e8df-28b8-485c-9d19-362263b5944c';

it('an image laid out as Bottlerocket’s gets its machine’s files, and its banks stay as they were', async (t) => {
  const tools = need(t, ['sfdisk', 'sgdisk', 'mkfs.ext4', 'fsck.ext4', 'debugfs']);
  if (!tools) return;
  const folder = await mkdtemp(join(tmpdir(), 'ingot-bottlerocket-'));
  try {
    // The image.
    const path = join(folder, 'image');
    await writeFile(path, '');
    await truncate(path, (2 + LAYOUT.reduce((sum, [, , mib]) => sum + mib, 0)) * MIB);
    execFileSync(tools.sfdisk, ['--quiet', path], {
      input: [
        'label: gpt',
        ...LAYOUT.map(([label, type, mib]) =>
          [
            ...[`size=${mib}MiB`, `type=${type}`],
            ...(label === '' ? [`uuid=${DATA_GUID}`] : [`name=${label}`]),
            // Priority, tries, successful: which bank boots.
            ...(label === 'BOTTLEROCKET-BOOT-A' ? ['attrs="GUID:48,56"'] : []),
          ].join(', '),
        ),
      ].join('\n'),
    });
    const partitions = partitionsOf(tools.sfdisk, path);
    const image = await readFile(path);
    for (const [label, { at, bytes }] of partitions) {
      if (label.startsWith('BOTTLEROCKET-')) image.fill(label, at, at + bytes);
    }
    const inside = join(folder, 'private');
    await writeFile(inside, Buffer.alloc(12 * MIB));
    execFileSync(tools['mkfs.ext4'], ['-q', '-F', '-b', '4096', '-i', '4096', '-I', '256', inside]);
    image.set(await readFile(inside), partitions.get('BOTTLEROCKET-PRIVATE')?.at);

    // What the daemon asks for by the documents, as the agent reads it.
    const answer = besideImage({
      machine: sampleMachine({ name: 'r1-u1', macs: ['52:54:00:00:00:01'] }),
      ofClass: undefined,
      profile: profileDocument.parse({
        kind: 'Profile',
        name: 'bottlerocket',
        os: 'bottlerocket',
        image: 'metal',
        args: ['console=ttyS0'],
        install: { efiEntry: false, adminContainer: { authorizedKeys: ['ssh-ed25519 AAAA anna'] } },
        config: { bottlerocket: { kubernetes: { 'cluster-name': 'home' } } },
      }),
      network: () => undefined,
      job: 'j1',
    });
    assert.ok(answer.ok, JSON.stringify(answer));
    const sha256 = createHash('sha256').update(image).digest('hex');
    const disk = { name: 'sda', serial: 'S1', bytes: `${BigInt(DISK_BYTES)}` as const, signatures: [] };
    const source = { path: '/image', compression: 'none', sha256, raw_bytes: `${BigInt(image.length)}` as const };
    const asked = workOf({
      id: 'j1',
      wipe: null,
      write_image: { disk, ...source, ...answer.work },
    });
    assert.ok(asked.ok && asked.work.kind === 'write-image', JSON.stringify(asked));

    // The disk.
    const target = join(folder, 'sda');
    await writeFile(target, Buffer.alloc(DISK_BYTES, 'old '));
    const files = fileDisks({
      dir: folder,
      disks: [{ name: 'sda', serial: 'S1', bytes: DISK_BYTES, sectorBytes: 512, rotational: false }],
      signaturesOf: async () => [],
    });
    await writeImage({
      wanted: asked.work.disk,
      source: { ...asked.work.source, open: async () => Readable.from([image]) },
      after: asked.work.after,
      disks: { ...files, run: (program, args) => host.run(program, args) },
      now: Date.now,
      told: () => {},
      signal: new AbortController().signal,
    });

    const written = await readFile(target);
    const now = partitionsOf(tools.sfdisk, target);
    assert.match(execFileSync(tools.sgdisk, ['-v', target], { encoding: 'utf8' }), /No problems found/);
    assert.deepEqual(now, partitions, 'places, types, attributes and GUIDs of all thirteen');
    for (const [label, { at, bytes }] of now) {
      if (!label.startsWith('BOTTLEROCKET-') || label.endsWith('PRIVATE')) continue;
      assert.ok(written.subarray(at, at + bytes).equals(image.subarray(at, at + bytes)), `${label} is as it was`);
    }
    const { at, bytes } = now.get('BOTTLEROCKET-PRIVATE') ?? assert.fail();
    await writeFile(inside, written.subarray(at, at + bytes));
    execFileSync(tools['fsck.ext4'], ['-fn', inside], { stdio: 'ignore' });
    const cat = (name: string): Buffer => spawnSync(tools.debugfs, ['-R', `cat /${name}`, inside]).stdout;
    const userData = toml(cat('user-data.toml')) as { settings: Record<string, Record<string, unknown>> };
    assert.deepEqual(userData.settings['kubernetes'], { 'cluster-name': 'home' });
    const { admin } = userData.settings['host-containers'] as { admin: { enabled: boolean; 'user-data': string } };
    assert.equal(admin.enabled, true);
    assert.match(Buffer.from(admin['user-data'], 'base64').toString(), /ssh-ed25519 AAAA anna/);
    assert.deepEqual(toml(cat('net.toml')), {
      version: 3,
      '52:54:00:00:00:01': { primary: true, dhcp4: true },
    });
    assert.match(cat('bootconfig.data').toString('latin1'), /^kernel\.console = "ttyS0"\n.*#BOOTCONFIG\n$/s);

    const signatures = await readSignatures(
      async (into, position) => into.set(written.subarray(position, position + into.length)),
      DISK_BYTES,
      { sectorBytes: 512 },
    );
    assert.ok(holdsBottlerocket(signatures), 'a second installation would see this one');
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** By a reader that is not ours. */
function toml(text: Buffer): unknown {
  const program = 'import json, sys, tomllib; print(json.dumps(tomllib.loads(sys.stdin.buffer.read().decode())))';
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', program], { input: text, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

type Partition = { readonly at: number; readonly bytes: number; readonly said: string };

/** By label, in bytes; `said`: all else that stands in the table. */
function partitionsOf(sfdisk: string, path: string): ReadonlyMap<string, Partition> {
  const { partitiontable } = JSON.parse(execFileSync(sfdisk, ['--json', path], { encoding: 'utf8' })) as {
    partitiontable: {
      partitions: { start: number; size: number; name?: string; type: string; uuid: string; attrs?: string }[];
    };
  };
  return new Map(
    partitiontable.partitions.map(({ start, size, name = '', type, uuid, attrs = '' }) => [
      name,
      { at: start * 512, bytes: size * 512, said: `${type} ${uuid} ${attrs}` },
    ]),
  );
}
