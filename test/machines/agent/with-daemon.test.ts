import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openAgent } from '#machines/agent/agent.ts';
import { fileDisks } from '#machines/agent/disks/file-disks.ts';
import { networkOn } from '#machines/agent/network.ts';
import { BOOT_TOKEN_FILE } from '#machines/contract/agent.ts';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { inventory } from '#machines/contract/inventory.ts';
import type { Job } from '#machines/contract/job.ts';
import { decodeNewc } from '#services/images/wire/newc.ts';
import { loadMachineApi } from '#services/machine-api/definition.ts';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { waitFor } from '#test/lab/wait.ts';
import { fakeHost } from './fake-host.ts';

const MAC = '52:54:00:00:77:21';
const ADDRESS = '127.77.0.21';
const NAME = 'm-525400007721';
const UUID = '00112233-4455-6677-8899-aabbccddee21';
const DISK_BYTES = 4 << 20;

test('the agent and the real daemon: booted by its script, discovered, accepted, inspected, wiped', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'ingot-agent-daemon-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  await writeImage(directory);
  await using daemon = await startDaemon({
    directory,
    config: { subnets: [{ cidr: '127.77.0.0/16', mode: 'proxy', discovery: 'agent' }] },
  });
  const { commandLine, token } = await boot(daemon);

  await using machine = await fakeHost({
    addresses: [{ link: 'eth0', address: ADDRESS, prefixLength: 16, family: 'inet4' }],
    files: { '/proc/cmdline': commandLine, [BOOT_TOKEN_FILE]: token },
  });
  const { host } = machine;
  const dir = join(host.root, 'disks');
  await mkdir(dir);
  await writeFile(join(dir, 'sda'), randomBytes(DISK_BYTES));
  const disk = { name: 'sda', serial: 'S-sda', bytes: DISK_BYTES, sectorBytes: 512, rotational: false };
  const system = { manufacturer: 'ACME', product: 'Server 1', serial: 'SN-21', uuid: UUID };
  const agent = openAgent({
    host,
    definition: loadMachineApi(),
    bringUp: networkOn('eth0'),
    readIdentity: async () => ({ macs: [MAC], uuid: UUID, serial: 'SN-21' }),
    readInventory: async () =>
      inventory.parse({
        source: 'agent',
        at: host.now(),
        system,
        memory: { totalBytes: 2 ** 33 },
        disks: [{ ...disk, transport: 'sata' }],
        nics: [{ name: 'eth0', mac: MAC, booted: true }],
      }),
    disks: fileDisks({ dir, disks: [disk], signaturesOf: async () => [] }),
    print: () => {},
    listen: { address: ADDRESS, port: await freePort() },
    localAddress: ADDRESS,
    patience: 0.05,
  });
  const stop = new AbortController();
  const running = agent.run(stop.signal);
  try {
    const machineOf = () => daemon.api<MachineResource>('GET', `/api/v1/machines/${NAME}`);
    await waitFor('the inventory', async () => (await machineOf()).status.standing === 'discovered', 20_000);
    assert.equal(agent.standing.current().machine, NAME);
    assert.match(agent.standing.current().notice ?? '', new RegExp(`waiting to be accepted: .* ${NAME}`));
    await daemon.api('POST', `/api/v1/machines/${NAME}/actions/accept`);

    const inspect = await begin(daemon, { kind: 'inspect', machine: NAME });
    assert.equal((await ended(daemon, inspect)).state, 'done');

    const { items } = await daemon.api<PlanAnswer>('POST', '/api/v1/plans', { kind: 'wipe', machines: [NAME] });
    const [plan] = items;
    assert.ok(plan);
    assert.deepEqual(plan.refusals, []);
    assert.ok((await readFile(join(dir, 'sda'))).some((byte) => byte !== 0));
    const wipe = await begin(daemon, {
      kind: 'wipe',
      machine: NAME,
      plan: { id: plan.id, digest: plan.digest },
      acknowledge: plan.acknowledge.map(({ say }) => say),
    });
    const done = await ended(daemon, wipe);
    assert.equal(done.state, 'done', JSON.stringify(done.result));
    assert.ok((await readFile(join(dir, 'sda'))).every((byte) => byte === 0));
    assert.match(agent.standing.current().last ?? '', /done$/);
  } catch (cause) {
    t.diagnostic(
      agent.log.journal
        .read(0)
        .entries.map(({ text }) => text)
        .join('\n'),
    );
    throw cause;
  } finally {
    stop.abort();
    await running;
  }
});

async function begin(daemon: Daemon, job: object): Promise<string> {
  const { items } = await daemon.api<{ readonly items: readonly Job[] }>('POST', '/api/v1/jobs', { jobs: [job] });
  return items[0]?.id ?? assert.fail('no job was begun');
}

const ended = (daemon: Daemon, id: string): Promise<Job> =>
  waitFor(
    `the end of ${id}`,
    async () => {
      const job = await daemon.api<Job>('GET', `/api/v1/jobs/${id}`);
      return ['done', 'failed', 'cancelled'].includes(job.state) && job;
    },
    30_000,
  );

/** What deploy/agent leaves, of the parts that are needed to serve it. */
async function writeImage(directory: string): Promise<void> {
  const dir = join(directory, 'data', 'agent', 'x86_64');
  await mkdir(dir, { recursive: true });
  const outputs = [];
  for (const name of ['vmlinuz', 'initrd.zst']) {
    await writeFile(join(dir, name), name);
    outputs.push({ name, bytes: name.length, sha256: '' });
  }
  const manifest = { format: 1, id: 'test', architecture: 'x86_64', commandLine: 'console=ttyS0', outputs };
  await writeFile(join(dir, 'manifest.json'), JSON.stringify(manifest));
}

/** From the script to the kernel's command line and the token, as iPXE goes. */
async function boot(daemon: Daemon): Promise<{ readonly commandLine: string; readonly token: string }> {
  const fetched = async (target: string): Promise<Buffer> => {
    const call = http.request(new URL(target, daemon.ready.boot), { localAddress: ADDRESS, agent: false });
    call.end();
    const [response] = (await once(call, 'response')) as [http.IncomingMessage];
    const pieces: Buffer[] = [];
    for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  const script = (await fetched(`/boot.ipxe?mac=${MAC}&platform=efi&buildarch=x86_64`)).toString();
  const words = /^kernel \S+ (.*) \|\| goto failed$/m.exec(script)?.[1] ?? assert.fail(script);
  const commandLine = words.replace('${netX/mac:hexhyp}', MAC.replaceAll(':', '-'));
  const attempt = /ingot\.attempt=(\S+)/.exec(commandLine)?.[1];
  await fetched(`/a/${attempt}/kernel`);
  const read = decodeNewc(await fetched(`/a/${attempt}/initrd-0`));
  await fetched(`/a/${attempt}/initrd-1`);
  assert.ok(read.kind === 'archive');
  const file = read.entries.find(({ path }) => `/${path}` === BOOT_TOKEN_FILE);
  assert.ok(file?.kind === 'file');
  return { commandLine, token: Buffer.from(file.content).toString() };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, ADDRESS);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
