import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clusterDocument } from '#machines/contract/cluster.ts';
import { raiseRelease } from '#server/jobs/talos/raise-release.ts';
import type { Registry } from '#services/registry/contract.ts';

const CLUSTER = clusterDocument.parse({
  kind: 'Cluster',
  name: 'home',
  talos: 'v1.13.2',
  kubernetes: '1.34.1',
  endpoint: 'https://192.0.2.1:6443',
  controlPlane: ['m1'],
});

/** A registry of one cluster, which others edit as often as is said, each time just before it is written. */
function registryOf({ edits = 0, refuses = false } = {}) {
  let document = CLUSTER;
  let rev = 1;
  const parts: Pick<Registry, 'documents' | 'put'> = {
    documents: () => [{ document, rev }],
    async put(wanted, { expected }) {
      assert.ok(wanted.kind === 'Cluster');
      if (refuses) return { kind: 'refused', because: 'it is so', next: 'nothing' };
      if (edits-- > 0) document = { ...document, workers: [...document.workers, `w${++rev}`] };
      if (expected !== rev) return { kind: 'stale', rev };
      document = wanted;
      return { kind: 'done', value: { rev: ++rev, change: 'changed' } };
    },
  };
  return { parts, document: () => document };
}

describe('the release of a cluster', () => {
  it('is a later one once a machine was upgraded to that', async () => {
    const { parts, document } = registryOf();
    assert.equal(await raiseRelease(parts, 'home', 'v1.13.9', 'job:1'), true);
    assert.equal(document().talos, 'v1.13.9');
    assert.equal(await raiseRelease(parts, 'home', 'v1.13.9', 'job:2'), false);
    assert.equal(await raiseRelease(parts, 'home', 'v1.13.4', 'job:3'), false, 'it is never an earlier one');
    assert.equal(await raiseRelease(parts, 'gone', 'v1.13.9', 'job:4'), false);
    assert.equal(document().talos, 'v1.13.9');
  });

  it('keeps what others write at the same time', async () => {
    const { parts, document } = registryOf({ edits: 2 });
    assert.equal(await raiseRelease(parts, 'home', 'v1.13.9', 'job:1'), true);
    assert.deepEqual([document().talos, document().workers], ['v1.13.9', ['w2', 'w3']]);
  });

  it('is an error where the registry does not take it', async () => {
    const { parts } = registryOf({ refuses: true });
    await assert.rejects(raiseRelease(parts, 'home', 'v1.13.9', 'job:1'), /still says v1\.13\.2: .*it is so/);
  });
});
