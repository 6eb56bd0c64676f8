import assert from 'node:assert/strict';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runningCli } from './running-cli.ts';

const MACHINES = ['m1', 'm2', 'm3']
  .map(
    (name, index) =>
      `kind: Machine\nname: ${name}\nmacs: ["52:54:00:00:00:0${index + 1}"]\naddress: 192.0.2.${index + 1}\n`,
  )
  .join('---\n');
const CLUSTER = `kind: clusters
name: home
talos: 1.13.9
kubernetes: v1.35.0
endpoint: https://192.0.2.10:6443
controlPlane: [m1]
workers: [m2]
`;

async function withMachines() {
  const cli = await runningCli();
  await writeFile(join(cli.cwd, 'rack.yaml'), MACHINES);
  await cli.done('apply', '-f', 'rack.yaml');
  await writeFile(join(cli.cwd, 'home.yaml'), CLUSTER);
  return cli;
}

describe('ingot cluster', () => {
  it('is a document like any other', async () => {
    await using cli = await withMachines();
    assert.equal((await cli.done('apply', '-f', 'home.yaml')).out, '+ Cluster home created\n1 created\n');
    const written = await cli.done('get', 'cluster', 'home', '-o', 'yaml');
    await writeFile(join(cli.cwd, 'home.yaml'), written.out);
    assert.equal((await cli.done('apply', '-f', 'home.yaml')).out, '1 unchanged\n');
    const used = await cli.run(['machine', 'remove', 'm1']);
    assert.equal(used.status, 5);
    assert.match(used.error, /machine m1 is of cluster home/);
  });

  it('names machines that are there, each in one cluster', async () => {
    await using cli = await withMachines();
    await cli.done('apply', '-f', 'home.yaml');
    const apply = async (text: string) => {
      await writeFile(join(cli.cwd, 'other.yaml'), text);
      return await cli.run(['apply', '-f', 'other.yaml']);
    };
    const missing = await apply(CLUSTER.replace('home', 'other').replace('[m1]', '[m9]').replace('[m2]', '[m3]'));
    assert.equal(missing.status, 2, missing.error);
    assert.match(missing.error, /other\.yaml:6:\d+: .*controlPlane\[0\].*m9/);
    const taken = await apply(CLUSTER.replace('home', 'other').replace('[m1]', '[m3]'));
    assert.notEqual(taken.status, 0);
    assert.match(taken.error, /m2 is of cluster home already/);
    const wrong = await apply(CLUSTER.replace('v1.35.0', '1.20.0'));
    assert.match(wrong.error, /other\.yaml:4:\d+: .*Kubernetes 1\.20\.0 does not run on Talos v1\.13\.9/);
  });

  it('hands out files for talosctl and kubectl, and does not write over one', async () => {
    await using cli = await withMachines();
    await cli.done('apply', '-f', 'home.yaml');
    const shown = await cli.done('cluster', 'talosconfig', 'home', '--role', 'os:reader', '--hours', '8');
    assert.match(shown.out, /^context: home\n/);
    await cli.done('cluster', 'kubeconfig', 'home', '--out', 'kube');
    assert.equal((await stat(join(cli.cwd, 'kube'))).mode & 0o777, 0o600);
    assert.match(await readFile(join(cli.cwd, 'kube'), 'utf8'), /server: https:\/\/192\.0\.2\.10:6443/);
    const again = await cli.run(['cluster', 'kubeconfig', 'home', '--out', 'kube']);
    assert.equal(again.status, 5);
    assert.match(again.error, /kube is there already/);
    await cli.done('cluster', 'kubeconfig', 'home', '--out', 'kube', '--force');
    const state = await cli.run(['cluster', 'show', 'home']);
    assert.equal(state.status, 1);
    assert.match(state.out, /m1 +control plane +no .*no Talos runs in this test/);
    await cli.done('cluster', 'delete', 'home', '--yes');
    assert.equal((await cli.run(['cluster', 'show', 'home'])).status, 3);
  });

  const WRONG: readonly (readonly [args: readonly string[], status: number, want: RegExp])[] = [
    [['--control-plane', 'm9'], 3, /no machine m9/],
    [['--control-plane', 'm1', '--talos', 'newest'], 2, /--talos: .*want a Talos release/],
    [['--control-plane', 'm1', '--kubernetes', '1.20.0'], 2, /does not run on Talos/],
    [['--control-plane', 'm1', '--worker', 'm1'], 2, /workers\.0: want each machine once/],
    [['--control-plane', 'm1', '--patch', 'patch.yaml'], 2, /patch\.yaml:3:\d+: /],
    [['--control-plane', 'm1', '--patch', 'none.yaml'], 2, /none\.yaml: ENOENT/],
    [['--worker', 'm1'], 2, /--control-plane/],
  ];
  for (const [args, status, want] of WRONG) {
    it(`create refuses ${args.join(' ')}, and makes nothing`, async () => {
      await using cli = await withMachines();
      await writeFile(join(cli.cwd, 'patch.yaml'), 'machine:\n  a: 1\n  a: 2\n');
      const ran = await cli.run(['cluster', 'create', 'home', ...args, '--yes']);
      assert.equal(ran.status, status, ran.error);
      assert.match(ran.error, want);
      assert.equal(cli.api.registry.cluster('home'), undefined);
    });
  }
});
