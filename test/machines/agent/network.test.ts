import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readCommandLine } from '#machines/agent/decide/command-line.ts';
import type { HostAddress } from '#machines/agent/host.ts';
import { openAgentLog } from '#machines/agent/log.ts';
import { bringUpNetwork } from '#machines/agent/network.ts';
import { fakeHost } from './fake-host.ts';

const PIN = Buffer.alloc(32, 1).toString('base64');
const FILES = {
  '/sys/class/net/lo/address': '00:00:00:00:00:00\n',
  '/sys/class/net/eth0/address': '52:54:00:00:00:09\n',
  '/sys/class/net/eth0/device/vendor': '0x1af4\n',
  // A bond has the address of its NIC, and no device.
  '/sys/class/net/bond0/address': '52:54:00:00:00:01\n',
};
const NIC = { '/sys/class/net/eth1/address': '52:54:00:00:00:01\n', '/sys/class/net/eth1/device/vendor': '0x1af4\n' };
const CARRIER = { '/sys/class/net/eth1/carrier': '1\n' };

/** A machine whose tools do what `happens` says, on the way to its network. */
async function starting(parts: {
  readonly words?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly happens: (line: string, addresses: HostAddress[]) => void;
}) {
  const addresses: HostAddress[] = [{ link: 'eth1', address: 'fe80::1', prefixLength: 64, family: 'inet6' }];
  const machine = await fakeHost({
    addresses,
    files: { ...FILES, ...NIC, ...CARRIER, ...parts.files },
    tool(line) {
      parts.happens(line, addresses);
      // A DHCP client runs for ever; the fake one ends, and is begun again.
      return line.includes('udhcpc') ? { status: 1 } : {};
    },
  });
  const { host } = machine;
  const log = openAgentLog({ host, print: () => {} });
  const read = readCommandLine(
    `ingot.url=https://192.0.2.1 ingot.pin=${PIN} ingot.attempt=a1 BOOTIF=01-52-54-00-00-00-01 ${parts.words ?? ''}`,
  );
  assert.ok(read.ok);
  const told: string[] = [];
  const stop = new AbortController();
  const up = bringUpNetwork({
    host,
    settings: read.settings,
    log,
    told: (text) => void told.push(text),
    signal: stop.signal,
  });
  return { machine, host, log, told, up, stop };
}

const v4 = (link: string, address: string): HostAddress => ({ link, address, prefixLength: 24, family: 'inet4' });

describe('the network of an agent', () => {
  it('is the NIC that the machine booted from, and no other, by DHCP', async () => {
    const start = await starting({
      happens: (line, addresses) => line.includes('udhcpc') && addresses.push(v4('eth1', '192.0.2.7')),
    });
    await using machine = start.machine;
    await using network = await start.up;
    assert.equal(network.link, 'eth1');
    assert.deepEqual(
      network.addresses().map(({ address }) => address),
      ['192.0.2.7'],
    );
    assert.equal(machine.ran[0], 'busybox ip link set dev eth1 up');
    assert.match(machine.ran[1] ?? '', /^busybox udhcpc -f -i eth1 -s \/run\/ingot\/udhcpc /);
    assert.ok(machine.ran.every((line) => !/eth0|bond0/.test(line)));
    assert.match(await readFile(join(start.host.root, '/run/ingot/udhcpc'), 'utf8'), /^#!\/bin\/busybox sh\n/);
    assert.deepEqual(start.told, [
      'waiting for the link of eth1: is its cable in?',
      'waiting for an address by DHCP on eth1',
    ]);
  });

  it('is the address that the command line gives, tagged where it says so', async () => {
    const start = await starting({
      words: 'ip=192.0.2.7::192.0.2.1:255.255.255.0::::192.0.2.53 ingot.vlan=12',
      files: { '/etc/resolv.conf': '' },
      happens: (line, addresses) =>
        line.includes('ip addr add') && addresses.push({ ...v4('eth1.12', '192.0.2.7'), prefixLength: 24 }),
    });
    await using machine = start.machine;
    await using network = await start.up;
    assert.equal(network.link, 'eth1.12');
    assert.deepEqual(machine.ran, [
      'busybox ip link set dev eth1 up',
      'busybox ip link add link eth1 name eth1.12 type vlan id 12',
      'busybox ip link set dev eth1.12 up',
      'busybox ip addr add 192.0.2.7/24 dev eth1.12',
      'busybox ip route replace default via 192.0.2.1 dev eth1.12',
    ]);
    assert.equal(await readFile(join(start.host.root, '/etc/resolv.conf'), 'utf8'), 'nameserver 192.0.2.53\n');
  });

  it('waits for a NIC whose driver comes late, and says which are there', async () => {
    const start = await starting({
      files: { '/sys/class/net/eth1/address': '52:54:00:00:00:08\n' },
      happens: (line, addresses) => line.includes('udhcpc') && addresses.push(v4('eth1', '192.0.2.7')),
    });
    await using machine = start.machine;
    while (start.told.length === 0) await new Promise(setImmediate);
    assert.match(start.told[0] ?? '', /^waiting for the NIC 52:54:00:00:00:01 .*; eth0 52:54:00:00:00:09, eth1/);
    assert.deepEqual(machine.ran, []);
    await machine.put('/sys/class/net/eth1/address', '52:54:00:00:00:01\n');
    await using network = await start.up;
    assert.equal(network.link, 'eth1');
  });

  it('ends with the signal, whatever it waits for', async () => {
    const start = await starting({ happens: () => {} });
    await using machine = start.machine;
    while (!machine.ran.some((line) => line.includes('udhcpc'))) await new Promise(setImmediate);
    start.stop.abort(new Error('enough'));
    await assert.rejects(start.up);
  });
});
