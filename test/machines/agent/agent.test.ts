import assert from 'node:assert/strict';
import { createHash, randomBytes, type X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import tls from 'node:tls';
import { zstdCompressSync } from 'node:zlib';
import { type Agent, openAgent } from '#machines/agent/agent.ts';
import { fileDisks } from '#machines/agent/disks/file-disks.ts';
import { doingOf, type Standing } from '#machines/agent/decide/standing.ts';
import type { HostAddress } from '#machines/agent/host.ts';
import type { LogLine } from '#machines/agent/log.ts';
import { networkOn } from '#machines/agent/network.ts';
import type { OperationState } from '#machines/api/messages/agent.ts';
import { inventory, type InventoryNic } from '#machines/contract/inventory.ts';
import { type MachineApiClient, only, openMachineApi } from '#services/machine-api/client.ts';
import { loadMachineApi } from '#services/machine-api/definition.ts';
import { fakeHost } from './fake-host.ts';
import { type FakePlane, fakePlane, TOKEN } from './fake-plane.ts';

const definition = loadMachineApi();
const DISK_BYTES = 4 << 20;
const BOOT_MAC = '52:54:00:00:00:01';
const HERE: HostAddress = { link: 'eth0', address: '127.0.0.1', prefixLength: 8, family: 'inet4' };

/** A whole agent on a simulated machine with two disks, switched on before a plane. */
async function bootedAgent(
  plane: FakePlane,
  parts: { readonly pin?: string; readonly commandLine?: string; readonly token?: string } = {},
) {
  const boot = `BOOTIF=01-52-54-00-00-00-01 ingot.url=${plane.url} ingot.pin=${parts.pin ?? plane.pin} ingot.attempt=a1`;
  const addresses = [HERE];
  const machine = await fakeHost({
    addresses,
    files: {
      '/proc/cmdline': `${parts.commandLine ?? boot}\n`,
      '/etc/ingot/boot-token': `${parts.token ?? TOKEN}\n`,
      '/proc/loadavg': '0.50 1.25 2.00 1/100 4711\n',
    },
  });
  const { host } = machine;
  const dir = join(host.root, 'disks');
  await mkdir(dir);
  const disks = ['sda', 'sdb'].map((name) => ({
    name,
    serial: `S-${name}`,
    bytes: DISK_BYTES,
    sectorBytes: 512,
    rotational: false,
  }));
  for (const { name } of disks) await writeFile(join(dir, name), randomBytes(DISK_BYTES));
  const printed: LogLine[] = [];
  const readings = { count: 0 };
  const switches = Promise.withResolvers<InventoryNic['neighbour']>();
  const port = await freePort();
  const agent = openAgent({
    host,
    definition,
    bringUp(start) {
      start.told('waiting for an address by DHCP on eth0');
      return networkOn('eth0')(start);
    },
    readInventory: async ({ lldpMs = 0, signal }) => {
      if (lldpMs > 0) {
        const neighbour = await Promise.race([switches.promise, once(signal, 'abort').then(() => undefined)]);
        return inventory.parse({ source: 'agent', at: 0, nics: [{ name: 'eth0', mac: BOOT_MAC, neighbour }] });
      }
      readings.count++;
      return inventory.parse({ source: 'agent', at: 0, disks, nics: [{ name: 'eth0', mac: BOOT_MAC }] });
    },
    readIdentity: async () => ({ macs: [BOOT_MAC, '52:54:00:00:00:02'], serial: 'SN1' }),
    disks: fileDisks({ dir, disks, signaturesOf: async () => [] }),
    print: (line) => void printed.push(line),
    listen: { address: '127.0.0.1', port },
    patience: 0.02,
  });
  const stop = new AbortController();
  const running = agent.run(stop.signal);
  return {
    agent,
    machine,
    port,
    printed,
    readings,
    /** The switch at the other end sends its frame. */
    switchSays: switches.resolve,
    addresses,
    content: (name: string) => readFile(join(dir, name)),
    async as(...roles: readonly string[]): Promise<MachineApiClient> {
      const client = await plane.authority.client(roles);
      const trust = { kind: 'mutual', ca: plane.authority.ca, ...client } as const;
      const signal = AbortSignal.timeout(5000);
      return openMachineApi({ definition, address: '127.0.0.1', port, trust, signal });
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await machine[Symbol.asyncDispose]();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** When the board says so. */
async function stands(agent: Agent, isSo: (standing: Standing) => boolean): Promise<Standing> {
  const { promise, resolve, reject } = Promise.withResolvers<Standing>();
  const timer = setTimeout(() => reject(new Error(`it stands ${JSON.stringify(agent.standing.current())}`)), 15_000);
  const look = () => isSo(agent.standing.current()) && resolve(agent.standing.current());
  const leave = agent.standing.onChange(look);
  look();
  try {
    return await promise;
  } finally {
    leave();
    clearTimeout(timer);
  }
}

const isWaiting = (standing: Standing): boolean =>
  doingOf(standing).stage === 'waiting' && standing.notice !== undefined;
const planned = (name: string) => ({ name, serial: `S-${name}`, bytes: DISK_BYTES, signatures: [] });

async function stream(states: AsyncIterable<OperationState>): Promise<OperationState[]> {
  const seen: OperationState[] = [];
  for await (const state of states) seen.push(state);
  return seen;
}

describe('the agent', () => {
  it('registers with what it is, sends its inventory, and serves the machine API with its certificate', async () => {
    await using plane = await fakePlane();
    await using booted = await bootedAgent(plane);
    const { body } = await plane.got('register');
    assert.deepEqual(
      [body.attempt, body.bootMac, body.macs, body.addresses, body.serial, body.uuid, body.port],
      ['a1', BOOT_MAC, [BOOT_MAC, '52:54:00:00:00:02'], ['127.0.0.1'], 'SN1', undefined, booted.port],
    );
    const sent = await plane.got('inventory');
    assert.deepEqual(
      sent.body.disks.map(({ serial }) => serial),
      ['S-sda', 'S-sdb'],
    );
    await stands(booted.agent, isWaiting);
    using client = await booted.as('os:reader');
    assert.equal(only(await client.call('/machine.MachineService/Hostname', {})).hostname, 'r1-u12');
    const named = await client.call('/machine.MachineService/LoadAvg', {}, { nodes: ['r1-u12'] });
    assert.equal(only(named).load1, 0.5);
    assert.equal(only(await client.call('/storage.StorageService/Disks', {})).disks.length, 2);
    const state = await client.call('/cosi.resource.State/Get', {
      namespace: 'network',
      type: 'HostnameStatuses.net.talos.dev',
      id: 'hostname',
    });
    assert.match(state.resource?.spec?.yaml_spec ?? '', /hostname: r1-u12/);
    assert.equal(booted.readings.count, 1);
  });

  it('sends not a byte to a daemon whose key is another, and says so on its screen', async () => {
    await using plane = await fakePlane();
    const other = Buffer.alloc(32, 7).toString('base64');
    await using booted = await bootedAgent(plane, { pin: other });
    const { trouble } = await stands(booted.agent, (standing) => standing.trouble !== undefined);
    assert.match(trouble ?? '', /is not the daemon that this machine was booted by.*nothing was sent/);
    assert.equal(plane.sent.end(), 0);
  });

  it('goes on trying where its token is refused, never restarts the machine, and is taken in the end', async () => {
    await using plane = await fakePlane();
    plane.state.token = 'another';
    await using booted = await bootedAgent(plane);
    const { trouble } = await stands(booted.agent, (standing) => standing.trouble !== undefined);
    assert.match(trouble ?? '', /does not take this boot's token/);
    await plane.got('refused', () => true, 1);
    plane.state.token = TOKEN;
    const standing = await stands(booted.agent, isWaiting);
    assert.equal(standing.trouble, undefined);
    assert.deepEqual(booted.machine.ran, []);
  });

  it('registers again at a daemon that has forgotten it, and sends what it knows', async () => {
    await using plane = await fakePlane();
    await using booted = await bootedAgent(plane);
    await stands(booted.agent, isWaiting);
    await plane.got('inventory');
    const place = plane.sent.end();
    plane.forget();
    await plane.got('register', () => true, place);
    await plane.got('inventory', () => true, place);
    await plane.got('status', ({ body }) => body.stage === 'waiting', place);
    using client = await booted.as('os:reader');
    assert.equal((await client.call('/machine.MachineService/Version', {})).messages.length, 1);
    assert.equal(booted.readings.count, 1);
  });

  it('registers again when the address that it registered from is gone, and not for one more', async () => {
    await using plane = await fakePlane();
    await using booted = await bootedAgent(plane);
    await stands(booted.agent, isWaiting);
    const place = plane.sent.end();
    const other: HostAddress = { ...HERE, address: '192.0.2.9', prefixLength: 24 };
    booted.addresses.push(other);
    await plane.got('status', () => true, place);
    await plane.got('status', () => true, plane.sent.end());
    assert.equal(plane.all('register').length, 1);
    booted.addresses.splice(0, 2, other);
    const { body } = await plane.got('register', () => true, place);
    assert.deepEqual(body.addresses, ['192.0.2.9']);
  });

  it('streams the logs of kernel and agent, each line once, also past a daemon that fails', async () => {
    await using plane = await fakePlane();
    plane.state.faults.push({ kind: 'logs', status: 503 }, { kind: 'logs', status: 503 });
    await using booted = await bootedAgent(plane);
    booted.machine.kernelSays('6,1,1500000,-;Linux version 6.1');
    await plane.got('logs', ({ body }) => body.lines.some(({ text }) => text === 'Linux version 6.1'));
    booted.machine.kernelSays('3,2,1600000,-;ata1: \\x1b[31mfailed');
    await plane.got('logs', ({ body }) => body.lines.some(({ text }) => text.startsWith('ata1')));
    const lines = plane.all('logs').flatMap(({ body }) => body.lines);
    const kernel = lines.filter(({ source }) => source === 'kernel');
    assert.deepEqual(
      kernel.map(({ text, severity, uptimeMs }) => [text, severity, uptimeMs]),
      [
        ['Linux version 6.1', 6, 1500],
        ['ata1:  [31mfailed', 3, 1600],
      ],
    );
    const own = lines.filter(({ source }) => source === 'agent').map(({ text }) => text);
    assert.match(own[0] ?? '', /^Ingot agent /);
    assert.ok(own.includes('waiting for an address by DHCP on eth0'));
    assert.equal(own.filter((text) => text.startsWith('Ingot agent ')).length, 1);
    assert.deepEqual(
      booted.printed.slice(0, 3).map(({ text }) => text),
      own.slice(0, 3),
    );
  });

  it('shows what the daemon says of it, and reads its hardware again when told to', async () => {
    await using plane = await fakePlane();
    await using booted = await bootedAgent(plane);
    const { notice } = await stands(booted.agent, isWaiting);
    assert.equal(notice, plane.state.notice);
    await plane.got('logs', ({ body }) => body.lines.some(({ text }) => text.startsWith('inventory sent')));
    const place = plane.sent.end();
    plane.state.orders.push('inventory');
    await plane.got('status', ({ body }) => body.stage === 'inventory', place);
    await plane.got('inventory', () => true, place);
    assert.equal(booted.readings.count, 2);
  });

  it('sends its inventory soon, and again with the switch ports when it has heard them, which stay', async () => {
    await using plane = await fakePlane();
    await using booted = await bootedAgent(plane);
    await plane.got('logs', ({ body }) => body.lines.some(({ text }) => text.startsWith('inventory sent')));
    assert.equal(plane.all('inventory').length, 1);
    booted.switchSays({ system: 'tor-1', port: 'swp7' });
    const isHeard = ({ body }: { body: { nics: readonly InventoryNic[] } }) => body.nics[0]?.neighbour?.port === 'swp7';
    const { body } = await plane.got('inventory', isHeard);
    assert.equal(body.disks.length, 2);
    assert.equal(booted.readings.count, 1);
    using client = await booted.as('os:reader');
    const { json } = await client.call('/ingot.AgentService/Inventory', {});
    assert.equal(inventory.parse(JSON.parse(Buffer.from(json).toString())).nics[0]?.neighbour?.port, 'swp7');
    assert.equal(booted.readings.count, 2);
  });

  it('ends the machine when told to, after it has said so and sent its last lines', async () => {
    await using plane = await fakePlane();
    await using booted = await bootedAgent(plane);
    await stands(booted.agent, isWaiting);
    plane.state.orders.push('shutdown');
    assert.equal(await booted.machine.restarted, 'shutdown');
    const last = plane.sent.read(0).entries.at(-1);
    assert.ok(last?.kind === 'status');
    assert.equal(last.body.stage, 'shutting-down');
    const lines = plane.all('logs').flatMap(({ body }) => body.lines.map(({ text }) => text));
    assert.ok(lines.includes('shutdown begins'));
    assert.equal(plane.all('register').length, 1);
  });

  it('sets its clock by the daemon', async () => {
    await using plane = await fakePlane();
    plane.state.clockOffsetMs = 3_600_000;
    await using booted = await bootedAgent(plane);
    await stands(booted.agent, isWaiting);
    assert.ok(Math.abs(booted.machine.clock.offsetMs - 3_600_000) < 5000);
  });

  it('says what is wrong with its command line, or that it has no token, and waits', async () => {
    await using plane = await fakePlane();
    await using blind = await bootedAgent(plane, { commandLine: 'quiet ingot.url=http://192.0.2.1' });
    const bad = await stands(blind.agent, (standing) => standing.base.stage === 'failed');
    assert.match(bad.base.text, /ingot\.url.*ingot\.pin.*ingot\.attempt.*BOOTIF/);
    await using bare = await bootedAgent(plane, { token: '' });
    const tokenless = await stands(bare.agent, (standing) => standing.base.stage === 'failed');
    assert.match(tokenless.base.text, /no boot token in \/etc\/ingot\/boot-token/);
    await using garbled = await bootedAgent(plane, { token: 'two\nlines' });
    const wordless = await stands(garbled.agent, (standing) => standing.base.stage === 'failed');
    assert.match(wordless.base.text, /is no token/);
    assert.equal(plane.sent.end(), 0);
  });

  it('stays what it is while the daemon cannot answer, and says so for as long', async () => {
    await using plane = await fakePlane();
    await using booted = await bootedAgent(plane);
    await stands(booted.agent, isWaiting);
    plane.state.faults.push({ kind: 'status', status: 503 });
    const { trouble } = await stands(booted.agent, (standing) => standing.trouble !== undefined);
    assert.match(trouble ?? '', /status 503; trying again/);
    await stands(booted.agent, (standing) => standing.trouble === undefined);
    assert.equal(plane.all('register').length, 1);
  });
});

describe('the certificate of the machine API', () => {
  it('is renewed when a third of its life is left, and whoever is connected stays', async () => {
    await using plane = await fakePlane();
    await using booted = await bootedAgent(plane);
    await stands(booted.agent, isWaiting);
    using client = await booted.as('os:admin');
    const [before] = [await shownBy(booted.port)];
    const events = client.stream('/machine.MachineService/Events', { tail_events: -1 });
    await events.next();
    // It is good for a day from now, and was for a day before: the clock goes on to the last third of that.
    booted.machine.clock.offsetMs += 7 * HOUR_MS;
    const heard = plane.sent.end();
    await plane.got('status', undefined, heard);
    assert.equal(plane.all('certificate').length, 0, 'eight hours from now, not seven');
    booted.machine.clock.offsetMs += 2 * HOUR_MS;
    const { body } = await plane.got('certificate');
    assert.equal(body.csr, plane.all('register')[0]?.body.csr, 'the key is the same');
    await logged(booted.agent, /was renewed/);
    const after = await shownBy(booted.port);
    assert.notEqual(after.fingerprint256, before?.fingerprint256);
    assert.ok(after.validToDate.getTime() - Date.now() > 20 * 24 * HOUR_MS);
    await client.call('/machine.MachineService/Version', {});
    const next = events.next();
    booted.machine.clock.offsetMs += HOUR_MS;
    await plane.got('status', undefined, plane.sent.end());
    assert.equal(plane.all('certificate').length, 1, 'once');
    await events.return();
    await next.catch(() => {});
  });

  it('stays what it is while the daemon gives no other, which is asked for again later', async () => {
    await using plane = await fakePlane();
    await using booted = await bootedAgent(plane);
    await stands(booted.agent, isWaiting);
    const before = await shownBy(booted.port);
    plane.state.faults.push({ kind: 'certificate', status: 503 });
    booted.machine.clock.offsetMs += 10 * HOUR_MS;
    await logged(booted.agent, /was not renewed: .*status 503/);
    assert.equal((await shownBy(booted.port)).fingerprint256, before.fingerprint256);
    booted.machine.clock.offsetMs += HOUR_MS;
    await plane.got('certificate');
    assert.equal(plane.all('register').length, 1, 'the session is the same');
  });
});

const HOUR_MS = 3_600_000;

/** What a stranger is shown, who gets no further. */
async function shownBy(port: number): Promise<X509Certificate> {
  const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  const certificate = socket.getPeerX509Certificate();
  socket.destroy();
  assert.ok(certificate);
  return certificate;
}

/** When the agent has written such a line. */
async function logged(agent: Agent, pattern: RegExp): Promise<void> {
  for await (const { text } of agent.log.journal.follow(0, AbortSignal.timeout(15_000))) if (pattern.test(text)) return;
  assert.fail(`nothing like ${pattern} was logged`);
}

describe('the work of jobs', () => {
  it('writes an image from the daemon, past a connection that broke, and tells how it goes to its end', async () => {
    await using plane = await fakePlane();
    const raw = randomBytes(2 << 20);
    plane.state.image = zstdCompressSync(raw);
    plane.state.cutImageAt = 700_000;
    await using booted = await bootedAgent(plane);
    await stands(booted.agent, isWaiting);
    using client = await booted.as('os:admin');
    const seen = await stream(
      client.stream('/ingot.AgentService/Operate', {
        id: 'job-1',
        write_image: {
          disk: planned('sda'),
          path: '/agent/images/debian',
          compression: 'zstd',
          sha256: createHash('sha256').update(plane.state.image).digest('hex'),
          raw_bytes: raw.length,
        },
      }),
    );
    const last = seen.at(-1);
    assert.deepEqual([last?.phase, last?.because], ['DONE', '']);
    const result: unknown = JSON.parse(Buffer.from(last?.parts[0]?.result ?? []).toString());
    assert.equal((result as { bytes: number }).bytes, raw.length);
    assert.ok((await booted.content('sda')).subarray(0, raw.length).equals(raw));
    const ranges = plane.all('image').map(({ range }) => range);
    assert.equal(ranges.length, 2);
    assert.match(ranges[1] ?? '', /^bytes=[1-9]\d*-$/);
    assert.match(booted.agent.standing.current().last ?? '', /^job-1 done$/);
  });

  it('wipes the planned disk and no other; asked again it tells the end, and begins nothing', async () => {
    await using plane = await fakePlane();
    await using booted = await bootedAgent(plane);
    await stands(booted.agent, isWaiting);
    using client = await booted.as('os:admin');
    const request = { id: 'job-2', wipe: { targets: [{ disk: planned('sdb'), method: 'best', seed: 1 }] } };
    const before = await booted.content('sda');
    const seen = await stream(client.stream('/ingot.AgentService/Operate', request));
    assert.equal(seen.at(-1)?.phase, 'DONE');
    assert.ok((await booted.content('sdb')).every((byte) => byte === 0));
    assert.ok((await booted.content('sda')).equals(before));
    const again = await stream(client.stream('/ingot.AgentService/Operate', request));
    assert.deepEqual(
      again.map(({ phase }) => phase),
      ['DONE'],
    );
    const found = await client.call('/ingot.AgentService/Operation', { id: 'job-2' });
    assert.equal(found.phase, 'DONE');
    await plane.got('status', ({ body }) => body.stage === 'working');
  });

  it('refuses a plan that names another disk, one that cannot be read, and whoever is no administrator', async () => {
    await using plane = await fakePlane();
    await using booted = await bootedAgent(plane);
    await stands(booted.agent, isWaiting);
    using client = await booted.as('os:admin');
    using operator = await booted.as('os:operator');
    const wipe = (id: string, disk: object) => ({ id, wipe: { targets: [{ disk, method: 'best', seed: 1 }] } });
    const other = wipe('job-3', { ...planned('sda'), serial: 'OTHER' });
    const before = await booted.content('sda');
    const seen = await stream(client.stream('/ingot.AgentService/Operate', other));
    assert.equal(seen.at(-1)?.phase, 'FAILED');
    assert.match(seen.at(-1)?.because ?? '', /its serial is S-sda, planned was OTHER; nothing was written/);
    for (const bad of [
      { id: 'job-4' },
      wipe('job-4', { ...planned('sda'), name: '../sda' }),
      wipe('', planned('sda')),
      { id: 'job-4', wipe: { targets: [] } },
      { id: 'job-4', wipe: { targets: [{ disk: planned('sda'), method: 'fast', seed: 1 }] } },
    ]) {
      await assert.rejects(stream(client.stream('/ingot.AgentService/Operate', bad)), { code: 'invalid' });
    }
    const asOperator = operator.stream('/ingot.AgentService/Operate', wipe('job-5', planned('sda')));
    await assert.rejects(stream(asOperator), { code: 'forbidden' });
    await assert.rejects(operator.call('/ingot.AgentService/CancelOperation', { id: 'job-3' }), { code: 'forbidden' });
    await assert.rejects(client.call('/ingot.AgentService/Operation', { id: 'job-5' }), { code: 'not-found' });
    assert.ok((await booted.content('sda')).equals(before));
  });

  it('lets nobody restart the machine while it writes, but for whoever insists', async () => {
    await using plane = await fakePlane();
    await using booted = await bootedAgent(plane);
    await stands(booted.agent, isWaiting);
    using client = await booted.as('os:admin');
    // An image of which nothing comes: the work goes on until it is called off.
    plane.state.stallImage = true;
    const raw = randomBytes(1 << 20);
    plane.state.image = raw;
    const work = client.stream('/ingot.AgentService/Operate', {
      id: 'job-6',
      write_image: {
        disk: planned('sda'),
        path: '/agent/images/debian',
        compression: 'none',
        sha256: createHash('sha256').update(raw).digest('hex'),
        raw_bytes: raw.length,
      },
    });
    await work.next();
    await assert.rejects(client.call('/machine.MachineService/Reboot', {}), {
      code: 'precondition',
      message: /job-6 is under way/,
    });
    const second = { id: 'job-7', wipe: { targets: [{ disk: planned('sdb'), method: 'best', seed: 1 }] } };
    await assert.rejects(stream(client.stream('/ingot.AgentService/Operate', second)), { code: 'precondition' });
    plane.state.orders.push('reboot');
    await plane.got('logs', ({ body }) => body.lines.some(({ text }) => text.includes('is not obeyed while job-6')));
    await client.call('/ingot.AgentService/CancelOperation', { id: 'job-6' });
    for await (const state of work) if (state.phase === 'CANCELLED') break;
    await client.call('/machine.MachineService/Reboot', {});
    assert.equal(await booted.machine.restarted, 'reboot');
  });

  it('gives the hardware as it is now', async () => {
    await using plane = await fakePlane();
    await using booted = await bootedAgent(plane);
    await stands(booted.agent, isWaiting);
    await plane.got('inventory');
    using client = await booted.as('os:reader');
    const { json } = await client.call('/ingot.AgentService/Inventory', {});
    assert.equal(inventory.parse(JSON.parse(Buffer.from(json).toString())).disks.length, 2);
    assert.equal(booted.readings.count, 2);
  });
});
