import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { type Lab, openLab } from '#test/lab/lab.ts';
import { need } from '#test/lab/need.ts';
import { LEASING, startDhcp4 } from './dhcp4-lab.ts';

const UEFI = [
  '-V',
  'PXEClient:Arch:00007:UNDI:003000',
  '-x',
  '0x5d:0007',
  '-O',
  'bootfile',
  '-O',
  'tftp',
  '-O',
  'vendor',
] as const;
const MAC = '52:54:00:00:00:01';
const LIVE = { macs: [sure(parseMacAddress(MAC))], profile: 'live' };

/** udhcpc in the client's namespace: one lease or none, and what it was told. */
function udhcpcIn(lab: Lab, tools: { readonly busybox: string; readonly ip: string }) {
  const script = join(lab.folder, 'udhcpc.sh');
  const told =
    '$1 ip=$ip siaddr=$siaddr boot_file=$boot_file bootfile=$bootfile tftp=$tftp server=$serverid msg=$message';
  writeFileSync(
    script,
    `#!/bin/sh
case "$1" in
  bound|renew) ${tools.ip} address replace "$ip/24" dev "$interface" ;;
  deconfig) ${tools.ip} address flush dev "$interface" ;;
esac
echo "${told}"
`,
  );
  chmodSync(script, 0o755);
  return (...args: readonly string[]) =>
    lab.run(
      [
        tools.busybox,
        'udhcpc',
        '-f',
        '-q',
        '-n',
        '-i',
        lab.clientInterface,
        '-s',
        script,
        '-t',
        '3',
        '-T',
        '2',
        ...args,
      ],
      30_000,
      { place: 'client', name: 'udhcpc' },
    );
}

const ipIn =
  (lab: Lab, ip: string, place: 'server' | 'client') =>
  async (...args: readonly string[]) => {
    const { status, output } = await lab.run([ip, ...args], 10_000, { place, name: 'ip' });
    assert.equal(status, 0, output);
  };

const setMac = (lab: Lab, ip: string) => ipIn(lab, ip, 'client')('link', 'set', lab.clientInterface, 'address', MAC);

/** Two more hosts on the segment, behind the client's cable: `rival0`, which has an address, and `pc0`. */
async function addHosts(lab: Lab, ip: string, rivalAddress: string): Promise<void> {
  const run = ipIn(lab, ip, 'client');
  for (const name of ['rival0', 'pc0']) {
    await run('link', 'add', name, 'link', lab.clientInterface, 'type', 'macvlan', 'mode', 'bridge');
    if (name === 'pc0') await run('link', 'set', name, 'address', MAC);
    await run('link', 'set', name, 'up');
  }
  await run('address', 'add', `${rivalAddress}/24`, 'dev', 'rival0');
}

/** dnsmasq as the server that was there before us. */
async function startRival(
  lab: Lab,
  tools: { readonly ip: string; readonly dnsmasq: string },
  more: readonly string[] = ['--no-ping'],
): Promise<void> {
  await addHosts(lab, tools.ip, '192.168.77.9');
  const flags = [
    '--no-daemon',
    '--conf-file=/dev/null',
    '--user=root',
    '--port=0',
    '--log-dhcp',
    '--interface=rival0',
    '--bind-interfaces',
    ...more,
  ];
  const rival = lab.start(
    [
      tools.dnsmasq,
      ...flags,
      `--dhcp-leasefile=${join(lab.folder, 'rival')}`,
      '--dhcp-range=192.168.77.30,192.168.77.40,1h',
    ],
    { name: 'dnsmasq', place: 'client' },
  );
  await rival.waitForOutput(/DHCP, IP range/, 10_000);
}

describe('beside others on the network', () => {
  test('a proxy tells what to boot, while dnsmasq leases the address', { timeout: 90_000 }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip', 'busybox', 'dnsmasq']);
    if (!tools) return;
    await using lab = openLab();
    await startRival(lab, tools);
    const daemon = await startDhcp4(lab, { interfaces: [{ name: 'br0', mode: 'proxy' }], machines: [LIVE] });
    const client = await udhcpcIn(lab, tools)(...UEFI, '-i', 'pc0');
    assert.match(client.output, /^bound ip=192\.168\.77\.[34]\d .*server=192\.168\.77\.9/m);
    // udhcpc merges no offers; that ours was sent, and what the client did, our trace knows.
    await daemon.waitForOutput(
      /"kind":"dhcp-answered","message":"OFFER",.*"proxy":true,.*"bootFile":"ipxe\/x86_64\/snponly\.efi"/,
      10_000,
    );
    await daemon.waitForOutput(/"kind":"other-dhcp","serverId":"192\.168\.77\.9"/, 10_000);
    assert.doesNotMatch(daemon.output(), /"message":"ACK"/);
  });

  test('a server that finds dnsmasq leasing gives no lease, and says who is there', { timeout: 90_000 }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip', 'busybox', 'dnsmasq']);
    if (!tools) return;
    await using lab = openLab();
    // As it comes: it pings for three seconds before it offers an address to somebody new.
    await startRival(lab, tools, []);
    const daemon = await startDhcp4(lab, LEASING);
    assert.match(daemon.output(), /gives no new leases: another DHCP server leases addresses on br0: 192\.168\.77\.9/);
    const client = await udhcpcIn(lab, tools)('-i', 'pc0');
    assert.match(client.output, /server=192\.168\.77\.9/);
    assert.doesNotMatch(daemon.output(), /OFFER 192/);
  });

  test('a server that was told to does lease beside dnsmasq', { timeout: 90_000 }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip', 'busybox', 'dnsmasq']);
    if (!tools) return;
    await using lab = openLab();
    await startRival(lab, tools);
    const daemon = await startDhcp4(lab, { ...LEASING, dhcp: { besideOtherServer: true, conflictProbe: false } });
    await udhcpcIn(lab, tools)('-i', 'pc0');
    await daemon.waitForOutput(/OFFER 192\.168\.77\.100/, 10_000);
  });

  test('of two Ingots the later one stays silent, and answers when the first is gone', {
    timeout: 120_000,
  }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip', 'busybox']);
    if (!tools) return;
    await using lab = openLab();
    await ipIn(lab, tools.ip, 'client')('address', 'add', '192.168.77.2/24', 'dev', 'c0');
    const first = await startDhcp4(lab, LEASING);
    const second = await startDhcp4(
      lab,
      {
        ...LEASING,
        interfaces: [{ name: 'c0', mode: 'server' }],
        limits: { addressPollMs: 500, rivalAgainMs: { calm: 60_000, restrained: 1000 } },
      },
      'client',
    );
    assert.match(second.output(), /stays silent: another Ingot answers here since before us: 192\.168\.77\.1/);
    await first.stop();
    await second.waitForOutput(/answers again/, 60_000);
  });

  test('isc-dhcp-relay in front: the client is leased, and option 82 comes back', { timeout: 90_000 }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip', 'busybox', 'dhcrelay']);
    if (!tools) return;
    await using lab = openLab();
    // The relay stands in the client's namespace, its clients behind another cable of it.
    const inClient = ipIn(lab, tools.ip, 'client');
    await inClient('address', 'add', '192.168.77.2/24', 'dev', 'c0');
    await inClient('link', 'add', 'down0', 'type', 'veth', 'peer', 'name', 'pc0');
    await inClient('address', 'add', '10.5.0.1/24', 'dev', 'down0');
    await inClient('link', 'set', 'down0', 'up');
    await inClient('link', 'set', 'pc0', 'up');
    await ipIn(lab, tools.ip, 'server')('route', 'add', '10.5.0.0/24', 'via', '192.168.77.2');
    const daemon = await startDhcp4(lab, {
      ...LEASING,
      subnets: [
        ...(LEASING.subnets ?? []),
        { cidr: '10.5.0.0/24', pools: ['10.5.0.100-10.5.0.110'], router: '10.5.0.1' },
      ],
      dhcp: { conflictProbe: false },
      machines: [LIVE],
    });
    const relay = lab.start([tools.dhcrelay, '-4', '-d', '-a', '-id', 'down0', '-iu', 'c0', '192.168.77.1'], {
      place: 'client',
      name: 'dhcrelay',
    });
    await relay.waitForOutput(/Sending on\s+Socket\/fallback/, 10_000);
    await inClient('link', 'set', 'pc0', 'address', MAC);
    const client = await udhcpcIn(lab, tools)(...UEFI, '-i', 'pc0');
    assert.match(
      client.output,
      /^bound ip=10\.5\.0\.100 siaddr=192\.168\.77\.1 .*server=192\.168\.77\.1/m,
      client.output,
    );
    await daemon.waitForOutput(/"relay":\{"giaddr":"10\.5\.0\.1","circuitId":"down0"\}/, 10_000);
  });

  test('an address that somebody uses is not offered', { timeout: 60_000 }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip', 'busybox']);
    if (!tools) return;
    await using lab = openLab();
    await addHosts(lab, tools.ip, '192.168.77.100');
    const daemon = await startDhcp4(lab, LEASING);
    const client = await udhcpcIn(lab, tools)('-i', 'pc0');
    assert.match(client.output, /^bound ip=192\.168\.77\.101/m, client.output);
    assert.match(daemon.output(), /an address of the pool is used by somebody unknown/);
  });

  test('an address that its client finds in use is heard of, and not given again', { timeout: 60_000 }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip', 'busybox']);
    if (!tools) return;
    await using lab = openLab();
    await addHosts(lab, tools.ip, '192.168.77.100');
    const daemon = await startDhcp4(lab, { ...LEASING, dhcp: { conflictProbe: false } });
    const client = await udhcpcIn(lab, tools)('-i', 'pc0', '-a');
    assert.match(client.output, /^bound ip=192\.168\.77\.101/m, client.output);
    assert.match(daemon.output(), /it found 192\.168\.77\.100 in use/);
  });

  test('two interfaces at once, each in its own mode', { timeout: 90_000 }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip', 'busybox']);
    if (!tools) return;
    await using lab = openLab();
    const server = ipIn(lab, tools.ip, 'server');
    await server('link', 'add', 's1', 'type', 'veth', 'peer', 'name', 'c1', 'netns', lab.namespaces.client);
    await server('address', 'add', '10.6.0.1/24', 'dev', 's1');
    await server('link', 'set', 's1', 'up');
    await ipIn(lab, tools.ip, 'client')('link', 'set', 'c1', 'up');
    await setMac(lab, tools.ip);
    const subnets = [...(LEASING.subnets ?? []), { cidr: '10.6.0.0/24', pools: ['10.6.0.100-10.6.0.110'] }];
    const daemon = await startDhcp4(lab, {
      subnets,
      interfaces: [
        { name: 's1', mode: 'server' },
        { name: 'br0', mode: 'proxy' },
      ],
      machines: [LIVE],
    });
    const leased = await udhcpcIn(lab, tools)('-i', 'c1');
    assert.match(leased.output, /^bound ip=10\.6\.0\.100 .*server=10\.6\.0\.1 /m);
    const unleased = await udhcpcIn(lab, tools)(...UEFI, '-t', '1', '-T', '1');
    // udhcpc takes a proxy's offer for a lease of no address.
    assert.doesNotMatch(unleased.output, /^bound ip=[^0]/m);
    await daemon.waitForOutput(/"message":"OFFER".*"proxy":true.*"serverId":"192\.168\.77\.1"/, 10_000);
  });
});

describe('load and foreign code', () => {
  test('perfdhcp: a thousand exchanges at a modest rate, none lost', { timeout: 90_000 }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip', 'perfdhcp']);
    if (!tools) return;
    await using lab = openLab();
    await ipIn(lab, tools.ip, 'client')('address', 'add', '192.168.77.2/24', 'dev', 'c0');
    await startDhcp4(lab, {
      ...LEASING,
      subnets: [
        { cidr: '192.168.77.0/24' },
        { cidr: '10.20.0.0/16', pools: ['10.20.1.0-10.20.250.255'], relays: ['192.168.77.2'] },
      ],
    });
    const { output } = await lab.run(
      [tools.perfdhcp, '-4', '-l', 'c0', '-r', '200', '-n', '1000', '-R', '1000', '-W', '500000', '192.168.77.1'],
      40_000,
      { place: 'client' },
    );
    const drops = [...output.matchAll(/^drops: (\d+)$/gm)].map((match) => Number(match[1]));
    assert.deepEqual(drops, [0, 0], output);
    assert.match(output, /^received packets: 1000$/m);
  });

  test('the client of the npm package `dhcp` understands our OFFER', { timeout: 60_000 }, async (t) => {
    const tools = need(t, ['root', 'netns', 'ip']);
    if (!tools) return;
    await using lab = openLab();
    await ipIn(lab, tools.ip, 'client')('address', 'add', '192.168.77.2/24', 'dev', 'c0');
    await ipIn(lab, tools.ip, 'client')('route', 'add', '255.255.255.255', 'dev', 'c0');
    await startDhcp4(lab, LEASING);
    const program = fileURLToPath(new URL('dhcp4-npm-client.ts', import.meta.url));
    const { output } = await lab.run([process.execPath, program], 20_000, { place: 'client', name: 'npm-dhcp' });
    // Its REQUEST names neither server nor address (0.2.20 fills them in after it was sent), so no server can ACK it.
    assert.match(
      output,
      /^heard {"type":2,"yiaddr":"192\.168\.77\.100","server":"192\.168\.77\.1","mask":"255\.255\.255\.0","lease":3600}$/m,
      output,
    );
  });
});
