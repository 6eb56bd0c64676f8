import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BottlerocketParts, bottlerocketFiles } from '#machines/os/bottlerocket/files.ts';
import { holdsBottlerocket } from '#machines/os/bottlerocket/layout.ts';
import { settingsProblems } from '#machines/os/bottlerocket/settings.ts';
import { tomlText } from '#machines/os/bottlerocket/toml.ts';
import { decodeBootconfig } from '#machines/os/bottlerocket/wire/bootconfig.ts';

const PARTS: BottlerocketParts = {
  settings: {
    kubernetes: { 'cluster-name': 'home', 'max-pods': 60, 'node-labels': { 'example.com/rack': 'r1' } },
    motd: 'of "r1"\n',
  },
  network: { netToml: 'version = 1\n\n[eno1]\ndhcp4 = true\n', dns: { 'name-servers': ['192.0.2.53'] } },
  hostname: 'r1-u1',
};
function filesOf(
  more: Partial<BottlerocketParts> = {},
): ReadonlyMap<string, { text: string; mode: number; content: Uint8Array }> {
  const answer = bottlerocketFiles({ ...PARTS, ...more });
  assert.ok(answer.ok, JSON.stringify(answer));
  return new Map(
    answer.files.map(({ path, content, mode }) => [path, { text: new TextDecoder().decode(content), mode, content }]),
  );
}

describe('files of a machine with Bottlerocket', () => {
  it('are its user data and its network', () => {
    const files = filesOf();
    assert.deepEqual([...files.keys()], ['user-data.toml', 'net.toml']);
    assert.equal(files.get('net.toml')?.text, 'version = 1\n\n[eno1]\ndhcp4 = true\n');
    assert.equal(files.get('user-data.toml')?.mode, 0o600);
    assert.equal(
      files.get('user-data.toml')?.text,
      `[settings]
motd = "of \\"r1\\"\\n"

[settings.kubernetes]
cluster-name = "home"
max-pods = 60

[settings.kubernetes.node-labels]
"example.com/rack" = "r1"

[settings.dns]
name-servers = ["192.0.2.53"]

[settings.network]
hostname = "r1-u1"
`,
    );
  });

  it('turn on the administrator’s container where there are keys, and no other', () => {
    const text = filesOf({ adminKeys: ['ssh-ed25519 AAAA anna@home'] }).get('user-data.toml')?.text ?? '';
    const [, data = ''] = /\[settings\.host-containers\.admin\]\nenabled = true\nuser-data = "(.*)"/.exec(text) ?? [];
    assert.deepEqual(JSON.parse(Buffer.from(data, 'base64').toString()), {
      ssh: { 'authorized-keys': ['ssh-ed25519 AAAA anna@home'] },
    });
    assert.doesNotMatch(filesOf().get('user-data.toml')?.text ?? '', /host-containers/);
  });

  it('hold the kernel’s arguments as a boot config', () => {
    const content = filesOf({ kernelArguments: ['console=tty1', 'console=ttyS0,115200', 'quiet', 'x.y=a "b"'] }).get(
      'bootconfig.data',
    )?.content;
    assert.equal(
      decodeBootconfig(content ?? new Uint8Array(0)),
      'kernel.console = "tty1", "ttyS0,115200"\nkernel.quiet\nkernel.x.y = \'a "b"\'\n',
    );
  });

  it('say what a person wrote, where that is another thing than what follows', () => {
    const settings = { network: { hostname: 'other' }, dns: { 'search-list': ['lab'] } };
    const text = filesOf({ settings }).get('user-data.toml')?.text ?? '';
    assert.match(text, /hostname = "other"/);
    assert.match(text, /name-servers = \["192.0.2.53"\]\nsearch-list = \["lab"\]/);
  });

  for (const [what, more, want] of [
    ['an unknown key', { settings: { kubernetes: { 'max-pod': 1 } } }, ['settings.kubernetes.max-pod']],
    ['a wrong form', { settings: { kubernetes: { 'max-pods': 'many' } } }, ['settings.kubernetes.max-pods']],
    ['an unknown tree', { settings: { aws: {}, motd: 1 } }, ['settings.motd', 'settings.aws']],
    ['no network', { network: undefined }, ['network']],
    ['a kernel argument of two lines', { kernelArguments: ['a\nb'] }, ['args']],
    ['a value in both quotes', { kernelArguments: [`a="'`] }, ['args']],
  ] as const) {
    it(`are refused with ${what}`, () => {
      const answer = bottlerocketFiles({ ...PARTS, ...more });
      assert.ok(!answer.ok);
      assert.deepEqual(
        answer.problems.map(({ key }) => key),
        want,
      );
    });
  }

  it('know the settings that its documentation shows', () =>
    assert.deepEqual(
      settingsProblems({
        kubernetes: {
          'api-server': 'https://192.0.2.1:6443',
          'cluster-certificate': 'LS0tLQ==',
          'bootstrap-token': 'abcdef.0123456789abcdef',
          'authentication-mode': 'tls',
          'standalone-mode': false,
          'node-taints': { dedicated: ['a:NoSchedule'] },
          'eviction-hard': { 'memory.available': '15%' },
          'static-pods': { one: { enabled: true, manifest: 'YQ==' } },
        },
        'host-containers': { control: { enabled: false } },
        network: { hosts: [['192.0.2.7', ['a.example', 'a']]], 'no-proxy': ['localhost'] },
        kernel: { lockdown: 'integrity', modules: { sctp: { allowed: true } }, sysctl: { 'net.core.rmem_max': '1' } },
        'container-registry': { mirrors: [{ registry: '*', endpoint: ['https://192.0.2.2'] }] },
        pki: { own: { data: 'YQ==', trusted: true } },
        updates: { 'version-lock': 'latest', 'ignore-waves': false, seed: 7 },
        ntp: { 'time-servers': ['192.0.2.3'] },
      }),
      [],
    ));
});

describe('TOML', () => {
  it('has no member for what has no value, and inline tables in lists', () =>
    assert.equal(tomlText({ a: undefined, b: null, c: [{ d: 1 }], e: 1.5 }), 'c = [{ d = 1 }]\ne = 1.5\n'));
});

it('a disk with Bottlerocket is known by its labels', () => {
  assert.ok(holdsBottlerocket(['gpt', 'gpt:BOTTLEROCKET-DATA', 'ext4']));
  assert.ok(!holdsBottlerocket(['gpt', 'gpt:ROOT']));
});
