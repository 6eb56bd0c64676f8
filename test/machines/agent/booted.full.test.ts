import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BOOT_TOKEN_FILE } from '#machines/contract/agent.ts';
import { only, openMachineApi } from '#services/machine-api/client.ts';
import { loadMachineApi } from '#services/machine-api/definition.ts';
import { encodeCpio } from '#test/lab/cpio.ts';
import { need } from '#test/lab/need.ts';
import { startAgentGuest } from '../../e2e/agent-guest.ts';
import { agentImage } from '../../e2e/agent-image.ts';
import { fakePlane, TOKEN } from './fake-plane.ts';

const MAC = '52:54:00:00:00:0a';
const DISK_BYTES = 64 << 20;

test('the agent on a machine: network, registration, inventory, logs, work on its disk, power off', async (t) => {
  const tools = need(t, ['root', 'qemu-system-x86_64']);
  if (!tools) return;
  const image = await agentImage({ variant: 'vm' });
  const folder = mkdtempSync(join(tmpdir(), 'ingot-agent-booted-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const token = encodeCpio([
    { path: 'etc', kind: 'folder' },
    { path: 'etc/ingot', kind: 'folder' },
    { path: BOOT_TOKEN_FILE.slice(1), kind: 'file', content: Buffer.from(`${TOKEN}\n`) },
  ]);
  const whole = readFileSync(image.initrd);
  const padding = Buffer.alloc((4 - (whole.length % 4)) % 4);
  const initrd = join(folder, 'initrd');
  writeFileSync(initrd, Buffer.concat([whole, padding, token]));
  const disk = join(folder, 'disk');
  writeFileSync(disk, randomBytes(1 << 20));
  truncateSync(disk, DISK_BYTES);

  await using plane = await fakePlane({ forwardedFrom: '127.0.0.1' });
  const port = await freePort();
  const words = [
    `ingot.url=https://10.0.2.2:${new URL(plane.url).port}`,
    `ingot.pin=${plane.pin}`,
    'ingot.attempt=a1',
    `BOOTIF=01-${MAC.replaceAll(':', '-')}`,
  ];
  await using guest = startAgentGuest({
    qemu: tools['qemu-system-x86_64'],
    vmlinuz: image.vmlinuz,
    initrd,
    commandLine: `${image.manifest.commandLine} ${words.join(' ')}`,
    extraArgs: [
      ...['-nic', `user,model=virtio-net-pci,mac=${MAC},hostfwd=tcp:127.0.0.1:${port}-:50000`],
      ...['-drive', `file=${disk},if=none,id=d0,format=raw`, '-device', 'virtio-blk-pci,drive=d0,serial=S-vda'],
      ...['-smbios', 'type=1,serial=SN-1,uuid=00112233-4455-6677-8899-aabbccddeeff'],
    ],
  });
  await guest.waitFor(/registering at 10\.0\.2\.2/, 240_000);
  const { body } = await plane.got('register', () => true, 0, 60_000);
  assert.deepEqual([body.bootMac, body.macs, body.serial], [MAC, [MAC], 'SN-1']);
  assert.equal(body.uuid, '00112233-4455-6677-8899-aabbccddeeff');
  assert.ok(body.addresses.includes('10.0.2.15'));
  const sent = await plane.got('inventory', () => true, 0, 60_000);
  t.diagnostic(`gaps of the inventory: ${sent.body.gaps.join('; ') || 'none'}`);
  const planned = sent.body.disks.find(({ serial }) => serial === 'S-vda');
  assert.deepEqual([planned?.name, planned?.bytes, planned?.transport], ['vda', DISK_BYTES, 'virtio']);
  assert.ok(planned?.name);
  await plane.got(
    'logs',
    ({ body: { lines } }) => lines.some(({ text }) => text.startsWith('Linux version ')),
    0,
    60_000,
  );

  const definition = loadMachineApi();
  const own = await plane.authority.client(['os:admin']);
  const trust = { kind: 'mutual', ca: plane.authority.ca, ...own } as const;
  const signal = AbortSignal.timeout(60_000);
  using client = await openMachineApi({ definition, address: '127.0.0.1', port, trust, signal });
  assert.equal(only(await client.call('/machine.MachineService/Hostname', {})).hostname, 'r1-u12');
  assert.equal(only(await client.call('/machine.MachineService/Version', {})).platform?.mode, 'agent');
  const { bytes, signatures } = planned;
  const target = { name: planned.name, serial: 'S-vda', bytes, signatures };

  plane.state.image = randomBytes(8 << 20);
  const work = client.stream('/ingot.AgentService/Operate', {
    id: 'job-1',
    write_image: {
      disk: target,
      path: '/agent/images/x',
      compression: 'none',
      sha256: createHash('sha256').update(plane.state.image).digest('hex'),
      raw_bytes: plane.state.image.length,
    },
  });
  let last;
  for await (const state of work) last = state;
  assert.deepEqual([last?.phase, last?.because], ['DONE', '']);
  assert.ok((await contentOf(disk, plane.state.image.length)).equals(plane.state.image));

  const wipe = { id: 'job-2', wipe: { targets: [{ disk: target, method: 'best', seed: 1 }] } };
  for await (const state of client.stream('/ingot.AgentService/Operate', wipe)) last = state;
  assert.deepEqual([last?.phase, last?.because], ['DONE', '']);
  assert.ok((await contentOf(disk, DISK_BYTES)).every((byte) => byte === 0));

  plane.state.orders.push('shutdown');
  await guest.ended(60_000);
  assert.equal(plane.all('status').at(-1)?.body.stage, 'shutting-down');
});

async function contentOf(path: string, bytes: number): Promise<Buffer> {
  await using file = await open(path);
  const content = Buffer.alloc(bytes);
  await file.read(content, 0, bytes, 0);
  return content;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
