import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { machineConfig } from '#machines/os/talos/config.ts';
import { parseTalosVersion } from '#machines/os/talos/version.ts';
import { sure } from '#machines/values/parsed.ts';
import { layered, type PatchLayer, readPatch } from '#services/talos/layers.ts';
import { formatYamlIssue } from '#services/yaml/read-yaml.ts';
import { SECRETS } from '../../machines/os/talos/sample-secrets.ts';

const version = sure(parseTalosVersion('v1.13.9'));
const use = { version, installs: true };
const base = machineConfig({
  role: 'worker',
  version,
  secrets: SECRETS,
  cluster: { name: 'home', endpoint: 'https://192.0.2.10:6443', kubernetes: '1.35.0' },
  install: { disk: { kind: 'path', path: '/dev/sda' }, image: 'x' },
});

function layer(file: string, text: string): PatchLayer {
  const read = readPatch({ file, text });
  assert.ok(read.ok, JSON.stringify(read));
  return read.layer;
}
const issuesOf = (...layers: readonly PatchLayer[]): readonly string[] => {
  const result = layered(base, layers, use);
  return result.ok ? [] : result.issues.map(formatYamlIssue);
};

describe('patches of files', () => {
  it('are laid on in order, and the result is a stream of documents', () => {
    const result = layered(
      base,
      [
        layer('class.yaml', 'machine: {install: {disk: /dev/sdb}, sysctls: {a: "1"}}\n'),
        layer('m1.yaml', 'machine: {install: {disk: /dev/sdc}}\n---\napiVersion: v1alpha1\nkind: OOMConfig\n'),
      ],
      use,
    );
    assert.ok(result.ok, JSON.stringify(result));
    const [first, , last] = parseAllDocuments(result.text).map((document) => document.toJS());
    assert.equal(first.machine.install.disk, '/dev/sdc');
    assert.deepEqual(first.machine.sysctls, { a: '1' });
    assert.equal(last.kind, 'OOMConfig');
  });

  it('tell by file, line and column what Talos would refuse', () => {
    const good = layer('class.yaml', 'machine:\n  persist: x\n'.replace('persist: x', 'sysctls: {}'));
    const bad = layer('m1.yaml', '# a comment\n---\nmachine:\n  kubelet:\n    image: kubelet:v1.20.0\n  typ: worker\n');
    assert.deepEqual(issuesOf(good, bad), [
      'm1.yaml:6:3: v1alpha1: machine.typ: unknown key',
      'm1.yaml:5:5: v1alpha1: machine.kubelet.image: Kubernetes 1.20.0 does not run on Talos v1.13.9, want 1.31 to 1.36',
    ]);
  });

  it('name the one that said it last', () => {
    const patch = 'machine:\n  type: boss\n';
    assert.deepEqual(issuesOf(layer('a.yaml', patch), layer('b.yaml', `\n${patch}`)), [
      'b.yaml:3:3: v1alpha1: machine.type: got boss, want controlplane or worker',
    ]);
  });

  it('tell where a deletion finds nothing, and where a shape is another', () => {
    assert.deepEqual(issuesOf(layer('a.yaml', 'machine:\n  time:\n    servers:\n      $patch: delete\n')), [
      'a.yaml:3:5: machine.time.servers: there is nothing to delete',
    ]);
    assert.deepEqual(issuesOf(layer('a.yaml', 'machine:\n  certSANs: {}\n')), [
      'a.yaml:2:3: machine.certSANs: got a map, want a list as in what is patched',
    ]);
  });

  it('are not blamed for what none of them said', () => {
    const result = layered(base.slice(1), [layer('a.yaml', 'apiVersion: v1alpha1\nkind: OOMConfig\n')], use);
    assert.ok(!result.ok);
    assert.deepEqual(result.issues.map(formatYamlIssue), ['generated:1:1: v1alpha1: got 0 of this document, want one']);
  });

  for (const [what, text, issue] of [
    ['a list', '- op: add\n  path: /machine\n', /^p\.yaml:1:1: got /],
    ['no YAML', 'machine: [\n', /^p\.yaml:2:1: /],
    ['a kind without its version', 'kind: LinkConfig\nname: x\n', /apiVersion and kind, want both/],
  ] as const) {
    it(`are refused that are ${what}`, () => {
      const read = readPatch({ file: 'p.yaml', text });
      assert.ok(!read.ok);
      assert.match(formatYamlIssue(read.issues[0] ?? assert.fail()), issue);
    });
  }
});
