import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { openMachineApi } from '#services/machine-api/client.ts';
import { loadMachineApi } from '#services/machine-api/definition.ts';
import { talosNode } from '#services/talos/node.ts';
import { openTalosWorld } from './talos-world.ts';

const INGOT = fileURLToPath(new URL('../../bin/ingot', import.meta.url));
const LIMIT_MS = 200_000;

const planAnswer = z.object({
  digest: z.string(),
  items: z.array(
    z.object({
      steps: z.array(z.string()),
      talos: z.object({ role: z.string(), to: z.string(), cluster: z.string() }),
    }),
  ),
});
const talosconfig = z.object({
  contexts: z.record(
    z.string(),
    z.object({ endpoints: z.array(z.string()), ca: z.string(), crt: z.string(), key: z.string() }),
  ),
});
const decoded = (text: string): string => Buffer.from(text, 'base64').toString();

test('ingot cluster create makes a cluster of blank machines and both files, without a line of YAML', async () => {
  await using world = await openTalosWorld(4);
  const { daemon, names } = world;
  const cwd = await mkdtemp(join(tmpdir(), 'ingot-cluster-'));
  const ingot = (...args: readonly string[]) =>
    new Promise<{ readonly status: number; readonly out: string; readonly error: string }>((resolve) => {
      const env = { ...process.env, INGOT_URL: daemon.ready.api, INGOT_TOKEN: daemon.token };
      const child = execFile(INGOT, args, { cwd, env, timeout: LIMIT_MS }, (_error, out, error) =>
        resolve({ status: child.exitCode ?? -1, out, error }),
      );
    });
  try {
    const [first = '', , third = '', fourth = ''] = names;
    const range = `${first}..${third.slice(-2)}`;
    const inspected = await ingot('inspect', ...names, '--wait');
    assert.equal(inspected.status, 0, inspected.error);

    const create = ['cluster', 'create', 'home', '--control-plane', range, '--worker', fourth];
    const shown = await ingot(...create, '--plan', '-o', 'json');
    assert.equal(shown.status, 0, shown.error);
    const { digest, items } = planAnswer.parse(JSON.parse(shown.out));
    assert.deepEqual(
      items.map(({ talos, steps }) => [talos.role, talos.to, steps.includes('bootstrap-etcd')]),
      [
        ['controlplane', 'v1.13.9', true],
        ['controlplane', 'v1.13.9', false],
        ['controlplane', 'v1.13.9', false],
        ['worker', 'v1.13.9', false],
      ],
    );
    // To look is not to make.
    assert.equal((await ingot('cluster', 'show', 'home')).status, 3);
    const withoutWord = await ingot(...create, '--yes');
    assert.equal(withoutWord.status, 5, withoutWord.error);

    const made = await ingot(...create, '--confirm', digest, '--wait');
    assert.equal(made.status, 0, `${made.error}\n${made.out}\n${daemon.output().slice(-3000)}`);
    const state = await ingot('cluster', 'show', 'home', '-o', 'json');
    assert.equal(state.status, 0, state.out);
    assert.equal((await world.state()).etcd.length, 3);

    for (const file of ['home.talosconfig', 'home.kubeconfig']) {
      assert.equal((await stat(join(cwd, file))).mode & 0o777, 0o600, file);
    }
    const { contexts } = talosconfig.parse(parse(await readFile(join(cwd, 'home.talosconfig'), 'utf8')));
    const { endpoints, ca, crt, key } = contexts['home'] ?? assert.fail('no context of the cluster');
    assert.equal(endpoints.length, 3);
    const signal = AbortSignal.timeout(20_000);
    const definition = loadMachineApi();
    const trust = { kind: 'mutual', ca: decoded(ca), certificate: decoded(crt), key: decoded(key) } as const;
    using client = await openMachineApi({ definition, address: endpoints[0] ?? '', port: 50_000, trust, signal });
    const { members } = await (await talosNode({ definition, client, signal })).etcd();
    assert.equal(members.length, 3);

    const again = await ingot(...create, '--plan');
    assert.equal(again.status, 5);
    assert.match(again.error, /cluster home is there already/);
    const deleted = await ingot('cluster', 'delete', 'home', '--yes');
    assert.equal(deleted.status, 0, deleted.error);
  } finally {
    await rm(cwd, { recursive: true });
  }
});
