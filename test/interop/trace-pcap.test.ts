import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Ipv4 } from '#machines/values/ip-address.ts';
import { type Datagram, encodePcap } from '#services/trace/wire/pcap.ts';
import { encodeTftp } from '#server/tftp/wire/packet.ts';
import { need } from '#test/lab/need.ts';

const run = promisify(execFile);

const CLIENT = { address: '0.0.0.0' as Ipv4, port: 68 };
const EVERYBODY = { address: '255.255.255.255' as Ipv4, port: 67 };
const SERVER = { address: '192.168.77.1' as Ipv4, port: 67 };
const RECORDED = [
  { name: 'ovmf-discover', source: CLIENT, destination: EVERYBODY },
  { name: 'dnsmasq-offer', source: SERVER, destination: { ...EVERYBODY, port: 68 } },
  { name: 'udhcpc-request-selecting', source: CLIENT, destination: EVERYBODY },
  { name: 'dnsmasq-ack', source: SERVER, destination: { ...EVERYBODY, port: 68 } },
] as const;

test('tshark reads what a trace wrote: addresses, checksums, DHCP and TFTP', { timeout: 60_000 }, async (t) => {
  const tools = need(t, ['tshark']);
  if (!tools) return;
  const dir = await mkdtemp(join(tmpdir(), 'ingot-pcap-'));
  t.after(() => rm(dir, { recursive: true }));
  const datagrams: Datagram[] = await Promise.all(
    RECORDED.map(async ({ name, source, destination }, index) => ({
      at: 1_750_000_000_000 + index,
      source,
      destination,
      payload: new Uint8Array(await readFile(`test/golden/dhcp4/${name}.bin`)),
    })),
  );
  const rrq = encodeTftp({ kind: 'RRQ', filename: 'ipxe/undionly.kpxe', mode: 'octet', options: [] });
  const asker = { address: '192.168.77.100' as Ipv4, port: 2070 };
  datagrams.push({ at: 1_750_000_000_010, source: asker, destination: { ...SERVER, port: 69 }, payload: rrq });
  const file = join(dir, 'trace.pcap');
  await writeFile(file, encodePcap(datagrams));
  const fields = [
    'ip.src',
    'udp.dstport',
    'dhcp.option.dhcp',
    'ip.checksum.status',
    'udp.checksum.status',
    'tftp.source_file',
  ];
  const { stdout } = await run(
    tools.tshark,
    [
      '-r',
      file,
      '-o',
      'ip.check_checksum:TRUE',
      '-o',
      'udp.check_checksum:TRUE',
      '-T',
      'fields',
      '-E',
      'separator=,',
    ].concat(fields.flatMap((field) => ['-e', field])),
    { timeout: 50_000 },
  );
  // Status 1 is good; types are 1 DISCOVER, 2 OFFER, 3 REQUEST, 5 ACK (RFC 2132 §9.6).
  assert.deepEqual(stdout.trim().split('\n'), [
    '0.0.0.0,67,1,1,1,',
    '192.168.77.1,68,2,1,1,',
    '0.0.0.0,67,3,1,1,',
    '192.168.77.1,68,5,1,1,',
    '192.168.77.100,69,,1,1,ipxe/undionly.kpxe',
  ]);
});
