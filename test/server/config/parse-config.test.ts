import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parseConfig } from '#server/config/parse-config.ts';

const issuesOf = (text: string): readonly string[] => {
  const result = parseConfig({ file: 'ingot.yaml', text, baseDir: '/srv/ingot' });
  return result.ok ? [] : result.issues;
};

const BAD: readonly { readonly name: string; readonly text: string; readonly want: RegExp }[] = [
  {
    name: 'an unknown key names the nearest known one',
    text: 'intrfaces: []',
    want: /^ingot\.yaml:1:1: intrfaces: .*did you mean interfaces\?/,
  },
  {
    name: 'an unknown key inside a list is found where it stands',
    text: 'subnets:\n  - cidr: 10.0.0.0/24\n    pols: []',
    want: /^ingot\.yaml:3:5: subnets\[0\]\.pols: .*pools\?/,
  },
  {
    name: 'a host name of the operator API is no URL',
    text: 'api:\n  hostNames: ["http://ingot.lab"]',
    want: /^ingot\.yaml:2:15: api\.hostNames\[0\]: .*want a host name such as ingot\.lab, without http/,
  },
  {
    name: 'a prefix with host bits says the network address',
    text: 'subnets:\n  - { cidr: 10.0.0.7/24 }',
    want: /^ingot\.yaml:2:7: .*"10\.0\.0\.7\/24".*10\.0\.0\.0\/24/,
  },
  {
    name: 'a prefix that is none says what one looks like',
    text: 'subnets: [{ cidr: 10.0.0.0/33 }]',
    want: /^ingot\.yaml:1:13: .*want a prefix such as/,
  },
  {
    name: 'pools of one subnet that overlap',
    text: 'subnets:\n  - cidr: 10.0.0.0/24\n    pools:\n      - 10.0.0.10-10.0.0.20\n      - 10.0.0.20-10.0.0.30\n',
    want: /^ingot\.yaml:5:9: subnets\[0\]\.pools\[1\]: .*overlaps 10\.0\.0\.10-10\.0\.0\.20/,
  },
  {
    name: 'a pool outside its subnet',
    text: 'subnets: [{ cidr: 10.0.0.0/24, pools: [10.0.1.1-10.0.1.2] }]',
    want: /10\.0\.1\.1-10\.0\.1\.2 is not in 10\.0\.0\.0\/24/,
  },
  {
    name: 'a pool that would lease the router',
    text: 'subnets: [{ cidr: 10.0.0.0/24, router: 10.0.0.1, pools: [10.0.0.1-10.0.0.9] }]',
    want: /holds the router 10\.0\.0\.1/,
  },
  {
    name: 'the same prefix twice',
    text: 'subnets:\n  - cidr: 10.0.0.0/24\n  - cidr: 10.0.0.0/24',
    want: /^ingot\.yaml:3:5: .*10\.0\.0\.0\/24 is listed twice/,
  },
  {
    name: 'subnets that overlap',
    text: 'subnets: [{ cidr: 10.0.0.0/16 }, { cidr: 10.0.3.0/24 }]',
    want: /overlaps 10\.0\.0\.0\/16/,
  },
  { name: 'an interface twice', text: 'interfaces: [{ name: eth1 }, { name: eth1 }]', want: /eth1 is listed twice/ },
  {
    name: 'a mode that is none',
    text: 'interfaces: [{ name: eth1, mode: prox }]',
    want: /got "prox", want server \| proxy \| off; did you mean proxy\?/,
  },
  {
    name: 'server mode without a subnet to lease from',
    text: 'interfaces: [{ name: eth1, mode: server }]',
    want: /^ingot\.yaml:1:28: interfaces\[0\]\.mode: .*none is listed/,
  },
  {
    name: 'a port alone is no place to listen',
    text: 'boot: { listen: 8080 }',
    want: /^ingot\.yaml:1:9: boot\.listen: got 8080, want a string/,
  },
  { name: 'YAML that does not parse', text: 'boot: { listen: ', want: /^ingot\.yaml:1:\d+: / },
  { name: 'a second document', text: 'site: a\n---\nsite: b', want: /^ingot\.yaml:3:1: got a second document/ },
  { name: 'a key twice', text: 'site: a\nsite: b', want: /^ingot\.yaml:2:1: Map keys must be unique/ },
];

describe('configuration', () => {
  for (const { name, text, want } of BAD) {
    it(`refuses ${name}`, () => {
      const issues = issuesOf(text);
      assert.equal(issues.length, 1, issues.join('\n'));
      assert.match(issues[0] ?? '', want);
    });
  }

  it('reports every wrong thing at once', () => {
    assert.equal(issuesOf('site: A\nlog: { level: loud }\nboot: { lissen: x }').length, 3);
  });

  it('takes an empty file for the defaults', () => {
    const result = parseConfig({ file: 'ingot.yaml', text: '', baseDir: '/srv/ingot' });
    assert.ok(result.ok);
    assert.equal(result.config.dataDir, '/srv/ingot/data');
    assert.deepEqual(result.config.api.listen, { address: '127.0.0.1', port: 4680 });
    assert.deepEqual(result.config.interfaces, []);
  });

  it('reads the reference file that ships', () => {
    const text = readFileSync(new URL('../../../deploy/ingot.yaml', import.meta.url), 'utf8');
    const result = parseConfig({ file: 'ingot.yaml', text, baseDir: '/srv/ingot' });
    assert.ok(result.ok, result.ok ? '' : result.issues.join('\n'));
    assert.equal(result.config.subnets[0]?.pools[0]?.first, '192.168.77.100');
  });
});
