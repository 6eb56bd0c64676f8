import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { readNeighbour } from '#machines/agent/inventory/read-neighbours.ts';
import { openSource } from '#machines/agent/inventory/source.ts';
import { decodeLldpFrame } from '#machines/agent/inventory/wire/lldp.ts';
import { openLab } from '../../lab/lab.ts';
import { need } from '../../lab/need.ts';
import { fakeHost } from '../../machines/agent/fake-host.ts';
import { SWITCH } from '../../machines/agent/inventory/lldp-frames.ts';

const NEIGHBOUR = {
  chassis: '02:00:00:aa:bb:00',
  port: 'Ethernet1/7',
  portText: 'to rack 3, unit 12',
  system: 'tor-3.example.net',
  vlan: 42,
  managementAddress: '192.0.2.1',
};

/** A file of one Ethernet frame, as tcpdump writes it. */
function pcap(frame: Uint8Array): Uint8Array {
  const file = new Uint8Array(40 + frame.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, 0xa1b2c3d4, true);
  view.setUint16(4, 2, true);
  view.setUint16(6, 4, true);
  view.setUint32(16, 65_535, true);
  view.setUint32(20, 1, true);
  view.setUint32(32, frame.length, true);
  view.setUint32(36, frame.length, true);
  file.set(frame, 40);
  return file;
}

it('a frame says to tshark what it says to us', async (t) => {
  const tools = need(t, ['tshark']);
  if (!tools) return;
  const folder = await mkdtemp(join(tmpdir(), 'ingot-lldp-'));
  try {
    await writeFile(join(folder, 'frame.pcap'), pcap(SWITCH));
    const fields = [
      'chassis.id.mac',
      'port.id',
      'port.desc',
      'tlv.system.name',
      'ieee.802_1.port_vlan.id',
      'mgn.addr.ip4',
    ];
    const text = execFileSync(
      tools.tshark,
      [
        ...['-r', join(folder, 'frame.pcap'), '-T', 'fields', '-E', 'separator=|'],
        ...fields.flatMap((field) => ['-e', `lldp.${field}`]),
      ],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000 },
    );
    const result = decodeLldpFrame(SWITCH);
    assert.ok(result.ok);
    const { chassis, port, portText, system, vlan, managementAddress } = result.neighbour;
    const said = text.trim().split('|');
    // tshark shows the VLAN in hexadecimal or decimal, by its version.
    assert.deepEqual([...said.slice(0, 4), said[5]], [chassis, port, portText, system, managementAddress]);
    assert.equal(Number(said[4]), vlan);
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('a switch is heard on a cable through tcpdump', async (t) => {
  const tools = need(t, ['root', 'netns', 'ip', 'tcpdump', 'pyghmi']);
  if (!tools) return;
  await using lab = openLab();
  await using machine = await fakeHost({});
  const stop = new AbortController();
  // Node has no packet sockets: Debian's Python says it every tenth of a second, as a switch does every 30.
  const speaker = `import socket,time
s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW)
s.bind(("s0",0))
while True:
  s.send(bytes.fromhex("${Buffer.from(SWITCH).toString('hex')}"))
  time.sleep(0.1)`;
  const sender = lab.start(['/usr/bin/python3', '-c', speaker]);
  const host = {
    ...machine.host,
    async run(tool: string, args: readonly string[]) {
      assert.equal(tool, 'tcpdump');
      const ended = await lab.run([tools.tcpdump, ...args], 20_000, { place: 'client' });
      return { status: ended.status ?? 128, stdout: ended.output, stderr: '' };
    },
  };
  const source = openSource({ host, signal: stop.signal });
  assert.deepEqual(await readNeighbour(source, 'c0', 20_000), NEIGHBOUR, source.gaps.join());
  assert.deepEqual(source.gaps, []);
  await sender.stop();
});
