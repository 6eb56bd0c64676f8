import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lineUp } from '#machines/rack/line-up.ts';
import { simulatedNodes } from '#machines/rack/node/nodes.ts';
import { loadMachineApi } from '#services/machine-api/definition.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';

const SPEC = lineUp(1)[0]?.spec ?? assert.fail();
const AGENT = `console=ttyS0 ingot.url=https://127.0.0.1:1 ingot.pin=${'A'.repeat(43)}= ingot.attempt=a1 BOOTIF=01-52-54-00-00-00-01`;

test('a node says what its boot lacks, and ends when its power is taken away', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-nodes-'));
  t.after(() => rm(dir, { recursive: true }));
  const nodes = simulatedNodes({ dir, definition: loadMachineApi() });
  assert.deepEqual(await readdir(dir), [], 'nothing is made before it is needed');
  assert.equal(nodes.isAgent(AGENT), true);
  assert.equal(nodes.isAgent('console=ttyS0 quiet other.ingot.url=x'), false);
  assert.equal(nodes.isAgent(`${AGENT} ingot.rescue`), false, 'a shell on its console, and no agent');

  const power = new AbortController();
  const said = Promise.withResolvers<string>();
  const running = nodes.run(
    {
      spec: SPEC,
      commandLine: AGENT,
      initrds: [new TextEncoder().encode('no archive')],
      address: sure(parseIpv4('127.77.210.1')),
      print: (line) => {
        if (line.includes('boot token')) said.resolve(line);
      },
    },
    power.signal,
  );
  assert.match(await Promise.race([said.promise, running]), /there is no boot token in .*boot-token/);
  power.abort(new Error('power taken away'));
  await assert.rejects(running, /power taken away/);
  assert.equal(await nodes.isBootable(SPEC), false);
});
