import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readEvent } from '#services/machine-api/events.ts';
import { only } from '#services/machine-api/client.ts';
import { servedAgent } from './served-agent.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

async function first<T>(stream: AsyncIterable<T>, count: number): Promise<T[]> {
  const found: T[] = [];
  for await (const one of stream) if (found.push(one) === count) break;
  return found;
}

describe('the machine API of the agent', () => {
  it('tells what it is, and its figures', async () => {
    await using agent = await servedAgent();
    using client = await agent.as('os:reader');
    const version = only(await client.call('/machine.MachineService/Version', {}));
    assert.deepEqual(version.platform, { name: 'metal', mode: 'agent' });
    assert.match(version.version?.tag ?? '', /^v\d+\.\d+\.\d+$/);
    assert.equal(version.metadata, null);
    const memory = only(await client.call('/machine.MachineService/Memory', {}));
    assert.equal(memory.meminfo?.memtotal, '16384000');
    assert.equal(memory.meminfo?.activeanon, '7');
    assert.equal(memory.meminfo?.directmap4k, '9');
    const cpus = only(await client.call('/machine.MachineService/CPUInfo', {})).cpu_info;
    assert.deepEqual(
      cpus.map((cpu) => [cpu.processor, cpu.model_name]),
      [
        [0, 'Xeon'],
        [1, 'Xeon'],
      ],
    );
    const load = only(await client.call('/machine.MachineService/LoadAvg', {}));
    assert.deepEqual([load.load1, load.load5, load.load15], [0.5, 1.25, 2]);
    const disks = only(await client.call('/machine.MachineService/DiskStats', {}));
    assert.equal(disks.devices[0]?.discard_time_ms, '15');
    const stat = only(await client.call('/machine.MachineService/SystemStat', {}));
    assert.deepEqual(
      [stat.boot_time, stat.cpu_total?.user, stat.irq, stat.context_switches],
      ['1700000000', 1, ['1', '4'], '9'],
    );
    const mounts = only(await client.call('/machine.MachineService/Mounts', {}));
    assert.deepEqual(mounts.stats, [{ filesystem: 'rootfs', size: '1000', available: '10', mounted_on: '/' }]);
  });

  it('lists disks with sizes that no double holds exactly as text', async () => {
    await using agent = await servedAgent();
    using client = await agent.as('os:reader');
    const { disks } = only(await client.call('/storage.StorageService/Disks', {}));
    assert.deepEqual(
      disks.map((disk) => [disk.device_name, disk.serial, disk.size, disk.type]),
      [
        ['/dev/sda', 'S1', '480000000000', 'HDD'],
        ['/dev/nvme0n1', 'S2', '1920383410176', 'NVME'],
      ],
    );
  });

  it('lets readers read and no more, and strangers nothing', async () => {
    await using agent = await servedAgent();
    using reader = await agent.as('os:reader');
    using nobody = await agent.as();
    await assert.rejects(reader.call('/machine.MachineService/Reboot', {}), { code: 'forbidden' });
    await assert.rejects(reader.call('/machine.MachineService/Reset', {}), { code: 'forbidden' });
    await assert.rejects(nobody.call('/machine.MachineService/Version', {}), { code: 'forbidden' });
  });

  it('refuses the certificate of another machine, of another CA, and none', async () => {
    await using agent = await servedAgent();
    await using other = await servedAgent();
    using machine = await agent.open(agent.own);
    await assert.rejects(machine.call('/machine.MachineService/Version', {}), { name: 'MachineApiError' });
    using foreign = await agent.open(await other.authority.client(['os:admin']));
    await assert.rejects(foreign.call('/machine.MachineService/Version', {}), { name: 'MachineApiError' });
  });

  it('says of what it lacks that it is not implemented, also for administrators', async () => {
    await using agent = await servedAgent();
    using client = await agent.as('os:admin');
    await assert.rejects(client.call('/machine.MachineService/Reset', {}), { code: 'not-implemented' });
    await assert.rejects(client.call('/storage.StorageService/BlockDeviceWipe', { devices: [{ device: 'sda' }] }), {
      code: 'not-implemented',
    });
    await assert.rejects(first(client.stream('/machine.LifecycleService/Install', {}), 1), { code: 'not-implemented' });
  });

  it('answers for itself when it is named, and forwards to nobody', async () => {
    await using agent = await servedAgent();
    using client = await agent.as('os:reader');
    const named = await client.call('/machine.MachineService/Hostname', {}, { nodes: ['127.0.0.1'] });
    assert.equal(only(named).metadata?.hostname, '127.0.0.1');
    await assert.rejects(client.call('/machine.MachineService/Hostname', {}, { node: '192.0.2.1' }), {
      code: 'forbidden',
    });
  });

  it('shows the log of the kernel, and goes on with what comes', async () => {
    await using agent = await servedAgent();
    using client = await agent.as('os:reader');
    agent.machine.kernelSays('6,1,1500000,-;Linux version 6.1');
    const stream = client.stream('/machine.MachineService/Dmesg', { follow: true });
    const one = await stream.next();
    assert.match(text(one.value?.bytes ?? new Uint8Array()), /^kern: info: \[20[^\]]+Z\]: Linux version 6\.1\n$/);
    agent.machine.kernelSays('3,2,1600000,-;ata1: failed\n SUBSYSTEM=scsi');
    const two = await stream.next();
    assert.match(text(two.value?.bytes ?? new Uint8Array()), /^kern: err: .*: ata1: failed\n$/);
    await stream.return();
  });

  it('shows its own log, the last lines of it', async () => {
    await using agent = await servedAgent();
    using client = await agent.as('os:reader');
    agent.log.info('one');
    agent.log.info('two');
    const lines = await first(client.stream('/machine.MachineService/Logs', { id: 'agent', tail_lines: 1 }), 9);
    assert.match(lines.map(({ bytes }) => text(bytes)).join(''), /^\[ +\d+\.\d+\] two\n$/);
    await assert.rejects(first(client.stream('/machine.MachineService/Logs', { id: 'etcd' }), 1), {
      code: 'not-found',
    });
  });

  it('reboots with the events of it in the stream, ended by the one that means success', async () => {
    await using agent = await servedAgent();
    using client = await agent.as('os:operator');
    const stream = client.stream('/machine.MachineService/Events', {});
    const hello = await stream.next();
    assert.equal(hello.value && readEvent(agent.definition, hello.value).kind, 'hello');
    const [one, other] = await Promise.all([
      client.call('/machine.MachineService/Reboot', {}),
      client.call('/machine.MachineService/Reboot', {}),
    ]);
    agent.letGo();
    const { actor_id } = only(one);
    const seen = [];
    for await (const event of stream) seen.push(readEvent(agent.definition, event));
    assert.equal(await agent.machine.restarted, 'reboot');
    const sequence = seen.filter((event) => event.kind === 'machine.SequenceEvent');
    const own = sequence.filter((event) => event.actorId === actor_id);
    assert.deepEqual(
      own.map((event) => event.payload.action),
      ['START', 'NOOP'],
    );
    assert.match(own.at(-1)?.payload.error?.message ?? '', /unix\.Reboot\(1234567\)/);
    assert.equal(own.at(-1)?.payload.error?.code, 'FATAL');
    const locked = sequence.find((event) => event.actorId === only(other).actor_id);
    assert.equal(locked?.payload.error?.code, 'LOCKED');
    assert.ok(seen.some((event) => event.kind === 'machine.MachineStatusEvent' && event.payload.stage === 'REBOOTING'));
    assert.deepEqual(
      seen.map(({ id }) => id),
      seen.map(({ id }) => id).toSorted(),
    );
  });

  it('gives the hardware as resources, with YAML', async () => {
    await using agent = await servedAgent();
    using client = await agent.as('os:reader');
    const { resource } = await client.call('/cosi.resource.State/Get', {
      namespace: 'runtime',
      type: 'Disks.block.talos.dev',
      id: 'sda',
    });
    assert.match(resource?.spec?.yaml_spec ?? '', /^dev_path: \/dev\/sda\nsize: 480000000000\n/);
    assert.equal(resource?.metadata?.version, '1');
    const types = await first(
      client.stream('/cosi.resource.State/List', { namespace: 'meta', type: 'ResourceDefinitions.meta.cosi.dev' }),
      99,
    );
    assert.ok(types.some((one) => one.resource?.metadata?.id === 'linkstatuses.net.talos.dev'));
    const some = await first(
      client.stream('/cosi.resource.State/List', {
        namespace: 'runtime',
        type: 'Disks.block.talos.dev',
        options: { id_query: { regexp: '^nvme' } },
      }),
      9,
    );
    assert.deepEqual(
      some.map((one) => one.resource?.metadata?.id),
      ['nvme0n1'],
    );
    const get = (request: { namespace: string; type: string; id: string }) =>
      client.call('/cosi.resource.State/Get', request);
    await assert.rejects(get({ namespace: 'runtime', type: 'Disks.block.talos.dev', id: 'sdz' }), {
      code: 'not-found',
    });
    await assert.rejects(get({ namespace: 'config', type: 'MachineConfigs.config.talos.dev', id: 'v1alpha1' }), {
      code: 'forbidden',
    });
  });

  it('watches resources: an empty answer, what there is, and then changes with places to go on from', async () => {
    await using agent = await servedAgent();
    using client = await agent.as('os:reader');
    const request = {
      namespace: 'runtime',
      type: 'Disks.block.talos.dev',
      options: { bootstrap_contents: true },
      api_version: 1,
    };
    const watch = client.stream('/cosi.resource.State/Watch', request);
    const opening = [await watch.next(), await watch.next(), await watch.next(), await watch.next()];
    assert.deepEqual(
      opening.map((one) => one.value?.event.map((event) => [event.event_type, event.resource?.metadata?.id])),
      [[], [['CREATED', 'nvme0n1']], [['CREATED', 'sda']], [['BOOTSTRAPPED', undefined]]],
    );
    const content = { namespace: 'runtime', type: 'Disks.block.talos.dev', id: 'sdb', spec: { dev_path: '/dev/sdb' } };
    agent.resources.replace(['Disks.block.talos.dev'], [content]);
    const changes = [await watch.next(), await watch.next(), await watch.next()].map((one) => one.value?.event[0]);
    assert.deepEqual(
      changes.map((event) => [event?.event_type, event?.resource?.metadata?.id]),
      [
        ['CREATED', 'sdb'],
        ['DESTROYED', 'sda'],
        ['DESTROYED', 'nvme0n1'],
      ],
    );
    await watch.return();
    const bookmark = changes[1]?.bookmark;
    assert.ok(bookmark);
    const again = client.stream('/cosi.resource.State/Watch', {
      ...request,
      options: { start_from_bookmark: bookmark },
    });
    await again.next();
    const next = await again.next();
    assert.equal(next.value?.event[0]?.resource?.metadata?.id, 'nvme0n1');
    await again.return();
  });

  it('tells a watcher of one resource that is not there so first', async () => {
    await using agent = await servedAgent();
    using client = await agent.as('os:reader');
    const watch = client.stream('/cosi.resource.State/Watch', {
      namespace: 'runtime',
      type: 'Disks.block.talos.dev',
      id: 'sdz',
    });
    await watch.next();
    const event = await watch.next();
    assert.equal(event.value?.event[0]?.event_type, 'DESTROYED');
    await watch.return();
  });
});
