import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { debianDisk } from '#test/lab/debian-disk.ts';
import { need } from '#test/lab/need.ts';
import { situation } from './boot-steps.ts';
import { BOOT_LIMIT_MS } from './boot-world.ts';
import { DISK_BYTES, INSTALL_NEEDS, INSTALLED, openInstallWorld } from './install-world.ts';

const NEEDS = [...INSTALL_NEEDS, 'debugfs', 'fsck.ext4', 'mkfs.ext4', 'mtype', 'sgdisk'] as const;
const MIB = 1 << 20;
const PRIVATE = 'BOTTLEROCKET-PRIVATE';

type Tools = Readonly<Record<(typeof NEEDS)[number], string>>;

/** The disk of the other tests, with a partition more that is laid out as Bottlerocket's. */
function imageWithExt4(tools: Tools, folder: string): string {
  const image = join(folder, 'with-ext4.raw');
  copyFileSync(debianDisk(tools, ['console=ttyS0', 'quiet', 'installed.by=ingot']), image);
  truncateSync(image, 76 * MIB);
  // The copy of its GPT lies where the image ended before.
  execFileSync(tools.sgdisk, [
    '-e',
    '-n',
    '2:66M:+8M',
    '-t',
    '2:440408bb-eb0b-4328-a6e5-a29038fad706',
    '-c',
    `2:${PRIVATE}`,
    image,
  ]);
  const ext4 = join(folder, 'ext4');
  writeFileSync(ext4, Buffer.alloc(8 * MIB));
  execFileSync(tools['mkfs.ext4'], ['-q', '-F', '-b', '4096', '-i', '4096', '-I', '256', ext4]);
  const bytes = readFileSync(image);
  bytes.set(readFileSync(ext4), 66 * MIB);
  writeFileSync(image, bytes);
  return image;
}

/** Where partitions lie on the disk of a machine that is off, in bytes. Both programs find the table right. */
function partitionsOf(
  tools: Tools,
  disk: string,
): ReadonlyMap<string, { readonly at: number; readonly bytes: number }> {
  assert.match(execFileSync(tools.sgdisk, ['-v', disk], { encoding: 'utf8' }), /No problems found/);
  const { stdout, stderr } = spawnSync(tools.sfdisk, ['--verify', disk], { encoding: 'utf8' });
  assert.match(`${stdout}${stderr}`, /No errors detected/);
  const { partitiontable } = JSON.parse(execFileSync(tools.sfdisk, ['--json', disk], { encoding: 'utf8' })) as {
    partitiontable: { lastlba: number; partitions: { start: number; size: number; name: string }[] };
  };
  assert.equal(partitiontable.lastlba, DISK_BYTES / 512 - 34, 'the table covers the whole disk');
  return new Map(
    partitiontable.partitions.map(({ start, size, name }) => [name, { at: start * 512, bytes: size * 512 }]),
  );
}

/** What the agent's own kernel, tools and firmware do, seen from outside; test/interop/agent-disks has the many cases. */
test('an image is grown and seeded by the agent, gets a boot entry, and boots', async (t: TestContext) => {
  const tools = need(t, NEEDS);
  if (!tools) return;
  await using world = await openInstallWorld(tools);
  const { daemon, lab } = world.boot;
  const asset = { role: 'disk', path: imageWithExt4(tools, lab.folder) };
  const profile = { kind: 'Profile', name: 'debian', image: 'seeded' };
  try {
    await daemon.apply([
      { kind: 'Image', name: 'seeded', arch: 'x86_64', assets: [asset] },
      {
        ...profile,
        os: 'image',
        install: { grow: 'last', seed: 'nocloud' },
        config: { cloudInit: { hostname: '{{machine.name}}' } },
      },
    ]);
    const inspect = await world.begin('inspect');
    let guest = world.powerOn('network');
    assert.equal((await world.ended(inspect)).state, 'done');

    const seeded = await world.ended(await world.begin('install'));
    assert.equal(seeded.state, 'done', seeded.result?.because);
    const text = seeded.steps.find(({ name }) => name === 'write-image')?.text ?? '';
    assert.match(
      text,
      /\(BOTTLEROCKET-PRIVATE\) grown to 13 MiB; seed cidata on partition 3; boot entry [0-9A-F]{4} for/,
    );
    await guest.waitForPowerOff(BOOT_LIMIT_MS);
    const cidata = partitionsOf(tools, world.disk).get('cidata') ?? assert.fail('no cidata');
    const read = (path: string): string =>
      execFileSync(tools.mtype, ['-i', `${world.disk}@@${cidata.at}`, `::${path}`], { encoding: 'utf8' });
    assert.equal(read('user-data'), '#cloud-config\nhostname: r1-u1\n');
    assert.match(read('meta-data'), new RegExp(`"ingot-r1-u1-${seeded.id}"`));
    assert.match(read('network-config'), /dhcp4: true/);
    guest = world.powerOn('disk');
    await guest.waitForSerial(INSTALLED, BOOT_LIMIT_MS);
    await guest.waitForPowerOff(BOOT_LIMIT_MS);

    await daemon.apply([
      { ...profile, os: 'bottlerocket', config: { bottlerocket: { motd: 'installed by ingot' } }, args: ['quiet'] },
    ]);
    guest = world.powerOn('network');
    const again = await world.ended(await world.begin('install'));
    assert.equal(again.state, 'done', again.result?.because);
    await guest.waitForPowerOff(BOOT_LIMIT_MS);
    const partitions = partitionsOf(tools, world.disk);
    assert.deepEqual([...partitions.keys()], ['EFI-SYSTEM', PRIVATE]);
    const { at, bytes } = partitions.get(PRIVATE) ?? assert.fail('no private partition');
    const inside = join(lab.folder, 'inside');
    writeFileSync(inside, readFileSync(world.disk).subarray(at, at + bytes));
    execFileSync(tools['fsck.ext4'], ['-fn', inside], { stdio: 'ignore' });
    const cat = (name: string): string =>
      execFileSync(tools.debugfs, ['-R', `cat /${name}`, inside], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    assert.match(cat('user-data.toml'), /motd = "installed by ingot"/);
    assert.match(cat('net.toml'), /dhcp4 = true/);
    assert.match(cat('bootconfig.data'), /^kernel\.quiet\n.*#BOOTCONFIG\n$/s);
  } catch (cause) {
    throw new Error(await situation(world.boot), { cause });
  }
});
