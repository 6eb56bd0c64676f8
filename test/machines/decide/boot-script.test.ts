import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { imageDocument, machineDocument, profileDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import {
  type AgentBoot,
  type BootScript,
  decideBootScript,
  type ScriptQuestion,
} from '#machines/decide/boot-script.ts';
import { receiversAt } from '#machines/decide/boot-script-values.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';

const MAC = sure(parseMacAddress('52:54:00:00:00:01'));
const ATTEMPT = 'AAAAAAAAAAAAAAAAAAAAAA';
const BASE = 'http://192.0.2.1:8080';

const machine: Machine = {
  document: machineDocument.parse({
    kind: 'Machine',
    name: 'r1-u12',
    macs: [MAC],
    serial: 'S4 X1',
    address: '192.0.2.77',
    labels: { rack: 'r1', 'a.b/c': 'deep' },
    location: { site: 'home', rack: 'r1', unit: 12 },
  }),
  acceptance: 'accepted',
  service: 'none',
  locked: false,
  identifiers: { macs: [], uuids: [], serials: [] },
  facts: { product: { value: 'PowerEdge', at: 1, source: 'dhcp' }, cores: { value: 8, at: 1, source: 'agent' } },
  rev: 1,
};

const image = (differences: Readonly<Record<string, unknown>> = {}) =>
  imageDocument.parse({
    kind: 'Image',
    name: 'rescue',
    arch: 'x86_64',
    assets: [
      { role: 'kernel', path: '/srv/vmlinuz' },
      { role: 'initrd', path: '/srv/one' },
      { role: 'initrd', path: '/srv/two' },
    ],
    ...differences,
  });

const netboot = (
  profile: Readonly<Record<string, unknown>> = {},
  of: ReturnType<typeof image> | undefined = image(),
): BootPlan => ({
  kind: 'netboot',
  profile: profileDocument.parse({ kind: 'Profile', name: 'rescue', os: 'kernel', writes: 'none', ...profile }),
  image: of,
  grant: undefined,
  because: 'profile rescue: the test',
});

const AGENT: AgentBoot = { arch: 'x86_64', url: 'https://192.0.2.1:8443', pin: 'cGlu', commandLine: 'console=tty0' };
const agentPlan = () => {
  const profile = profileDocument.parse({ kind: 'Profile', name: 'agent', os: 'agent', writes: 'none' });
  return { kind: 'netboot', profile, image: undefined, grant: undefined, because: 'the test' } as const;
};

const question = (differences: Partial<ScriptQuestion> = {}): ScriptQuestion => ({
  plan: netboot(),
  machine,
  mac: MAC,
  firmware: 'uefi',
  architecture: 'x86_64',
  attempt: ATTEMPT,
  bootUrl: BASE,
  log: {},
  agent: undefined,
  loop: undefined,
  insists: false,
  ...differences,
});

const TABLE: readonly {
  readonly name: string;
  readonly given: Partial<ScriptQuestion>;
  readonly want: BootScript['situation'];
  readonly because?: RegExp;
  readonly spends?: BootScript['spends'];
}[] = [
  { name: 'a kernel', given: {}, want: 'kernel', spends: 'assets' },
  {
    name: 'the agent, with its token before its image',
    given: { plan: agentPlan(), agent: AGENT },
    want: 'agent',
    spends: 'assets',
  },
  {
    name: 'the agent’s image with a shell in place of the agent, whose call nobody waits for',
    given: {
      plan: { ...agentPlan(), profile: { ...agentPlan().profile, name: 'rescue-shell', args: ['ingot.rescue'] } },
      agent: AGENT,
    },
    want: 'rescue',
    spends: 'assets',
  },
  {
    name: 'a stranger for whom there is no agent waits',
    given: { plan: agentPlan() },
    want: 'hold',
    because: /no agent to boot/,
  },
  {
    name: 'a stranger that the agent does not run on waits',
    given: { plan: agentPlan(), agent: AGENT, architecture: 'arm64' },
    want: 'hold',
    because: /the agent is for x86_64, this machine says it is arm64/,
  },
  {
    name: 'a machine that was to be looked at, and cannot be, goes on to its own disk',
    given: {
      plan: { ...agentPlan(), grant: { id: 'g', machine: 'r1-u12', profile: 'agent', createdAt: 1, by: 'operator' } },
      agent: AGENT,
      architecture: 'arm64',
    },
    want: 'disk',
  },

  {
    name: 'a kernel whose failure stays in a shell',
    given: { plan: netboot({ onFailure: 'shell' }) },
    want: 'rescue',
    spends: 'assets',
  },
  {
    name: 'its own disk',
    given: { plan: { kind: 'own-disk', code: 'adopted', because: 'it is adopted' } },
    want: 'disk',
    because: /^it is adopted$/,
    spends: 'never',
  },
  { name: 'hold', given: { plan: { kind: 'hold', because: 'seen' } }, want: 'hold', spends: 'never' },
  { name: 'a menu', given: { plan: netboot({ os: 'menu' }) }, want: 'menu', spends: 'script' },
  {
    name: 'a chain',
    given: { plan: netboot({ os: 'chain', url: 'http://192.0.2.9/x' }) },
    want: 'chain',
    spends: 'script',
  },
  { name: 'a script', given: { plan: netboot({ os: 'script', script: 'exit' }) }, want: 'script', spends: 'script' },
  { name: 'a boot loop stops', given: { loop: '5 boots in 10 minutes' }, want: 'stop', because: /5 boots/ },
  { name: 'a person at the console goes on', given: { loop: '5 boots', insists: true }, want: 'kernel' },
  {
    name: 'a loop of its own disk is none of ours',
    given: { loop: '5 boots', plan: { kind: 'own-disk', code: 'no-grant', because: 'no grant' } },
    want: 'disk',
  },
  {
    name: 'no image',
    given: { plan: { ...netboot(), image: undefined } as BootPlan },
    want: 'disk',
    because: /names no image/,
  },
  {
    name: 'an image without a kernel',
    given: { plan: netboot({}, image({ assets: [{ role: 'initrd', path: '/x' }] })) },
    want: 'disk',
    because: /image rescue has no kernel/,
  },
  {
    name: 'an image for another processor',
    given: { architecture: 'arm64' },
    want: 'disk',
    because: /is for x86_64, this machine says it is arm64/,
  },
  {
    name: 'BIOS clients say i386 on 64-bit machines',
    given: { firmware: 'bios', architecture: 'i386' },
    want: 'kernel',
  },
  { name: 'an unknown processor is no reason to refuse', given: { architecture: undefined }, want: 'kernel' },
  {
    name: 'a unified image under UEFI',
    given: { plan: netboot({}, image({ assets: [{ role: 'efi', path: '/x' }] })) },
    want: 'kernel',
  },
  {
    name: 'a unified image under BIOS',
    given: { firmware: 'bios', plan: netboot({}, image({ assets: [{ role: 'efi', path: '/x' }] })) },
    want: 'disk',
    because: /UEFI only/,
  },
  { name: 'a chain without a URL', given: { plan: netboot({ os: 'chain' }) }, want: 'disk', because: /names no url/ },
  { name: 'a script without text', given: { plan: netboot({ os: 'script' }) }, want: 'disk', because: /no script/ },
  {
    name: 'an OS that is not built yet',
    given: { plan: netboot({ os: 'bottlerocket' }) },
    want: 'disk',
    because: /os: bottlerocket/,
  },
  {
    name: 'an argument that names nothing',
    given: { plan: netboot({ args: ['a={{machine.colour}}'] }) },
    want: 'disk',
    because: /args\[0\]: \{\{machine\.colour\}\} has no value/,
  },
  {
    name: 'an argument whose value cannot stand there',
    given: { plan: netboot({ args: ['quiet', 's={{machine.serial}}'] }) },
    want: 'disk',
    because: /args\[1\]: \{\{machine\.serial\}\} holds characters that cannot stand there: "S4 X1"/,
  },
  ...['||', '&&', ';', '#x', 'a\\'].map((word) => ({
    name: `an argument that would cut the line: ${word}`,
    given: { plan: netboot({ args: [`a ${word}`] }) },
    want: 'disk' as const,
    because: /would cut the line/,
  })),
  {
    name: 'a script with control characters',
    given: { plan: netboot({ os: 'script', script: 'echo \u001b[2J' }) },
    want: 'disk',
    because: /line 1: it holds control characters/,
  },
  {
    name: 'a script with a value that is none',
    given: { plan: netboot({ os: 'script', script: '#!ipxe\necho {{x}}' }) },
    want: 'disk',
    because: /line 2: \{\{x\}\} has no value/,
  },
];

describe('which script an iPXE gets', () => {
  for (const { name, given, want, because, spends } of TABLE) {
    it(name, () => {
      const script = decideBootScript(question(given));
      assert.equal(script.situation, want, script.because);
      if (because) assert.match(script.because, because);
      if (spends) assert.equal(script.spends, spends);
    });
  }
});

describe('a kernel script', () => {
  const kernel = (given: Partial<ScriptQuestion>) => {
    const { situation, data } = decideBootScript(question(given));
    assert.ok(situation === 'kernel' || situation === 'rescue');
    return data;
  };

  it('names its initrds on the command line under UEFI, where the kernel loads them itself', () => {
    const { kernelArguments, initrds } = kernel({ plan: netboot({ args: ['console=ttyS0', 'quiet'] }) });
    assert.equal(kernelArguments, 'initrd=initrd-0 initrd=initrd-1 console=ttyS0 quiet');
    assert.deepEqual(initrds[1], { name: 'initrd-1', url: `${BASE}/a/${ATTEMPT}/initrd-1` });
  });

  it('does not under BIOS, where iPXE hands them over', () => {
    assert.equal(kernel({ firmware: 'bios', plan: netboot({ args: ['quiet'] }) }).kernelArguments, 'quiet');
  });

  it('does where nothing is known, since it harms nobody', () => {
    assert.match(kernel({ firmware: 'unknown' }).kernelArguments, /^initrd=initrd-0 initrd=initrd-1$/);
  });

  it('tells an installer where its answers are, and nothing where nobody serves them', () => {
    const args = ['url={{config.preseed}}', 'apkovl={{config.apkovl}}', 'ds=nocloud;s={{config.nocloud}}'];
    const plan = netboot({ os: 'installer', writes: 'planned', args });
    const configUrl = 'http://192.0.2.1:8081/m/TOKEN';
    assert.equal(
      kernel({ firmware: 'bios', plan, configUrl }).kernelArguments,
      `url=${configUrl}/preseed apkovl=${configUrl}/apkovl.tar.gz ds=nocloud;s=${configUrl}/nocloud/`,
    );
    const without = decideBootScript(question({ plan }));
    assert.match(without.because, /\{\{config\.preseed\}\} has no value/);
    assert.equal(without.situation, 'disk');
  });

  it('interpolates values of the machine', () => {
    const args = [
      'n={{machine.name}}',
      'm={{ machine.mac }}',
      'a={{machine.address}}',
      'l={{machine.labels.rack}},{{machine.labels.a.b/c}}',
      's={{machine.site}}/{{machine.rack}}/{{machine.unit}}',
      'f={{facts.product}}-{{facts.cores}}',
      'p={{profile.name}}+{{image.name}}',
      'x={{attempt}}',
      'u={{boot.url}}/x',
      'log={{log.syslog}}',
      'c=http://192.0.2.9/c?serial={{machine.serial}}',
    ];
    const { kernelArguments } = kernel({ plan: netboot({ args }), log: { syslog: '192.0.2.1:514' }, firmware: 'bios' });
    assert.deepEqual(kernelArguments.split(' '), [
      'n=r1-u12',
      'm=52:54:00:00:00:01',
      'a=192.0.2.77',
      'l=r1,deep',
      's=home/r1/12',
      'f=PowerEdge-8',
      'p=rescue+rescue',
      `x=${ATTEMPT}`,
      `u=${BASE}/x`,
      'log=192.0.2.1:514',
      'c=http://192.0.2.9/c?serial=S4%20X1',
    ]);
  });

  it('reads no property that a fact or label only inherits', () => {
    for (const path of ['facts.constructor', 'machine.labels.__proto__', 'facts.toString', 'constructor']) {
      assert.equal(decideBootScript(question({ plan: netboot({ args: [`{{${path}}}`] }) })).situation, 'disk', path);
    }
  });

  it('is the same however often it is asked for', () => {
    assert.deepEqual(decideBootScript(question()), decideBootScript(question()));
  });
});

describe('log receivers', () => {
  it('that listen on every address are named by the one that the machine reached', () => {
    const receivers = { syslog: '0.0.0.0:514', json: '[::]:5515' };
    const at = (url: string) => Object.values(receiversAt(receivers, url));
    assert.deepEqual(at('http://192.0.2.1:8080'), ['192.0.2.1:514', '192.0.2.1:5515']);
    assert.deepEqual(at('http://[fd00::1]:8080'), ['[fd00::1]:514', '[fd00::1]:5515']);
    assert.deepEqual(at('https://boot.example'), ['boot.example:514', 'boot.example:5515']);
  });

  it('that listen on one address are named by it', () => {
    assert.deepEqual(receiversAt({ syslog: '192.0.2.7:514' }, BASE), { syslog: '192.0.2.7:514' });
  });

  it('of syslog are told to iPXE only on the port that it knows, by an IPv4 address', () => {
    const told = (syslog: string) => decideBootScript(question({ log: { syslog } })).data.syslog;
    assert.equal(told('192.0.2.1:514'), '192.0.2.1');
    assert.equal(told('192.0.2.1:5514'), undefined);
    assert.equal(told('boot.example:514'), undefined);
  });
});
