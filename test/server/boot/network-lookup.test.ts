import assert from 'node:assert/strict';
import os from 'node:os';
import { describe, it } from 'node:test';
import { sure } from '#machines/values/parsed.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { networkLookup } from '#server/boot/network-lookup.ts';
import { parseConfig } from '#server/config/parse-config.ts';

/** The loopback interface of this machine, whatever it is called: it has 127.0.0.1/8. */
const LOOPBACK = Object.entries(os.networkInterfaces()).find(([, all]) => all?.some(({ internal }) => internal))?.[0];

function lookup(config: object, address: string) {
  const read = parseConfig({ file: 'test.yaml', text: JSON.stringify(config), baseDir: '/' });
  assert.ok(read.ok, read.ok ? '' : read.issues.join('\n'));
  return networkLookup(read.config)(sure(parseIpv4(address)));
}

describe('what is configured for an address', () => {
  const subnet = { cidr: '127.0.0.0/8', mode: 'server', discovery: 'hold', advertise: 'http://127.0.0.1:1' };

  it('is the interface’s on its own link, as DHCP has it, with what the subnet advertises', () => {
    const interfaces = [{ name: LOOPBACK, mode: 'proxy', discovery: 'agent' }];
    assert.deepEqual(lookup({ interfaces, subnets: [subnet] }, '127.0.0.9'), {
      mode: 'proxy',
      discovery: 'agent',
      advertise: 'http://127.0.0.1:1',
    });
  });

  it('is the subnet’s where the interface is off, or another', () => {
    const interfaces = [{ name: LOOPBACK, mode: 'off', discovery: 'agent' }];
    assert.deepEqual(lookup({ interfaces, subnets: [subnet] }, '127.0.0.9'), {
      mode: 'server',
      discovery: 'hold',
      advertise: 'http://127.0.0.1:1',
    });
    const far = { cidr: '10.9.0.0/24', discovery: 'agent' };
    const direct = [{ name: LOOPBACK, mode: 'server', discovery: 'off' }];
    assert.equal(lookup({ interfaces: direct, subnets: [far] }, '10.9.0.7').discovery, 'agent');
  });

  it('is nothing where nothing is', () => {
    assert.deepEqual(lookup({}, '192.0.2.1'), { mode: 'off', discovery: 'off', advertise: undefined });
  });
});
