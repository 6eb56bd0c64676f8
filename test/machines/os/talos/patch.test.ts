import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TalosDocument } from '#machines/os/talos/documents.ts';
import { patched } from '#machines/os/talos/patch.ts';

// That the results are those of Talos' own packages is asked in test/interop/talos; here is what needs none of them.

const BASE: readonly TalosDocument[] = [
  {
    version: 'v1alpha1',
    machine: {
      certSANs: ['a'],
      sysctls: { a: '1' },
      network: { interfaces: [{ interface: 'eth0', mtu: 1500 }, { interface: 'eth1' }] },
    },
    cluster: { network: { podSubnets: ['10.244.0.0/16'] } },
  },
  { apiVersion: 'v1alpha1', kind: 'LinkConfig', name: 'eth0', mtu: 1400 },
];

const machine = (members: TalosDocument): TalosDocument => ({ machine: members });

describe('a patch', () => {
  for (const [what, patch, want] of [
    ['appends to lists', machine({ certSANs: ['b'] }), { certSANs: ['a', 'b'] }],
    ['leaves what it says nothing of', machine({ certSANs: null }), {}],
    ['keeps what an empty text is laid on', machine({ sysctls: { a: '' } }), {}],
    [
      'finds an element by its name',
      machine({ network: { interfaces: [{ interface: 'eth0', mtu: 9000 }] } }),
      { network: { interfaces: [{ interface: 'eth0', mtu: 9000 }, { interface: 'eth1' }] } },
    ],
    [
      'deletes an element',
      machine({ network: { interfaces: [{ $patch: 'delete', interface: 'eth0' }] } }),
      { network: { interfaces: [{ interface: 'eth1' }] } },
    ],
    ['deletes a key', machine({ sysctls: { $patch: 'delete' } }), { sysctls: undefined }],
  ] as const) {
    it(what, () => {
      const result = patched(BASE, [patch]);
      assert.ok(result.ok);
      const given = BASE[0]?.['machine'] as TalosDocument;
      const wanted = Object.entries({ ...given, ...want }).filter(([, value]) => value !== undefined);
      assert.deepEqual(result.documents[0]?.['machine'], Object.fromEntries(wanted));
    });
  }

  it('does not change what it is laid on', () => {
    const before = structuredClone(BASE);
    patched(BASE, [machine({ network: { interfaces: [{ interface: 'eth0', mtu: 9000 }] } })]);
    assert.deepEqual(BASE, before);
  });

  it('takes __proto__ for a key like any other', () => {
    const patch = JSON.parse(
      '{"machine":{"sysctls":{"__proto__":{"polluted":"1"},"constructor":"2"}}}',
    ) as TalosDocument;
    const result = patched(BASE, [patch]);
    assert.ok(result.ok);
    assert.equal(Reflect.get({}, 'polluted'), undefined);
    assert.match(JSON.stringify(result.documents), /"constructor":"2"/);
  });

  for (const [what, patch, path] of [
    ['a list where a map is', machine({ sysctls: ['a'] }), 'machine.sysctls'],
    ['a map where a value is', { apiVersion: 'v1alpha1', kind: 'LinkConfig', name: 'eth0', mtu: {} }, 'mtu'],
    ['nothing to delete', machine({ time: { servers: { $patch: 'delete' } } }), 'machine.time.servers'],
  ] as const) {
    it(`says where it has ${what}`, () => {
      const result = patched(BASE, [patch]);
      assert.ok(!result.ok);
      assert.deepEqual(
        result.issues.map((issue) => `${issue.document} ${issue.path.join('.')}`),
        [`0 ${path}`],
      );
    });
  }
});
