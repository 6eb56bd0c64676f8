import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { imageCleaning } from '#server/image-cleaning.ts';
import { imageCleaner } from '#services/images/clean-images.ts';

const OLD = 'a'.repeat(64);
const YOUNG = 'b'.repeat(64);
const HELD = 'c'.repeat(64);
const BY_PATH = 'd'.repeat(64);

/** A folder with a file that nothing names, one that is young, one that a job sends, and one that an image names by its path. */
async function cleaned(aboveBytes: number): Promise<{ readonly left: readonly string[]; readonly audited: string[] }> {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-cleaning-'));
  try {
    for (const name of [OLD, YOUNG, HELD, BY_PATH]) await writeFile(join(dir, name), 'x'.repeat(100));
    for (const name of [OLD, HELD, BY_PATH]) await utimes(join(dir, name), 0, 0);
    const document = { kind: 'Image', name: 'own', assets: [{ role: 'disk', path: join(dir, BY_PATH) }] };
    const clean = imageCleaner({
      dir,
      registry: { documents: () => [{ document }] as never },
      jobs: { unfinished: () => [{ plan: { imageSha256: HELD } }] as never },
      now: Date.now,
    });
    const audited: string[] = [];
    const control = new AbortController();
    const { promise: looked, resolve } = Promise.withResolvers<void>();
    const task = imageCleaning({
      dir,
      clean: async (remove) => await clean(remove).finally(resolve),
      everyMs: 1,
      aboveBytes,
      audit: async ({ detail }) => void audited.push(detail),
      log: { info: () => {}, warn: () => {} },
    });
    const running = task.run(control.signal);
    await Promise.race([looked, new Promise((ended) => setTimeout(ended, 50))]);
    control.abort();
    await running;
    return { left: (await readdir(dir)).toSorted(), audited };
  } finally {
    await rm(dir, { recursive: true });
  }
}

describe('the folder of images', () => {
  it('is cleaned by itself, and it is written down', async () => {
    const { left, audited } = await cleaned(0);
    assert.deepEqual(left, [YOUNG, HELD, BY_PATH]);
    assert.deepEqual(audited, ['1 files, 100 bytes']);
  });

  it('is left alone while it is small', async () => {
    const { left, audited } = await cleaned(400);
    assert.deepEqual(left, [OLD, YOUNG, HELD, BY_PATH]);
    assert.deepEqual(audited, []);
  });
});
