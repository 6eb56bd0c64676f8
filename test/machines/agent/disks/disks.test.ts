import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { NOTHING_AFTER } from '#machines/agent/disks/decide/after-image.ts';
import type { Disk, Disks, Wanted } from '#machines/agent/disks/disk.ts';
import { chooseMethod } from '#machines/agent/disks/erase.ts';
import { fileDisks } from '#machines/agent/disks/file-disks.ts';
import { faultOf, MARKER, samplePositions } from '#machines/agent/disks/read-back.ts';
import { methodsOf, readHdparm, readNvme, sameDrive } from '#machines/agent/disks/wipe-methods.ts';
import { wipeDisk } from '#machines/agent/disks/wipe-disk.ts';
import { writeImage } from '#machines/agent/disks/write-image.ts';
import type { WipeMethod } from '#machines/contract/job.ts';

const MIB = 1 << 20;
const BYTES = 12 * MIB;
const WANTED: Wanted = { name: 'sda', serial: 'S1', wwn: 'naa.1', bytes: BYTES, signatures: ['ext4'] };
const told = (): void => {};
const never = new AbortController().signal;

async function onDisk(
  work: (world: {
    readonly disks: Disks;
    readonly file: string;
    readonly content: () => Promise<Buffer>;
  }) => Promise<void>,
): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-disks-'));
  const file = join(dir, 'sda');
  try {
    await writeFile(file, randomBytes(BYTES));
    const disks = fileDisks({
      dir,
      disks: [{ name: 'sda', serial: 'S1', wwn: 'naa.1', bytes: BYTES, sectorBytes: 512, rotational: false }],
      signaturesOf: async () => ['ext4'],
    });
    await work({ disks, file, content: () => readFile(file) });
  } finally {
    await rm(dir, { recursive: true });
  }
}

const wipe = (disks: Disks, wanted: Wanted = WANTED, signal = never, method: 'best' | WipeMethod = 'best') =>
  wipeDisk({ wanted, method, disks, seed: 7, now: Date.now, told, signal });
/** The same disks, each of them as `change` makes it. */
const withDisk = (disks: Disks, change: (disk: Disk) => Disk): Disks => ({
  ...disks,
  open: async (name) => change(await disks.open(name)),
});
const imageOf = (raw: Uint8Array, compression: 'none' | 'zstd', more: object = {}) => {
  const served = compression === 'zstd' ? zstdCompressSync(raw) : raw;
  return {
    compression,
    sha256: createHash('sha256').update(served).digest('hex'),
    rawBytes: raw.length,
    open: async () => Readable.from([served.subarray(0, 100_000), served.subarray(100_000)]),
    ...more,
  };
};
const write = (disks: Disks, source: ReturnType<typeof imageOf>, wanted: Wanted = WANTED) =>
  writeImage({ wanted, source, after: NOTHING_AFTER, disks, now: Date.now, told, signal: never });

describe('a wipe', () => {
  it('leaves nothing, and says what it did and read', () =>
    onDisk(async ({ disks, content }) => {
      const wiped = await wipe(disks);
      assert.ok((await content()).every((byte) => byte === 0));
      assert.equal(wiped.method, 'zero-overwrite');
      assert.equal(wiped.class, 'clear');
      assert.deepEqual(wiped.readBack, { seed: 7, samples: 2, sampleBytes: MIB, notZero: 0, markerGone: true });
    }));

  for (const [what, wanted, because] of [
    ['serial', { ...WANTED, serial: 'S2' }, /its serial is S1, planned was S2; nothing was written/],
    ['WWN', { ...WANTED, wwn: undefined }, /its WWN is naa.1, planned was none/],
    ['size', { ...WANTED, bytes: BYTES + 512 }, /bytes, planned were/],
    ['signature', { ...WANTED, signatures: [] }, /it shows ext4, which the plan does not know/],
  ] as const) {
    it(`of a disk with another ${what} touches nothing`, () =>
      onDisk(async ({ disks, content }) => {
        const before = await content();
        await assert.rejects(wipe(disks, wanted), because);
        assert.ok(before.equals(await content()));
      }));
  }

  it('that is called off has cleared the ends first', () =>
    onDisk(async ({ disks, content }) => {
      const control = new AbortController();
      const running = wipeDisk({
        wanted: WANTED,
        method: 'best',
        disks,
        seed: 1,
        now: Date.now,
        told: () => control.abort(new Error('called off')),
        signal: control.signal,
      });
      await assert.rejects(running, /called off/);
      const after = await content();
      assert.ok(after.subarray(0, MIB).every((byte) => byte === 0));
      assert.ok(after.subarray(-MIB).every((byte) => byte === 0));
      assert.ok(after.subarray(5 * MIB, 6 * MIB).some((byte) => byte !== 0));
    }));

  it('by discard is proven by reading all of the disk, and is no more than Clear', () =>
    onDisk(async ({ disks, content }) => {
      const wiped = await wipe(disks, WANTED, never, 'block-discard');
      assert.ok((await content()).every((byte) => byte === 0));
      assert.deepEqual([wiped.method, wiped.class], ['block-discard', 'clear']);
      assert.deepEqual(wiped.readBack, { seed: 7, samples: 12, sampleBytes: MIB, notZero: 0, markerGone: true });
    }));

  it('by discard fails where one block still reads as before: a disk may take it for a hint', () =>
    onDisk(async ({ disks, content }) => {
      const hinted = withDisk(disks, (disk) => ({
        ...disk,
        clearRanges: async (how, text, signal) => {
          const kept = new Uint8Array(4096);
          await disk.read(kept, 7 * MIB);
          await disk.clearRanges(how, text, signal);
          await disk.write(kept, 7 * MIB);
        },
      }));
      await assert.rejects(
        wipe(hinted, WANTED, never, 'block-discard'),
        /1 MiB of it do not read as zeros .* undefined/,
      );
      assert.ok((await content()).subarray(7 * MIB, 7 * MIB + 4096).some((byte) => byte !== 0));
    }));

  it('of a drive that an interrupted SECURITY ERASE left locked begins with unlocking it', () =>
    onDisk(async ({ disks, content }) => {
      const ran: string[] = [];
      let locked = true;
      const drive: Disks = {
        async open(name) {
          if (locked) throw new Error(`${name}: input/output error`);
          return await disks.open(name);
        },
        async run(program, args) {
          ran.push([program, ...args].join(' '));
          if (args.includes('--security-disable')) locked = false;
          const state = locked ? '\t\tlocked' : '\tnot\tlocked';
          return { status: 0, stderr: '', stdout: args[0] === '-I' ? `ATA device\nSecurity:\n${state}\n` : '' };
        },
      };
      await wipe(drive);
      assert.deepEqual(ran, [
        'hdparm -I /dev/sda',
        'hdparm --user-master u --security-unlock ingot /dev/sda',
        'hdparm --user-master u --security-disable ingot /dev/sda',
      ]);
      assert.ok((await content()).every((byte) => byte === 0));
    }));

  it('of a locked drive that is not the planned one does not unlock it', () =>
    onDisk(async ({ disks }) => {
      const ran: string[] = [];
      const run: Disks['run'] = async (_, args) => {
        ran.push(args.join(' '));
        return { status: 0, stdout: 'ATA device\n\tSerial Number:      OTHER \nSecurity:\n\t\tlocked\n', stderr: '' };
      };
      await assert.rejects(wipe({ ...disks, run }), /its serial is OTHER, planned was S1; nothing was written/);
      assert.deepEqual(ran, ['-I /dev/sda']);
    }));

  it('of a drive that somebody else locked touches nothing', () =>
    onDisk(async ({ disks, content }) => {
      const before = await content();
      const run: Disks['run'] = async (_, args) =>
        args[0] === '-I'
          ? { status: 0, stdout: 'ATA device\nSecurity:\n\t\tlocked\n', stderr: '' }
          : { status: 5, stdout: '', stderr: 'SG_IO: bad/missing sense data' };
      await assert.rejects(
        wipe({ ...disks, run }),
        /locked by a password that is not the agent’s; nothing was written/,
      );
      assert.ok(before.equals(await content()));
    }));

  it('by a disk that lies is found out', () => {
    const read = { seed: 1, samples: 4, sampleBytes: MIB, notZero: 0, markerGone: true };
    assert.equal(faultOf(read, 'zero-overwrite'), undefined);
    assert.match(faultOf({ ...read, markerGone: false }, 'nvme-format-crypto') ?? '', /erased nothing/);
    assert.match(faultOf({ ...read, notZero: 1 }, 'zero-overwrite') ?? '', /1 samples are not zero/);
    assert.equal(faultOf({ ...read, notZero: 4 }, 'nvme-format-crypto'), undefined);
  });

  it('of a disk whose writes go nowhere fails', () =>
    onDisk(async ({ disks, file, content }) => {
      // The first MiB says thank you and keeps what it has, as worn-out flash does.
      const before = await content();
      const lying: Disks = {
        ...disks,
        async open(name) {
          const disk = await disks.open(name);
          let marked = false;
          return {
            ...disk,
            async write(bytes, position) {
              if (marked && position < MIB) return;
              await disk.write(bytes, position);
              if (position === 0 && Buffer.from(bytes).indexOf(Buffer.from(MARKER)) >= 0) marked = true;
            },
          };
        },
      };
      await assert.rejects(wipe(lying), /still there/);
      assert.ok(!before.equals(await content()));
      assert.equal((await stat(file)).size, BYTES);
    }));
});

describe('the method', () => {
  const NVME = readNvme('{"sanicap":2,"oacs":2,"fna":4}');
  const HDPARM = `
ATA device, with non-removable media
Security:
	Master password revision code = 65534
		supported
	not	enabled
	not	locked
	not	frozen
	not	expired: security count
		supported: enhanced erase
	   *	BLOCK_ERASE_EXT command
`;
  it('is the strongest that the disk has', () => {
    assert.deepEqual(methodsOf(NVME), [
      'nvme-sanitize-block',
      'nvme-format-crypto',
      'nvme-format-user-data',
      'zero-overwrite',
    ]);
    assert.deepEqual(methodsOf(readHdparm(HDPARM)), [
      'ata-sanitize-block',
      'ata-secure-erase-enhanced',
      'ata-secure-erase',
      'zero-overwrite',
    ]);
    assert.deepEqual(methodsOf({}), ['zero-overwrite']);
  });

  it('takes a discard only where the disk has it and somebody asks for it', () => {
    const ranges = { discard: true, 'secure-discard': false, 'zero-out': true };
    assert.equal(chooseMethod({ ranges }, 'best'), 'zero-overwrite');
    assert.equal(chooseMethod({ ranges }, 'block-discard'), 'block-discard');
    assert.equal(chooseMethod({ ranges }, 'block-zero-out'), 'block-zero-out');
    assert.throws(
      () => chooseMethod({ ranges }, 'block-secure-discard'),
      /offers zero-overwrite, block-zero-out, block-discard$/,
    );
    assert.throws(() => chooseMethod({}, 'block-discard'), /not to be had/);
  });

  it('is of one namespace only where others are on the same drive', () => {
    const names = ['nvme0n1', 'nvme0n2', 'nvme1n1', 'nvme0c0n1', 'nvme10n1', 'sda'];
    assert.deepEqual(sameDrive('nvme0n1', names), ['nvme0n2']);
    assert.deepEqual(sameDrive('nvme1n1', names), []);
    assert.deepEqual(sameDrive('sda', names), []);
    const beside = ['nvme0n2'];
    assert.equal(chooseMethod({ ...NVME, beside }, 'best'), 'nvme-format-crypto');
    for (const fna of [5, 6]) {
      assert.deepEqual(methodsOf({ nvme: { sanicap: 3, oacs: 2, fna }, beside }), ['zero-overwrite']);
    }
    assert.throws(
      () => chooseMethod({ ...NVME, beside }, 'nvme-sanitize-block'),
      /; nvme0n2 on the same drive would be erased, too$/,
    );
  });

  it('of a frozen drive is not SECURITY ERASE', () => {
    const frozen = HDPARM.replace('\tnot\tfrozen', '\t\tfrozen');
    assert.deepEqual(methodsOf(readHdparm(frozen)), ['ata-sanitize-block', 'zero-overwrite']);
    assert.throws(() => chooseMethod(readHdparm(frozen), 'ata-secure-erase'), /its firmware froze it/);
  });

  it('that is asked for and not to be had is refused, never replaced', () => {
    assert.throws(() => chooseMethod({}, 'nvme-sanitize-crypto'), /not to be had: this disk offers zero-overwrite/);
    assert.equal(chooseMethod(NVME, 'nvme-format-user-data'), 'nvme-format-user-data');
  });
});

describe('samples', () => {
  it('hold both ends, stay inside, and are the same from the same seed', () => {
    for (const bytes of [MIB / 2, MIB, 5 * MIB, 250 * MIB, 4_000_787_030_016]) {
      const positions = samplePositions(bytes, 42);
      assert.equal(positions[0], 0);
      assert.equal(positions.at(-1), Math.max(0, bytes - MIB));
      assert.ok(positions.every((at) => at >= 0 && at < bytes));
      assert.deepEqual(positions, samplePositions(bytes, 42));
    }
    assert.equal(samplePositions(4_000_787_030_016, 1).length, 1000);
    assert.notDeepEqual(samplePositions(250 * MIB, 1), samplePositions(250 * MIB, 2));
  });
});

describe('an image', () => {
  for (const compression of ['none', 'zstd'] as const) {
    for (const bytes of [512, MIB - 512, MIB, MIB + 100, 5 * MIB + 12_345, BYTES]) {
      it(`of ${bytes} bytes (${compression}) is on the disk as it was`, () =>
        onDisk(async ({ disks, content }) => {
          const raw = randomBytes(bytes);
          const result = await write(disks, imageOf(raw, compression));
          assert.equal(result.bytes, bytes);
          assert.ok((await content()).subarray(0, bytes).equals(raw));
        }));
    }
  }

  for (const [what, more, because] of [
    ['another digest', { sha256: '00'.repeat(32) }, /digest is .*; the disk does not boot/],
    ['fewer bytes', { rawBytes: 6 * MIB }, /ended after 5242880 of 6291456 bytes/],
    ['more bytes', { rawBytes: 4 * MIB }, /longer than the 4194304 bytes/],
  ] as const) {
    it(`with ${what} than promised never boots`, () =>
      onDisk(async ({ disks, content }) => {
        await assert.rejects(write(disks, imageOf(randomBytes(5 * MIB), 'none', more)), because);
        assert.ok((await content()).subarray(0, MIB).every((byte) => byte === 0));
      }));
  }

  it('whose stream breaks off never boots', () =>
    onDisk(async ({ disks, content }) => {
      const source = imageOf(randomBytes(5 * MIB), 'none', {
        open: async () =>
          Readable.from(
            (async function* () {
              yield randomBytes(3 * MIB);
              throw new Error('connection reset');
            })(),
          ),
      });
      await assert.rejects(write(disks, source), /connection reset/);
      assert.ok((await content()).subarray(0, MIB).every((byte) => byte === 0));
    }));

  it('for another disk touches nothing', () =>
    onDisk(async ({ disks, content }) => {
      const before = await content();
      await assert.rejects(
        write(disks, imageOf(randomBytes(MIB), 'none'), { ...WANTED, serial: 'S2' }),
        /nothing was written/,
      );
      await assert.rejects(write(disks, imageOf(randomBytes(BYTES + 1), 'none')), /nothing was written/);
      assert.ok(before.equals(await content()));
    }));

  it('finds the disk held by somebody else', () =>
    onDisk(async ({ disks, file }) => {
      await using held = await disks.open('sda');
      assert.equal(held.name, 'sda');
      await assert.rejects(wipe(disks), /sda is in use/);
      await (await open(file, 'r')).close();
    }));
});
