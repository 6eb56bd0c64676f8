import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { NOTHING_AFTER } from '#machines/agent/disks/decide/after-image.ts';
import type { Disk } from '#machines/agent/disks/disk.ts';
import { fileDisks } from '#machines/agent/disks/file-disks.ts';
import { type Operation, type Operations, operationsOn, type Work } from '#machines/agent/disks/operations.ts';

const MIB = 1 << 20;
const BYTES = 3 * MIB;
const NAMES = ['sda', 'sdb', 'sdc', 'sdd', 'sde', 'sdf'];
const IMAGE = randomBytes(2 * MIB + 512);
const wanted = (name: string) => ({ name, serial: `S-${name}`, bytes: BYTES, signatures: [] });
const wipe = (...names: string[]): Work => ({
  kind: 'wipe',
  targets: names.map((name) => ({ disk: wanted(name), method: 'best', seed: 1 })),
});
const write: Work = {
  kind: 'write-image',
  disk: wanted('sda'),
  path: '/agent/images/debian',
  source: { compression: 'none', sha256: createHash('sha256').update(IMAGE).digest('hex'), rawBytes: IMAGE.length },
  after: NOTHING_AFTER,
};

async function onMachine(
  work: (world: {
    readonly operations: Operations;
    readonly content: (name: string) => Promise<Buffer>;
  }) => Promise<void>,
  change: (disk: Disk) => Disk = (disk) => disk,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-operations-'));
  try {
    for (const name of NAMES) await writeFile(join(dir, name), randomBytes(BYTES));
    const disks = NAMES.map((name) => ({
      name,
      serial: `S-${name}`,
      bytes: BYTES,
      sectorBytes: 512,
      rotational: false,
    }));
    const files = fileDisks({ dir, disks, signaturesOf: async () => [] });
    const operations = operationsOn({
      disks: { ...files, open: async (name) => change(await files.open(name)) },
      fetch: async (path) => {
        assert.equal(path, '/agent/images/debian');
        return Readable.from([IMAGE]);
      },
      now: Date.now,
      log: () => {},
    });
    await work({ operations, content: (name) => readFile(join(dir, name)) });
  } finally {
    await rm(dir, { recursive: true });
  }
}

async function over(operations: Operations, id: string): Promise<Operation> {
  const { promise, resolve } = Promise.withResolvers<Operation>();
  operations.watch(id, (operation) => operation.phase !== 'running' && resolve(operation));
  const now = operations.get(id);
  if (now && now.phase !== 'running') resolve(now);
  return await promise;
}

const blank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);

describe('an operation', () => {
  it('wipes all its disks, and no other', () =>
    onMachine(async ({ operations, content }) => {
      operations.begin('j1', wipe(...NAMES.slice(1)));
      const done = await over(operations, 'j1');
      assert.equal(done.phase, 'done');
      assert.equal(done.parts.length, 5);
      for (const { name } of done.parts) assert.ok(blank(await content(name)));
      assert.ok(!blank(await content('sda')));
    }));

  it('overwrites four disks at once, and has all of them do what they do by themselves', async () => {
    let busy = 0;
    let most = 0;
    const four = Promise.withResolvers<void>();
    await onMachine(
      async ({ operations }) => {
        operations.begin('j1', wipe(...NAMES));
        assert.equal((await over(operations, 'j1')).phase, 'done');
      },
      (disk) => ({
        ...disk,
        async write(data, at) {
          // Only an overwrite writes more than a MiB at once.
          const counts = data.length > MIB;
          if (counts) {
            busy += 1;
            most = Math.max(most, busy);
            // A fifth would come meanwhile.
            if (busy === 4) setTimeout(four.resolve, 100);
            await four.promise;
          }
          await disk.write(data, at);
          if (counts) busy -= 1;
        },
      }),
    );
    assert.equal(most, 4);
    let waiting = 0;
    const all = Promise.withResolvers<void>();
    await onMachine(
      async ({ operations }) => {
        const work = wipe(...NAMES);
        assert.ok(work.kind === 'wipe');
        const targets = work.targets.map((target) => ({ ...target, method: 'block-discard' as const }));
        operations.begin('j1', { ...work, targets });
        assert.equal((await over(operations, 'j1')).phase, 'done');
      },
      (disk) => ({
        ...disk,
        async clearRanges(how, told, signal) {
          waiting += 1;
          if (waiting === NAMES.length) all.resolve();
          await all.promise;
          await disk.clearRanges(how, told, signal);
        },
      }),
    );
    assert.equal(waiting, NAMES.length);
  });

  it('is begun once, however often it is asked for', () =>
    onMachine(async ({ operations, content }) => {
      operations.begin('j1', write);
      operations.begin('j1', write);
      await over(operations, 'j1');
      const before = await content('sda');
      assert.ok(before.subarray(0, IMAGE.length).equals(IMAGE));
      assert.equal((operations.begin('j1', wipe('sda')) as Operation).phase, 'done');
      assert.ok(before.equals(await content('sda')));
    }));

  it('does not begin beside another', () =>
    onMachine(async ({ operations }) => {
      operations.begin('j1', wipe('sda'));
      assert.equal(operations.begin('j2', wipe('sdb')), 'busy');
      assert.equal(operations.running()?.id, 'j1');
      await over(operations, 'j1');
      assert.equal(operations.running(), undefined);
    }));

  it('fails as a whole where one disk fails, and says which', () =>
    onMachine(async ({ operations, content }) => {
      const work = wipe('sda', 'sdb');
      assert.ok(work.kind === 'wipe');
      const [first, second] = work.targets;
      assert.ok(first && second);
      const other = { ...second, disk: { ...second.disk, serial: 'OTHER' } };
      operations.begin('j1', { ...work, targets: [first, other] });
      const failed = await over(operations, 'j1');
      assert.equal(failed.phase, 'failed');
      assert.match(failed.because, /^sdb: sdb \(S-sdb\): its serial is S-sdb, planned was OTHER; nothing was written$/);
      assert.ok(blank(await content('sda')));
      assert.ok(!blank(await content('sdb')));
    }));

  it('is called off', () =>
    onMachine(async ({ operations }) => {
      operations.begin('j1', wipe(...NAMES));
      operations.cancel('j1');
      assert.equal((await over(operations, 'j1')).phase, 'cancelled');
      assert.equal(operations.cancel('unknown'), undefined);
    }));
});
