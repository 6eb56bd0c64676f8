import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from '#server/config/config.ts';
import { configChange, withRuntimeSettings } from '#server/config/config-change.ts';
import { parseConfig } from '#server/config/parse-config.ts';

function config(text: string): Config {
  const read = parseConfig({ file: 'ingot.yaml', text, baseDir: '/srv' });
  assert.ok(read.ok);
  return read.config;
}

const SUBNET = 'subnets: [{ cidr: 192.0.2.0/24, pools: [192.0.2.10-192.0.2.20] }]';

for (const [name, before, after, now, afterRestart] of [
  ['nothing differs', SUBNET, SUBNET, [], []],
  ['a default that is written out is no change', '', 'log: { level: info }', [], []],
  ['the level of the log', '', 'log: { level: debug }', ['log'], []],
  ['a subnet that came', '', SUBNET, ['subnets'], []],
  [
    'an interface of another mode',
    'interfaces: [{ name: eth1 }]',
    'interfaces: [{ name: eth1, mode: off }]',
    ['interfaces'],
    [],
  ],
  ['one address of several', '', 'machine: { listen: 0.0.0.0:9 }', [], ['machine.listen']],
  ['both kinds', '', 'boot: { listen: 0.0.0.0:9, advertise: "http://192.0.2.1" }', ['boot.advertise'], ['boot.listen']],
  ['the store', '', 'store: { kind: postgres, url: "postgres://u@h/d" }', [], ['store']],
  ['a place that goes away', 'syslog: { listen: 0.0.0.0:514 }', '', [], ['syslog']],
] as const) {
  test(name, () => assert.deepEqual(configChange(config(before), config(after)), { now, afterRestart }));
}

test('what runs takes what can change, and keeps the rest', () => {
  const before = config('tftp: { listen: 127.0.0.1:69 }');
  const after = config(
    `tftp: { listen: 127.0.0.1:70 }\n${SUBNET}\nboot: { listen: 127.0.0.1:9, advertise: "http://a" }`,
  );
  const runs = withRuntimeSettings(before, after);
  assert.deepEqual(runs.tftp, before.tftp);
  assert.deepEqual(runs.boot, { listen: before.boot.listen, advertise: 'http://a' });
  assert.equal(runs.subnets.length, 1);
});
