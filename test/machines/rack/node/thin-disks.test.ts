import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { rackHardware } from '#machines/rack/bmc/hardware.ts';
import { lineUp } from '#machines/rack/line-up.ts';
import { disksOf, openThinDisks } from '#machines/rack/node/thin-disks.ts';

const SPEC = lineUp(1)[0]?.spec ?? assert.fail();
const PIECE = 1 << 20;

/** What a file takes on the medium. */
const room = async (path: string): Promise<number> => (await stat(path)).blocks * 512;

describe('the disks of a simulated machine', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'ingot-thin-'));
  });
  after(() => rm(dir, { recursive: true }));

  it('are those that its BMC tells of', () => {
    assert.deepEqual(
      disksOf(SPEC).map(({ serial, bytes }) => [serial, bytes]),
      rackHardware(SPEC).drives.map(({ serial, bytes }) => [serial, bytes]),
    );
  });

  it('are blank, and take no room for zeros', async () => {
    const disks = await openThinDisks({ dir: join(dir, 'blank'), spec: SPEC });
    assert.deepEqual(await disks.signatures('sda'), []);
    assert.equal(await disks.isBootable(), false);
    await using disk = await disks.attach(new AbortController().signal).open('sda');
    for (let at = 0; at < disk.identity.bytes; at += PIECE) await disk.write(new Uint8Array(PIECE), at);
    await disk.sync();
    assert.ok((await room(join(dir, 'blank', 'sda'))) < PIECE);
    await assert.rejects(disk.write(new Uint8Array(PIECE), disk.identity.bytes), /no space left/);
  });

  it('keep what was written for the next boot, and zeros replace it', async () => {
    const again = () => openThinDisks({ dir: join(dir, 'kept'), spec: SPEC });
    const sector = new Uint8Array(512);
    sector.set([0x55, 0xaa], 510);
    {
      await using disk = await (await again()).attach(new AbortController().signal).open('sda');
      await disk.write(sector, 0);
    }
    assert.equal(await (await again()).isBootable(), true);
    {
      await using disk = await (await again()).attach(new AbortController().signal).open('sda');
      await disk.write(new Uint8Array(PIECE), 0);
      const first = new Uint8Array(512);
      await disk.read(first, 0);
      assert.ok(first.every((byte) => byte === 0));
    }
    assert.equal(await (await again()).isBootable(), false);
  });

  it('take nothing more once the power is gone', async () => {
    const disks = await openThinDisks({ dir: join(dir, 'power'), spec: SPEC });
    const power = new AbortController();
    await using disk = await disks.attach(power.signal).open('sda');
    power.abort(new Error('no power'));
    await assert.rejects(disk.write(Uint8Array.of(1), 0), /no power/);
    await assert.rejects(disks.attach(power.signal).open('nvme0n1'), /no power/);
  });

  it('of a machine in service hold a system until they are erased', async () => {
    const open = () => openThinDisks({ dir: join(dir, 'service'), spec: { ...SPEC, faults: ['installed'] } });
    assert.equal(await (await open()).isBootable(), true);
    {
      await using disk = await (await open()).attach(new AbortController().signal).open('sda');
      await disk.write(new Uint8Array(PIECE), 0);
    }
    assert.equal(await (await open()).isBootable(), false);
  });
});
