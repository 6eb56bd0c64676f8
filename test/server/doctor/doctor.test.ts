import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { LOADER_NAMES } from '#machines/decide/loader.ts';
import type { Ipv4 } from '#machines/values/ip-address.ts';
import type { Config } from '#server/config/config.ts';
import { parseConfig } from '#server/config/parse-config.ts';
import { agentCheck } from '#server/doctor/agent.ts';
import { type Check, examine, type Finding } from '#server/doctor/finding.ts';
import { interfacesCheck } from '#server/doctor/interfaces.ts';
import { loadersCheck } from '#server/doctor/loaders.ts';
import { clockCheck, diskCheck } from '#server/doctor/machine.ts';
import { advertiseCheck, type DhcpProbe, otherServersCheck } from '#server/doctor/network.ts';
import { portsCheck } from '#server/doctor/ports.ts';
import { notedDaemon } from '#server/doctor/running-daemon.ts';
import { PID_FILE } from '#services/store/sqlite/directory-lock.ts';

const LOOPBACK = '127.0.0.1' as Ipv4;

async function findings(check: Check): Promise<readonly Finding[]> {
  return await examine([check], AbortSignal.timeout(10_000));
}

async function only(check: Check): Promise<Finding> {
  const all = await findings(check);
  assert.equal(all.length, 1, JSON.stringify(all));
  return all[0] as Finding;
}

function config(text: string): Config {
  const result = parseConfig({ file: 'ingot.yaml', text, baseDir: '/srv/ingot' });
  assert.ok(result.ok, result.ok ? '' : result.issues.join('\n'));
  return result.config;
}

const wanted = (protocol: 'udp' | 'tcp', port: number) =>
  portsCheck([
    { protocol, address: LOOPBACK, port, use: 'HTTP boot', setting: 'boot.listen', where: 'ingot.yaml:3:1' },
  ]);

describe('doctor', () => {
  it('names the program and the setting when a TCP port is taken', async () => {
    const server = net.createServer().listen(0, LOOPBACK);
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const finding = await only(wanted('tcp', port));
    assert.equal(finding.level, 'error');
    assert.match(
      finding.text,
      new RegExp(`TCP port ${port} on 127.0.0.1 \\(HTTP boot\\) is in use by .* \\(pid ${process.pid}\\)`),
    );
    assert.ok(finding.level === 'error' && finding.where === 'ingot.yaml:3:1');
    assert.match(finding.fix, /another boot\.listen/);
    server.close();
    await once(server, 'close');
    assert.equal((await only(wanted('tcp', port))).level, 'ok');
  });

  it('is content when it is the daemon itself that has the port', async () => {
    const server = net.createServer().listen(0, LOOPBACK);
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const one = {
      protocol: 'tcp',
      address: LOOPBACK,
      port,
      use: 'API',
      setting: 'api.listen',
      where: undefined,
    } as const;
    const dataDir = await mkdtemp(join(tmpdir(), 'ingot-doctor-'));
    const check = portsCheck([one], () => notedDaemon(dataDir));
    assert.equal((await only(check)).level, 'error', 'nobody noted himself');
    await writeFile(join(dataDir, PID_FILE), `${process.ppid}\n`);
    assert.equal((await only(check)).level, 'error', 'that is another process');
    await writeFile(join(dataDir, PID_FILE), `${process.pid}\n`);
    const finding = await only(check);
    assert.equal(finding.level, 'ok');
    assert.match(finding.text, new RegExp(`Ingot runs and has it \\(pid ${process.pid}\\)`));
    server.close();
    await rm(dataDir, { recursive: true });
  });

  it('sees a taken UDP port', async () => {
    const socket = dgram.createSocket('udp4');
    socket.bind(0, LOOPBACK);
    await once(socket, 'listening');
    assert.equal((await only(wanted('udp', socket.address().port))).level, 'error');
    socket.close();
  });

  it('says that an address is not of this machine', async () => {
    const port = {
      protocol: 'tcp' as const,
      address: '198.51.100.1' as Ipv4,
      port: 0,
      use: 'HTTP boot',
      setting: 'boot.listen',
      where: undefined,
    };
    const finding = await only(portsCheck([port]));
    assert.match(finding.text, /no interface of this machine has 198\.51\.100\.1/);
  });

  it('says which interfaces there are when one is missing', async () => {
    const finding = await only(
      interfacesCheck([{ name: 'nosuch9', mode: 'proxy', discovery: 'off' }], () => 'ingot.yaml:2:5'),
    );
    assert.equal(finding.level, 'error');
    assert.match(finding.text, /no interface nosuch9/);
    assert.ok(finding.level === 'error' && /write one of|none is there/.test(finding.fix));
  });

  it('says which loaders are missing, and is content when they are there', async () => {
    const none = await findings(loadersCheck({ available: () => new Map(), path: () => undefined }));
    assert.deepEqual(
      none.map(({ level }) => level),
      ['warning', 'warning', 'warning'],
    );
    const all = new Map(LOADER_NAMES.map((name) => [name, { name, size: 1 }]));
    const some = await findings(loadersCheck({ available: () => all, path: (name) => `/loaders/${name}` }));
    assert.ok(some.every(({ level }) => level === 'ok'));
    assert.deepEqual(
      some.filter(({ text }) => text.includes('Secure Boot')).map(({ text }) => text.replace(/ \(.*/, '')),
      ['UEFI x86_64 with Secure Boot: grub/x86_64/shimx64.efi', 'UEFI arm64 with Secure Boot: grub/arm64/shimaa64.efi'],
    );
  });

  it('says which loaders are not what their names say', async () => {
    const problems = () => ['/loaders/ipxe/x86_64/ipxe.efi: is no UEFI program'];
    const found = await findings(loadersCheck({ available: () => new Map(), path: () => undefined, problems }));
    assert.match(found.at(-1)?.text ?? '', /ipxe\.efi: is no UEFI program: it is offered to nobody/);
    assert.equal(found.at(-1)?.level, 'warning');
  });

  it('wants an agent image where unknown machines are to get the agent', async () => {
    const missing = { state: () => ({ kind: 'missing', because: 'no agent image is in data/agent' }) as const };
    const ready = {
      state: () => ({ kind: 'ready', id: 'x1', arch: 'x86_64', commandLine: '' }) as const,
    };
    const wants = config('subnets: [{ cidr: 10.0.0.0/24, name: lab, discovery: agent }]');
    const finding = await only(agentCheck(missing, wants));
    assert.equal(finding.level, 'error');
    assert.match(finding.text, /no agent image is in data\/agent; unknown machines on lab wait instead/);
    assert.equal((await only(agentCheck(missing, config('{}')))).level, 'warning');
    assert.equal((await only(agentCheck(ready, wants))).level, 'ok');
  });

  it('cannot write where a file stands in the way', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'ingot-doctor-'));
    await writeFile(join(directory, 'data'), '');
    assert.equal((await only(diskCheck(join(directory, 'data')))).level, 'error');
    assert.notEqual((await only(diskCheck(join(directory, 'new')))).level, 'error');
    await rm(directory, { recursive: true });
  });

  it('does not believe a clock of 1970', async () => {
    const finding = await only(clockCheck(() => 86_400_000));
    assert.equal(finding.level, 'error');
    assert.match(finding.text, /1970-01-02/);
  });

  const answers =
    (...servers: Awaited<ReturnType<DhcpProbe>>): DhcpProbe =>
    () =>
      Promise.resolve(servers);
  const other = { serverId: '10.0.0.1', ingot: false };
  const OTHERS: readonly { name: string; mode: string; probe: DhcpProbe; want: Finding['level'] }[] = [
    { name: 'server mode beside another server is wrong', mode: 'mode: server', probe: answers(other), want: 'error' },
    { name: 'server mode alone is right', mode: 'mode: server', probe: answers(), want: 'ok' },
    {
      name: 'a proxy without a server leases nothing to anyone',
      mode: 'mode: proxy',
      probe: answers(),
      want: 'warning',
    },
    { name: 'a proxy beside a server is right', mode: 'mode: proxy', probe: answers(other), want: 'ok' },
    {
      name: 'a second Ingot is wrong in any mode',
      mode: 'mode: proxy',
      probe: answers({ ...other, ingot: true }),
      want: 'error',
    },
  ];
  for (const { name, mode, probe, want } of OTHERS) {
    it(name, async () => {
      const finding = await only(
        otherServersCheck(config(`interfaces: [{ name: eth1, ${mode} }]\nsubnets: [{ cidr: 10.0.0.0/24 }]`), probe),
      );
      assert.equal(finding.level, want, finding.text);
    });
  }

  it('turns a check that throws into a finding', async () => {
    const finding = await only({ name: 'broken', run: () => Promise.reject(new Error('no such thing')) });
    assert.equal(finding.level, 'warning');
    assert.match(finding.text, /could not look: no such thing/);
  });

  it('wonders about an advertised address that is not ours, and about a port that nobody listens on', async () => {
    const all = await findings(
      advertiseCheck(config('boot: { advertise: "http://198.51.100.1:9000" }'), 'ingot.yaml:1:9'),
    );
    assert.deepEqual(
      all.map(({ level, text }) => [level, /not an address|port 9000/.test(text)]),
      [
        ['warning', true],
        ['warning', true],
      ],
    );
  });
});
