import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { disksOf } from '#machines/rack/node/thin-disks.ts';
import { talosconfig } from '#services/talos/client-config.ts';
import { configFor, installer, secretsFor, talosRig } from '../../machines/rack/talos/rig.ts';
import { goProgram } from './go-program.ts';

const run = promisify(execFile);
const VERSION = 'v1.13.2';
const NEXT = 'v1.13.9';
const answers = z.record(z.string(), z.unknown());
const kubeconfig = z.object({ clusters: z.array(z.object({ cluster: z.object({ server: z.string() }) })) });

it("Talos' own client library leads a simulated node through its life", { timeout: 600_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-talos-node-client-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const program = join(folder, 'node-client');
  const missing = await goProgram(new URL('./node-client/', import.meta.url), program);
  if (missing !== undefined) return t.skip(missing);

  const secrets = await secretsFor(VERSION);
  await using rig = await talosRig({ version: VERSION });
  const machine = rig.machine();
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const step = async (...args: readonly string[]): Promise<Readonly<Record<string, unknown>>> =>
    answers.parse(JSON.parse((await run(program, [...args], { timeout: 40_000 })).stdout));
  const config = await file(
    'config',
    configFor({ version: VERSION, secrets, role: 'controlplane', spec: machine.spec }),
  );
  const access = await file(
    'talosconfig',
    await talosconfig({ secrets, now: Date.now(), cluster: 'home', endpoints: [machine.address] }),
  );

  rig.machines[0]?.powerOn();
  assert.deepEqual(await step('maintenance', machine.address, await machine.fingerprint(), config), {
    name: 'maintenance-service.talos.dev',
    algorithm: 'Ed25519',
    hours: 24,
    tag: VERSION,
    mode: 'metal',
    serials: disksOf(machine.spec)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ serial }) => serial),
    stage: 'maintenance',
    reboot: 'PermissionDenied',
    wrong: 'InvalidArgument',
    applied: 'REBOOT',
  });
  await machine.ended(1);
  (await machine.node(secrets))[Symbol.dispose]();

  const { kubeconfig: text, ...well } = await step('running', access);
  assert.deepEqual(well, {
    again: 'AlreadyExists',
    tag: VERSION,
    stage: 'running',
    etcd: 'Running',
    members: 1,
    leads: true,
    'reader lists': 'OK',
    'reader resets': 'PermissionDenied',
    meta: 'NotFound',
    snapshot: true,
  });
  assert.equal(kubeconfig.parse(parse(String(text))).clusters[0]?.cluster.server, 'https://192.0.2.1:6443');

  const upgraded = await step('upgrade', access, installer(NEXT));
  assert.deepEqual([upgraded['pulled'], upgraded['exit'], upgraded['sequence']], [installer(NEXT), 0, 'reboot']);
  assert.match(String(upgraded['end']), /unix\.Reboot\([0-9a-f]+\)/);
  await machine.ended(2);
  {
    using node = await machine.node(secrets);
    assert.equal(node.version.patch, 9);
  }
  assert.equal((await step('rollback', access))['sequence'], 'reboot');
  await machine.ended(3);
  {
    using node = await machine.node(secrets);
    assert.equal(node.version.patch, 2);
  }
  assert.equal((await step('reset', access))['sequence'], 'reset');
  await machine.ended(4);
  assert.equal(machine.story.at(-1), 'disk shutdown');
  assert.equal(await rig.nodes().isBootable(machine.spec), false);
});
