import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { parseAllDocuments } from 'yaml';
import { machineNetwork } from '#machines/contract/network.ts';
import type { Rendered } from '#machines/os/network/devices.ts';
import { renderTalosDocuments, renderTalosLegacy } from '#machines/os/network/talos.ts';
import { configText, type TalosDocument } from '#machines/os/talos/documents.ts';
import { machineConfig, type MachineConfigInput } from '#machines/os/talos/config.ts';
import { patched } from '#machines/os/talos/patch.ts';
import { secretsYaml, type TalosSecrets } from '#machines/os/talos/secrets.ts';
import { validateConfig } from '#machines/os/talos/validate.ts';
import { parseTalosVersion } from '#machines/os/talos/version.ts';
import { yamlText, type YamlValue } from '#machines/os/talos/yaml-text.ts';
import { sure } from '#machines/values/parsed.ts';
import { kubeconfig, talosconfig } from '#services/talos/client-config.ts';
import { newTalosSecrets } from '#services/talos/secrets.ts';
import { type Answer, buildMachinery, type Machinery, type Question } from './machinery.ts';
import { PATCHES } from './patches.ts';

const version = (text: string) => sure(parseTalosVersion(text));
const IMAGE = 'factory.example/metal-installer/abc:v1.13.9';

/** Releases, with a Kubernetes that each runs. */
const CONTRACTS = [
  ['v1.9.0', '1.32.0'],
  ['v1.11.0', '1.33.0'],
  ['v1.12.0', '1.34.0'],
  ['v1.13.0', '1.35.0'],
  ['v1.14.0', '1.36.0'],
] as const;
const ROLES = ['controlplane', 'worker'] as const;

describe("Talos' own packages", { timeout: 600_000 }, () => {
  let machinery: Machinery | string;
  let secrets: TalosSecrets;
  let knows114 = false;

  before(async () => {
    secrets = await newTalosSecrets({ version: version('v1.13.0'), random: randomBytes, now: Date.now });
    machinery = await buildMachinery();
    if (typeof machinery === 'string') return;
    const probe = 'apiVersion: v1alpha1\nkind: SecurityProfileConfig\nworkloadIsolation: true\n';
    const [answer] = await machinery.ask([{ kind: 'normal', text: probe }]);
    knows114 = answer?.error === undefined;
  });
  after(async () => {
    if (typeof machinery !== 'string') await machinery?.[Symbol.asyncDispose]();
  });

  const needs = (t: TestContext, contract?: string): Machinery | undefined => {
    if (typeof machinery === 'string') t.skip(machinery);
    else if (contract === 'v1.14.0' && !knows114) t.skip("needs the Go module of Talos 1.14's machinery");
    else return machinery;
    return undefined;
  };
  const one = async (own: Machinery, question: Question): Promise<Answer> => (await own.ask([question]))[0] ?? {};

  const input = (contract: string, kubernetes: string, role: (typeof ROLES)[number]): MachineConfigInput => ({
    role,
    version: version(contract),
    secrets,
    cluster: { name: 'home', endpoint: 'https://192.0.2.10:6443', kubernetes },
    install: { disk: { kind: 'path', path: '/dev/sda' }, image: IMAGE },
  });

  it('read the secrets that we write, and write the same', async (t) => {
    const own = needs(t);
    if (!own) return;
    const text = secretsYaml(secrets);
    assert.deepEqual(await one(own, { kind: 'secrets', text }), { text });
  });

  it('read our talosconfig, whose certificate is for clients', async (t) => {
    const own = needs(t);
    if (!own) return;
    const now = Date.now();
    const text = await talosconfig({ secrets, now, cluster: 'home', endpoints: ['192.0.2.1', '192.0.2.2'] });
    assert.deepEqual(await one(own, { kind: 'talosconfig', text }), { texts: ['192.0.2.1', '192.0.2.2'] });
    const file = await kubeconfig({ secrets, now, cluster: 'home', endpoint: 'https://192.0.2.10:6443' });
    const certificate = /client-certificate-data: (\S+)/.exec(file)?.[1] ?? '';
    const question = { kind: 'client', text: Buffer.from(certificate, 'base64').toString() } as const;
    assert.deepEqual(await one(own, { ...question, secrets: secrets.ca.kubernetes.crt }), {});
    assert.match((await one(own, { ...question, secrets: secrets.ca.etcd.crt })).error ?? '', /unknown authority/);
  });

  for (const [contract, kubernetes] of CONTRACTS) {
    for (const role of ROLES) {
      it(`generate the ${role} of ${contract} that we generate`, async (t) => {
        const own = needs(t, contract);
        if (!own) return;
        const asked = input(contract, kubernetes, role);
        const { text, error } = await one(own, {
          kind: 'generate',
          contract,
          role,
          kubernetes,
          name: asked.cluster.name,
          endpoint: asked.cluster.endpoint,
          disk: '/dev/sda',
          image: IMAGE,
          secrets: secretsYaml(secrets),
        });
        assert.equal(error, undefined);
        assert.equal(configText(machineConfig(asked)), text);
      });

      it(`take the ${role} of ${contract} with everything set`, async (t) => {
        const own = needs(t, contract);
        if (!own) return;
        const asked = input(contract, kubernetes, role);
        for (const disk of [
          { kind: 'serial', serial: 'S4X "7"' },
          { kind: 'wwid', wwid: 'naa.5000c500deadbeef' },
        ] as const) {
          const documents = machineConfig({
            ...asked,
            cluster: {
              ...asked.cluster,
              discovery: false,
              workloadsOnControlPlanes: true,
              podSubnets: ['10.1.0.0/16'],
            },
            install: { disk, image: IMAGE, wipe: true },
            hostname: 'm1.example.org',
            certSans: ['m1.example.org', '192.0.2.7'],
          });
          const text = configText(documents);
          assert.deepEqual(await one(own, { kind: 'validate', text }), {});
          assert.deepEqual(validateConfig(documents, { version: asked.version, installs: true }), []);
          const read = await one(own, { kind: 'normal', text });
          assert.deepEqual(parsedDocuments(read.text ?? ''), parsedDocuments(text));
        }
      });
    }
  }

  for (const [contract, kubernetes] of [
    ['v1.11.0', '1.33.0'],
    ['v1.13.0', '1.35.0'],
    ['v1.14.0', '1.36.0'],
  ] as const) {
    it(`take a network laid on the configuration of ${contract}`, async (t) => {
      const own = needs(t, contract);
      if (!own) return;
      const asked = input(contract, kubernetes, 'worker');
      const rendered = contract === 'v1.14.0' ? renderTalosDocuments(NETWORK) : legacyNetwork();
      assert.ok(rendered.kind === 'rendered', JSON.stringify(rendered));
      const result = patched(machineConfig(asked), rendered.value);
      assert.ok(result.ok, JSON.stringify(result));
      assert.deepEqual(await one(own, { kind: 'validate', text: configText(result.documents) }), {});
      assert.deepEqual(validateConfig(result.documents, { version: asked.version, installs: true }), []);
    });
  }

  it('refuse what we refuse', async (t) => {
    const own = needs(t);
    if (!own) return;
    const asked = input('v1.13.0', '1.35.0', 'worker');
    const base = machineConfig(asked);
    for (const [what, patch] of [
      ['no disk', { machine: { install: { disk: { $patch: 'delete' } } } }],
      ['a name of a disk', { machine: { install: { diskSelector: { name: 'x' } } } }],
      ['a role that is none', { machine: { type: 'boss' } }],
      ['persist', { persist: false }],
      ['an endpoint that is none', { cluster: { controlPlane: { endpoint: 'nowhere' } } }],
      ['arguments twice', { machine: { install: { extraKernelArgs: ['a=b'] } } }],
      ['the key of a CA on a worker', { machine: { ca: { key: btoa(secrets.ca.machine.key) } } }],
      [
        'a VIP on a worker',
        { machine: { network: { interfaces: [{ interface: 'eth0', vip: { ip: '192.0.2.9' } }] } } },
      ],
      ['no keys', { machine: { systemDiskEncryption: { state: { provider: 'luks2', keys: [] } } } }],
      [
        'a slot twice',
        { machine: { systemDiskEncryption: { state: { provider: 'luks2', keys: [NODE_KEY, NODE_KEY] } } } },
      ],
    ] as const) {
      const result = patched(base, [patch]);
      assert.ok(result.ok, what);
      const { error } = await one(own, { kind: 'validate', text: configText(result.documents) });
      assert.notEqual(error, undefined, `the module takes ${what}`);
      const issues = validateConfig(result.documents, { version: asked.version, installs: true });
      assert.ok(issues.length > 0, `we take ${what}`);
    }
  });

  for (const { name, base, patch, only } of PATCHES) {
    it(`patch ${name} as we do`, async (t) => {
      const own = needs(t, only === 'from 1.14' ? 'v1.14.0' : undefined);
      if (!own) return;
      if (only === 'to 1.13' && knows114) return t.skip('the module of Talos 1.14 does otherwise');
      const given =
        base === 'controlplane' ? machineConfig(input('v1.13.0', '1.35.0', 'controlplane')) : parsedDocuments(base);
      const [theirs, normal] = await own.ask([
        { kind: 'patch', text: configText(given), patch },
        { kind: 'normal', text: configText(given) },
      ]);
      assert.equal(normal?.error, undefined);
      const ours = patched(given, parsedDocuments(patch));
      if (theirs?.error !== undefined) {
        assert.ok(!ours.ok, `the module says ${theirs.error}`);
        return;
      }
      assert.ok(ours.ok, JSON.stringify(ours));
      const [read] = await own.ask([{ kind: 'normal', text: configText(ours.documents) }]);
      assert.equal(read?.error, undefined);
      assert.equal(read?.text, theirs?.text);
    });
  }

  it('write YAML as we do', async (t) => {
    const own = needs(t);
    if (!own) return;
    const values: YamlValue[] = [
      ...TEXTS,
      ...TEXTS.map((text) => [text]),
      ...TEXTS.map((text) => ({ [text || 'k']: text })),
    ];
    values.push([
      [['a'], { b: [{ c: ['d', [1, 2.5, -3]] }] }],
      { e: [], f: {}, g: null, h: [{}, []] },
      'x\ny\n',
      ['a\nb'],
    ]);
    const words = fc.array(fc.constantFrom(...ODD), { maxLength: 6 }).map((parts) => parts.join(''));
    values.push(...fc.sample(words, { numRuns: 1500, seed: 7 }));
    values.push(...fc.sample(fc.string({ unit: 'grapheme', maxLength: 12 }), { numRuns: 500, seed: 7 }));
    const { texts = [] } = await one(own, { kind: 'yaml', values });
    assert.equal(texts.length, values.length);
    for (const [index, value] of values.entries()) {
      assert.equal(yamlText(value, knows114 ? 'single' : 'double'), texts[index], JSON.stringify(value));
    }
  });
});

const NETWORK = machineNetwork.parse({
  interfaces: [
    { mac: '52:54:00:00:00:01', address: ['192.0.2.7/24'], gateway: '192.0.2.1' },
    { mac: '52:54:00:00:00:02', address: ['dhcp'] },
  ],
  dns: ['192.0.2.53'],
  search: ['example.org'],
});

/** As one document, which is laid on like any patch. */
function legacyNetwork(): Rendered<readonly TalosDocument[]> {
  const rendered = renderTalosLegacy(NETWORK);
  return rendered.kind === 'rendered'
    ? { kind: 'rendered', value: [{ machine: { network: rendered.value } }] }
    : rendered;
}

const NODE_KEY = { slot: 0, nodeID: {} };

const parsedDocuments = (text: string): readonly TalosDocument[] =>
  parseAllDocuments(text).map((document) => document.toJS() as TalosDocument);

const TEXTS = [
  ...[
    '',
    ' ',
    'a',
    'a b',
    ' a',
    'a ',
    'a: b',
    'a:b',
    'a:',
    ':a',
    '- a',
    '-a',
    '-',
    '--',
    '---',
    '...',
    '?',
    '? a',
    '?a',
  ],
  ...[
    '#a',
    'a#b',
    'a #b',
    '[a',
    'a]',
    '{a',
    'a, b',
    '&a',
    '*a',
    '!a',
    '|',
    '>',
    '%a',
    '@a',
    '`a',
    '"a"',
    "'a'",
    "it's",
  ],
  ...[
    'true',
    'True',
    'yes',
    'Yes',
    'on',
    'off',
    'n',
    'Y',
    'null',
    'Null',
    '~',
    '<<',
    '=',
    '.',
    '.5',
    '.a',
    '.inf',
    '-.inf',
  ],
  ...['0', '00', '07', '08', '1', '-1', '+1', '1_000', '1e3', '1.', '1.5', '0x1f', '0o17', '0b1', '1:30', '190:20:30'],
  ...['2024-01-02', '2024-13-02', '2024-02-30', '2024-1-2', '2024-01-02T03:04:05Z', '2024-01-02 03:04:05', '20240102'],
  ...[
    'console=ttyS0,115200',
    'talos.config=https://x/?a={{b}}',
    'a\tb',
    '\ta',
    'a\u0007',
    'é',
    '\u0085',
    '\u00a0',
    '\ufeff',
  ],
  ...[
    'a\nb',
    'a\n',
    '\na',
    'a\n\n',
    '\n',
    '\n\n',
    ' a\nb',
    'a \nb',
    'a\n b',
    'a\n\tb',
    'a\nb ',
    '-----BEGIN X-----\nb\n',
  ],
];
const ODD = [
  ' ',
  ':',
  '#',
  '-',
  "'",
  '"',
  '\n',
  '\t',
  'a',
  '0',
  '1',
  '.',
  '_',
  'e',
  '~',
  '?',
  ',',
  '[',
  '{',
  '!',
  'true',
  'é',
  '\u{1f600}',
];
