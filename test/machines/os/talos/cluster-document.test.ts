import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clusterDocument } from '#machines/contract/cluster.ts';
import { readYaml } from '#services/yaml/read-yaml.ts';

const HOME = `kind: Cluster
name: home
talos: 1.13.9
kubernetes: v1.35.0
endpoint: https://192.0.2.10:6443
controlPlane: [m1, m2, m3]
`;
const read = (text: string) => {
  const result = readYaml({ file: 'c.yaml', text }, clusterDocument);
  return result.ok ? result.documents[0]?.value : result.issues.map(({ line, text: issue }) => `${line}: ${issue}`);
};

describe('the document of a cluster', () => {
  it('needs little, and says releases in one form', () => {
    assert.deepEqual(read(HOME), {
      kind: 'Cluster',
      name: 'home',
      labels: {},
      talos: 'v1.13.9',
      kubernetes: '1.35.0',
      endpoint: 'https://192.0.2.10:6443',
      controlPlane: ['m1', 'm2', 'm3'],
      workers: [],
      schematic: {},
      secureBoot: false,
      factory: 'factory.talos.dev',
      discovery: true,
      workloadsOnControlPlanes: false,
      podSubnets: [],
      serviceSubnets: [],
      patches: { all: [], controlPlane: [], workers: [] },
    });
  });

  it('is read again from what it was read to', () => {
    const text = `${HOME}schematic: {customization: {extraKernelArgs: [a]}}\npatches: {all: [{machine: {time: {}}}]}\n`;
    const once = clusterDocument.parse(read(text));
    assert.deepEqual(clusterDocument.parse(JSON.parse(JSON.stringify(once))), once);
  });

  for (const [what, text, issue] of [
    ['a machine twice', `${HOME}workers: [m4, m2]\n`, /^7: workers\[1\]: .*m2 is there already/],
    [
      'a Kubernetes that Talos does not run',
      HOME.replace('v1.35.0', '1.20.0'),
      /^4: kubernetes: .*want 1\.31 to 1\.36/,
    ],
    ['no release of Talos', HOME.replace('1.13.9', 'latest'), /^3: talos: got "latest"/],
    ['plain HTTP', HOME.replace('https:', 'http:'), /^5: endpoint: got /],
    ['no control plane', HOME.replace('[m1, m2, m3]', '[]'), /^6: controlPlane: /],
    ['an unknown key', `${HOME}worker: [m4]\n`, /^7: worker: unknown key; did you mean workers\?/],
    ['secrets', `${HOME}secrets: {}\n`, /^7: secrets: unknown key/],
  ] as const) {
    it(`refuses ${what}`, () => {
      const issues = read(text);
      assert.ok(Array.isArray(issues), JSON.stringify(issues));
      assert.match(String(issues[0]), issue);
    });
  }
});
