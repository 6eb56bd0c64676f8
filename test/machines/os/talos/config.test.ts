import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { machineConfig, type MachineConfigInput, whyNotSelectable } from '#machines/os/talos/config.ts';
import { documentId, kindOf, type TalosDocument, type TreePath, valueAt } from '#machines/os/talos/documents.ts';
import { patched } from '#machines/os/talos/patch.ts';
import type { TalosSecrets } from '#machines/os/talos/secrets.ts';
import { validateConfig, whyNotKubernetes } from '#machines/os/talos/validate.ts';
import { parseTalosVersion } from '#machines/os/talos/version.ts';
import { sure } from '#machines/values/parsed.ts';
import { SECRETS } from './sample-secrets.ts';

const version = (text: string) => sure(parseTalosVersion(text));
const input = (
  tag: string,
  role: MachineConfigInput['role'],
  kubernetes = tag.startsWith('v1.14') ? '1.36.0' : '1.35.0',
): MachineConfigInput => ({
  role,
  version: version(tag),
  secrets: SECRETS,
  cluster: { name: 'home', endpoint: 'https://192.0.2.10:6443', kubernetes },
  install: { disk: { kind: 'serial', serial: 'S1' }, image: 'r.example/installer/x:v1' },
});
const of = (documents: readonly TalosDocument[], id: string, path: TreePath) =>
  valueAt(
    documents.find((document) => documentId(document) === id),
    path,
  );

/** Everything secret that a control plane has and a worker must not. */
const CONTROL_PLANE_SECRETS = (secrets: TalosSecrets): readonly string[] => [
  ...Object.values(secrets.ca).map(({ key }) => key),
  secrets.ca.etcd.crt,
  secrets.serviceAccountKey,
  secrets.etcdEncryption.key,
];

for (const tag of ['v1.13.9', 'v1.14.0'] as const) {
  describe(`the configuration for ${tag}`, () => {
    for (const role of ['controlplane', 'worker'] as const) {
      it(`of a ${role} is valid`, () => {
        const asked = input(tag, role);
        assert.deepEqual(validateConfig(machineConfig(asked), { version: asked.version, installs: true }), []);
      });
    }

    it('of a worker has no secret of control planes', () => {
      const text = JSON.stringify(machineConfig(input(tag, 'worker')));
      for (const secret of CONTROL_PLANE_SECRETS(SECRETS)) {
        for (const form of [secret, btoa(secret), JSON.stringify(secret).slice(1, -1)]) {
          assert.ok(!text.includes(form), form);
        }
      }
      const whole = JSON.stringify(machineConfig(input(tag, 'controlplane')));
      for (const secret of CONTROL_PLANE_SECRETS(SECRETS)) {
        const forms = [secret, btoa(secret), JSON.stringify(secret).slice(1, -1)];
        assert.ok(
          forms.some((form) => whole.includes(form)),
          secret,
        );
      }
    });
  });
}

describe('the disk to install on', () => {
  it('is chosen by its serial', () => {
    const before = machineConfig(input('v1.13.9', 'worker'));
    assert.deepEqual(of(before, 'v1alpha1', ['machine', 'install', 'diskSelector']), { serial: 'S1' });
    assert.equal(of(before, 'v1alpha1', ['machine', 'install', 'disk']), undefined);
    const after = machineConfig(input('v1.14.0', 'worker'));
    assert.equal(
      of(after, 'UnattendedInstallConfig', ['provisioning', 'diskSelector', 'match']),
      'disk.serial == "S1"',
    );
  });

  it('cannot leave its quotes', () => {
    const asked = input('v1.14.0', 'worker');
    const disk = { kind: 'serial', serial: 'a" || true || "\\' } as const;
    const documents = machineConfig({ ...asked, install: { disk, image: 'x' } });
    assert.equal(
      of(documents, 'UnattendedInstallConfig', ['provisioning', 'diskSelector', 'match']),
      String.raw`disk.serial == "a\" || true || \"\\"`,
    );
  });

  for (const [disk, tag, fits] of [
    [{ kind: 'serial', serial: 'S1*' }, 'v1.13.9', false],
    [{ kind: 'serial', serial: 'S1*' }, 'v1.14.0', true],
    [{ kind: 'serial', serial: ' ' }, 'v1.14.0', false],
    [{ kind: 'wwid', wwid: 'naa.5000' }, 'v1.13.9', true],
    [{ kind: 'path', path: 'sda' }, 'v1.13.9', false],
    [{ kind: 'path', path: '/dev/disk/by-id/x' }, 'v1.13.9', true],
  ] as const) {
    it(`${JSON.stringify(disk)} ${fits ? 'can' : 'cannot'} be named to ${tag}`, () => {
      assert.equal(whyNotSelectable(disk, version(tag)) === undefined, fits);
    });
  }

  it('is not asked of a machine that runs from memory', () => {
    const { install: _install, ...asked } = input('v1.14.0', 'worker');
    const documents = machineConfig(asked);
    assert.ok(!documents.some((document) => kindOf(document) === 'UnattendedInstallConfig'));
    assert.deepEqual(validateConfig(documents, { version: asked.version, installs: false }), []);
    assert.equal(validateConfig(documents, { version: asked.version, installs: true }).length, 1);
  });
});

describe('a hostname', () => {
  for (const [tag, id, path] of [
    ['v1.11.0', 'v1alpha1', ['machine', 'network', 'hostname']],
    ['v1.13.9', 'HostnameConfig', ['hostname']],
  ] as const) {
    it(`stands in ${id} for ${tag}`, () => {
      assert.equal(of(machineConfig({ ...input(tag, 'worker'), hostname: 'm1' }), id, path), 'm1');
    });
  }
});

describe('validation', () => {
  for (const [what, tag, role, patch, want] of [
    ['an unknown key', 'v1.13.9', 'worker', { machine: { instal: {} } }, 'v1alpha1 machine.instal'],
    [
      'an unknown kind',
      'v1.13.9',
      'worker',
      { apiVersion: 'v1alpha1', kind: 'LinkConfg', name: 'x' },
      'LinkConfg/x kind',
    ],
    [
      'a kind of a newer release',
      'v1.13.9',
      'worker',
      { apiVersion: 'v1alpha1', kind: 'SysctlConfig' },
      'SysctlConfig kind',
    ],
    [
      'a document without its name',
      'v1.13.9',
      'worker',
      { apiVersion: 'v1alpha1', kind: 'LinkConfig' },
      'LinkConfig name',
    ],
    ['persist: false', 'v1.13.9', 'worker', { persist: false }, 'v1alpha1 persist'],
    ['a role that is none', 'v1.13.9', 'worker', { machine: { type: 'init' } }, 'v1alpha1 machine.type'],
    ['a bad token', 'v1.13.9', 'worker', { machine: { token: 'x' } }, 'v1alpha1 machine.token'],
    ['a key of a CA on a worker', 'v1.13.9', 'worker', { cluster: { ca: { key: 'eA==' } } }, 'v1alpha1 cluster.ca.key'],
    [
      'plain HTTP',
      'v1.13.9',
      'worker',
      { cluster: { controlPlane: { endpoint: 'http://a' } } },
      'v1alpha1 cluster.controlPlane.endpoint',
    ],
    [
      'no URL',
      'v1.14.0',
      'worker',
      { apiVersion: 'v1alpha1', kind: 'KubeClusterConfig', endpoint: 'a' },
      'KubeClusterConfig endpoint',
    ],
    [
      'two places of install',
      'v1.14.0',
      'worker',
      { machine: { install: { disk: '/dev/sda' } } },
      'v1alpha1 machine.install',
    ],
    [
      'an old Kubernetes',
      'v1.13.9',
      'worker',
      { machine: { kubelet: { image: 'k:v1.30.0' } } },
      'v1alpha1 machine.kubelet.image',
    ],
    [
      'a new Kubernetes',
      'v1.14.0',
      'worker',
      { apiVersion: 'v1alpha1', kind: 'KubeletConfig', image: 'k:v1.38.0' },
      'KubeletConfig image',
    ],
    [
      'a VIP on a worker',
      'v1.13.9',
      'worker',
      { machine: { network: { interfaces: [{ interface: 'a', vip: {} }] } } },
      'v1alpha1 machine.network.interfaces.0.vip',
    ],
    [
      'a VIP document on a worker',
      'v1.14.0',
      'worker',
      { apiVersion: 'v1alpha1', kind: 'Layer2VIPConfig', name: '192.0.2.9' },
      'Layer2VIPConfig/192.0.2.9 ',
    ],
    [
      'encryption without a key',
      'v1.13.9',
      'worker',
      { apiVersion: 'v1alpha1', kind: 'VolumeConfig', name: 'STATE', encryption: { keys: [] } },
      'VolumeConfig/STATE encryption.keys',
    ],
    [
      'a slot twice',
      'v1.13.9',
      'worker',
      {
        machine: {
          systemDiskEncryption: {
            state: {
              keys: [
                { slot: 0, nodeID: {} },
                { slot: 0, kms: {} },
              ],
            },
          },
        },
      },
      'v1alpha1 machine.systemDiskEncryption.state.keys.1.slot',
    ],
    [
      'a key of two methods',
      'v1.13.9',
      'worker',
      { machine: { systemDiskEncryption: { state: { keys: [{ slot: 0, nodeID: {}, tpm: {} }] } } } },
      'v1alpha1 machine.systemDiskEncryption.state.keys.0',
    ],
    [
      'arguments that are not read',
      'v1.13.9',
      'worker',
      { machine: { install: { extraKernelArgs: ['a'] } } },
      'v1alpha1 machine.install.extraKernelArgs',
    ],
    [
      'no key on a control plane',
      'v1.13.9',
      'controlplane',
      { machine: { ca: { key: { $patch: 'delete' } } } },
      'v1alpha1 machine.ca.key',
    ],
  ] as const) {
    it(`finds ${what}`, () => {
      const asked = input(tag, role);
      const result = patched(machineConfig(asked), [patch]);
      assert.ok(result.ok);
      const issues = validateConfig(result.documents, { version: asked.version, installs: true });
      assert.deepEqual(
        issues.map(({ document, path }) => `${document} ${path.join('.')}`),
        [want],
      );
      assert.ok(!JSON.stringify(issues).includes(SECRETS.machineToken));
    });
  }

  it('wants one v1alpha1 document', () => {
    const asked = input('v1.14.0', 'worker');
    const others = machineConfig(asked).slice(1);
    assert.match(validateConfig(others, { version: asked.version, installs: true })[0]?.text ?? '', /got 0/);
  });

  it('takes any Kubernetes on a Talos that is newer than it knows', () => {
    assert.equal(whyNotKubernetes('1.40.0', version('v1.15.0')), undefined);
    assert.ok(whyNotKubernetes('1.36', version('v1.14.0')));
  });
});
