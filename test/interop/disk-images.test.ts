import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { lookAtFile } from '#services/images/blob.ts';
import type { DiskImages, DiskImageState } from '#services/images/contract.ts';
import { openDiskImages } from '#services/images/disk-images.ts';
import { need } from '#test/lab/need.ts';

const MIB = 1 << 20;
const log = { info() {}, warn() {} };

describe('images of whole disks, whatever form they come in', { timeout: 60_000 }, () => {
  let dir: string;
  let images: DiskImages & AsyncDisposable;
  /** Data, a hole, data that packs well, and an end that is no whole cluster. */
  const raw = Buffer.concat([randomBytes(MIB), Buffer.alloc(3 * MIB), Buffer.alloc(MIB, 'ingot '), randomBytes(512)]);

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'ingot-disk-images-'));
    images = openDiskImages({ asset: (name) => lookAtFile(join(dir, name)), dir: join(dir, 'kept'), log });
  });
  after(async () => {
    await images[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  async function settled(name: string): Promise<DiskImageState> {
    for (;;) {
      const state = await images.get(name);
      if (state.kind !== 'preparing') return state;
      await sleep(20);
    }
  }

  async function comesOut(name: string): Promise<void> {
    const state = await settled(name);
    assert.equal(state.kind, 'ready', JSON.stringify(state));
    if (state.kind !== 'ready') return;
    const { blob, sha256, compression, rawBytes } = state.image;
    assert.equal(compression, 'zstd');
    assert.equal(rawBytes, raw.length);
    const served = await readFile(blob.path);
    assert.equal(createHash('sha256').update(served).digest('hex'), sha256);
    assert.ok(zstdDecompressSync(served).equals(raw));
    const again = await images.get(name);
    assert.equal(again.kind, 'ready', 'it is remembered');
  }

  it('raw', async () => {
    await writeFile(join(dir, 'a.raw'), raw);
    await comesOut('a.raw');
  });

  it('gzip, under another name', async () => {
    await writeFile(join(dir, 'b.img'), gzipSync(raw));
    await comesOut('b.img');
  });

  it('zstd is served as it is', async () => {
    const packed = zstdCompressSync(raw);
    await writeFile(join(dir, 'c.zst'), packed);
    await comesOut('c.zst');
    const state = await settled('c.zst');
    assert.ok(state.kind === 'ready' && state.image.blob.path === join(dir, 'c.zst'));
  });

  for (const program of ['xz', 'lz4'] as const) {
    it(program, async (t: TestContext) => {
      const tools = need(t, [program]);
      if (!tools) return;
      await writeFile(
        join(dir, `d.${program}`),
        execFileSync(tools[program], ['-c'], { input: raw, maxBuffer: 64 * MIB }),
      );
      await comesOut(`d.${program}`);
    });
  }

  for (const [name, args] of [
    ['plain', []],
    ['compressed', ['-c']],
    ['compressed by zstd', ['-c', '-o', 'compression_type=zstd']],
    ['of small clusters', ['-o', 'cluster_size=4096']],
    ['of version 2', ['-o', 'compat=0.10']],
  ] as const) {
    it(`qcow2, ${name}, as qemu-img makes it`, async (t) => {
      const tools = need(t, ['qemu-img']);
      if (!tools) return;
      const file = `e-${name.replaceAll(' ', '-')}.qcow2`;
      await writeFile(join(dir, 'e.raw'), raw);
      execFileSync(tools['qemu-img'], [
        'convert',
        '-f',
        'raw',
        '-O',
        'qcow2',
        ...args,
        join(dir, 'e.raw'),
        join(dir, file),
      ]);
      await comesOut(file);
    });
  }

  it('one that stands on another is refused, with what makes it whole', async (t) => {
    const tools = need(t, ['qemu-img']);
    if (!tools) return;
    await writeFile(join(dir, 'base.raw'), raw);
    const file = join(dir, 'f.qcow2');
    execFileSync(tools['qemu-img'], ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', join(dir, 'base.raw'), file]);
    const state = await settled('f.qcow2');
    assert.ok(state.kind === 'missing' && /backing file.*qemu-img convert/.test(state.because), JSON.stringify(state));
  });

  it('a file that was cut off is found out before a machine gets it', async () => {
    for (const [name, packed] of [
      ['g.gz', gzipSync(raw)],
      ['g.zst', zstdCompressSync(raw)],
    ] as const) {
      await writeFile(join(dir, name), packed);
      await truncate(join(dir, name), packed.length - 100);
      assert.equal((await settled(name)).kind, 'missing', name);
    }
  });

  it('what is no disk, or a form that is not read, says so', async () => {
    await writeFile(join(dir, 'h.txt'), 'hello');
    const text = await settled('h.txt');
    assert.ok(text.kind === 'missing' && /5 bytes as raw, want whole sectors/.test(text.because), JSON.stringify(text));
    await writeFile(join(dir, 'h.vmdk'), Buffer.concat([Buffer.from('KDMV'), Buffer.alloc(1024)]));
    const vmdk = await settled('h.vmdk');
    assert.ok(vmdk.kind === 'missing' && /qemu-img convert/.test(vmdk.because), JSON.stringify(vmdk));
  });
});
