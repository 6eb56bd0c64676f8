import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { loadMachineApi } from '#services/machine-api/definition.ts';
import { askedOfTalos, GOLDEN_MESSAGES } from '../../machines/api/foreign-bytes.ts';
import { goProgram } from './go-program.ts';

/** With UPDATE_GOLDEN=1 the file is written anew. */
it("the messages that are checked in are those that Talos' own code makes", { timeout: 600_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-golden-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const program = join(folder, 'golden-bytes');
  const missing = await goProgram(new URL('./golden-bytes/', import.meta.url), program);
  if (missing !== undefined) return t.skip(missing);

  const made = spawnSync(program, {
    input: askedOfTalos(loadMachineApi()).join('\n'),
    encoding: 'utf8',
    timeout: 30_000,
    maxBuffer: 1 << 24,
  });
  assert.equal(made.status, 0, made.stderr);
  // A method that Talos does not have.
  assert.equal(made.stderr, '');
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(GOLDEN_MESSAGES, made.stdout);
  assert.equal(made.stdout, await readFile(GOLDEN_MESSAGES, 'utf8'));
});
