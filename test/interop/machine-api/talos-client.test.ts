import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { servedAgent } from '../../machines/agent/api/served-agent.ts';
import { goProgram } from './go-program.ts';

const run = promisify(execFile);
const SOURCE = new URL('./talos-client/', import.meta.url);

type Envelope = { readonly messages: readonly Record<string, unknown>[] };

it("Talos' own client library reads the agent's machine API", { timeout: 600_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'ingot-talos-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const program = join(folder, 'talos-client');
  const built = await goProgram(SOURCE, program);
  if (built !== undefined) return t.skip(built);

  await using agent = await servedAgent();
  const { certificate, key } = await agent.authority.client(['os:admin']);
  const files = { ca: agent.authority.ca, certificate, key };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
  agent.machine.kernelSays('6,1,1500000,-;Linux version 6.1');
  agent.log.info('hello');
  agent.letGo();
  const paths = Object.keys(files).map((name) => join(folder, name));
  const { stdout } = await run(program, [`127.0.0.1:${agent.port}`, ...paths], { timeout: 30_000 });
  const answers = JSON.parse(stdout) as Readonly<Record<string, unknown>>;
  const element = (name: string): Record<string, unknown> => (answers[name] as Envelope).messages[0] ?? {};
  const value = (name: string): unknown => answers[name];

  assert.deepEqual(element('version')['platform'], { name: 'metal', mode: 'agent' });
  assert.deepEqual(element('memory')['meminfo'], {
    memtotal: '16384000',
    memfree: '1',
    activeanon: '7',
    directmap4k: '9',
  });
  assert.deepEqual(element('loadavg'), { load1: 0.5, load5: 1.25, load15: 2 });
  assert.deepEqual(element('cpuinfo')['cpu_info'], [
    { model_name: 'Xeon', flags: ['fpu', 'vme'] },
    { processor: 1, model_name: 'Xeon' },
  ]);
  assert.deepEqual(element('systemstat')['cpu_total'], { user: 1, system: 0.5, idle: 10 });
  assert.deepEqual((element('diskstats')['devices'] as object[])[0], {
    name: 'sda',
    read_completed: '1',
    read_merged: '2',
    read_sectors: '3',
    read_time_ms: '4',
    write_completed: '5',
    write_merged: '6',
    write_sectors: '7',
    write_time_ms: '8',
    io_in_progress: '9',
    io_time_ms: '10',
    io_time_weighted_ms: '11',
    discard_completed: '12',
    discard_merged: '13',
    discard_sectors: '14',
    discard_time_ms: '15',
  });
  assert.deepEqual(element('mounts')['stats'], [
    { filesystem: 'rootfs', size: '1000', available: '10', mounted_on: '/' },
  ]);
  assert.equal((element('services')['services'] as { id: string }[])[0]?.id, 'agent');
  assert.deepEqual(
    (element('disks')['disks'] as Record<string, string>[]).map((disk) => [
      disk['device_name'],
      disk['size'],
      disk['type'],
    ]),
    [
      ['/dev/sda', '480000000000', 'HDD'],
      ['/dev/nvme0n1', '1920383410176', 'NVME'],
    ],
  );
  assert.match(JSON.stringify(value('reset')), /code = Unimplemented/);
  assert.match(String(value('dmesg')), /^kern: info: \[[^\]]+\]: Linux version 6\.1\n$/);
  assert.match(String(value('logs')), /\] hello\n$/);

  // What a tool needs to turn `disks` into a type and a namespace, and a list into a table.
  const disks = (value('definitions') as Record<string, Record<string, unknown>>)['disks.block.talos.dev'];
  assert.ok(disks);
  assert.equal(disks['DefaultNamespace'], 'runtime');
  assert.ok((disks['AllAliases'] as string[]).includes('disks'));
  assert.match((value('Disks.block.talos.dev') as Record<string, string>)['sda'] ?? '', /^dev_path: \/dev\/sda\n/);

  assert.deepEqual(value('watch'), ['Created nvme0n1', 'Created sda', 'Bootstrapped ']);
  assert.match((value('typed disks') as Record<string, string>)['nvme0n1'] ?? '', /size: 1920383410176\n/);
  assert.match((value('typed systems') as Record<string, string>)['systeminformation'] ?? '', /serialnumber: SN1\n/);
  assert.match((value('typed processors') as Record<string, string>)['CPU-0'] ?? '', /coreCount: 4\n/);
  assert.match((value('typed memory') as Record<string, string>)['DIMM-0'] ?? '', /sizeMiB: 16384\n/);
  assert.match((value('typed pci') as Record<string, string>)['0000:00:1f.2'] ?? '', /driver: ahci\n/);
  const link = (value('typed links') as Record<string, string>)['eth0'] ?? '';
  assert.match(link, /hardwareAddr: "52:54:00:00:00:01"\n/);
  assert.match(link, /type: ether\n/);
  assert.match(link, /operationalState: up\n/);
  assert.match(link, /port: Other\n/);
  assert.match(link, /duplex: Unknown\n/);
  const addresses = value('typed addresses') as Record<string, string>;
  assert.match(addresses['eth0/192.0.2.7/24'] ?? '', /address: 192\.0\.2\.7\/24\n[^]*family: inet4\n/);
  assert.match(
    addresses['eth0/fe80::5054:ff:fe00:1/64'] ?? '',
    /address: fe80::5054:ff:fe00:1\/64\n[^]*family: inet6\n/,
  );
  assert.match((value('typed hostname') as Record<string, string>)['hostname'] ?? '', /hostname: m1\n/);
  assert.match(
    (value('typed machine') as Record<string, string>)['machine'] ?? '',
    /stage: maintenance\n[^]*ready: true\n/,
  );
  assert.match((value('typed version') as Record<string, string>)['version'] ?? '', /version: v1\n/);
  assert.match((value('typed cmdline') as Record<string, string>)['cmdline'] ?? '', /cmdline: quiet\n/);
  assert.match((value('typed security') as Record<string, string>)['securitystate'] ?? '', /secureBoot: true\n/);

  const reboot = value('reboot') as string[];
  assert.match(reboot[0] ?? '', /^own \*machine\.SequenceEvent sequence:"reboot"\s+action:START/);
  assert.match(reboot[1] ?? '', /^other \*machine\.MachineStatusEvent stage:REBOOTING/);
  assert.match(reboot.at(-1) ?? '', /^own \*machine\.SequenceEvent .*unix\.Reboot\(1234567\)/);
  assert.equal(await agent.machine.restarted, 'reboot');
});
