import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { openEvents } from '#machines/agent/events.ts';
import { agentHandlers } from '#machines/agent/api/handlers.ts';
import { serveMachineApi } from '#machines/agent/api/server.ts';
import { hardwareResources } from '#machines/agent/decide/hardware-resources.ts';
import { stateResources } from '#machines/agent/decide/state-resources.ts';
import type { Disks } from '#machines/agent/disks/disk.ts';
import { fileDisks } from '#machines/agent/disks/file-disks.ts';
import { operationsOn } from '#machines/agent/disks/operations.ts';
import { openHardware } from '#machines/agent/hardware.ts';
import { openKernelLog } from '#machines/agent/kernel-log.ts';
import { openAgentLog } from '#machines/agent/log.ts';
import { openResources } from '#machines/agent/resources.ts';
import { openRestarts } from '#machines/agent/restarts.ts';
import { openHardwareReader } from '#machines/agent/hardware-reader.ts';
import { type Inventory, inventory } from '#machines/contract/inventory.ts';
import { type MachineApiClient, openMachineApi } from '#services/machine-api/client.ts';
import { loadMachineApi } from '#services/machine-api/definition.ts';
import { type TestAuthority, type TestCertificate, testAuthority } from '../certificates.ts';
import { fakeHost } from '../fake-host.ts';

export const INVENTORY = inventory.parse({
  source: 'agent',
  at: 0,
  system: { manufacturer: 'ACME', product: 'Server 1', serial: 'SN1', uuid: '00112233-4455-6677-8899-aabbccddeeff' },
  processors: [{ socket: 'CPU 0', vendor: 'GenuineIntel', model: 'Xeon', cores: 4, threads: 8 }],
  memory: { totalBytes: 2 ** 34, modules: [{ slot: 'DIMM 0', bytes: 2 ** 34, manufacturer: 'Samsung' }] },
  disks: [
    { name: 'sda', model: 'QEMU HARDDISK', serial: 'S1', bytes: 480_000_000_000, sectorBytes: 512, rotational: true },
    { name: 'nvme0n1', model: 'PM9A3', serial: 'S2', wwn: 'eui.1', bytes: 1_920_383_410_176, rotational: false },
  ],
  nics: [{ name: 'eth0', mac: '52:54:00:00:00:01', driver: 'virtio_net', linkUp: true }],
  pci: [{ address: '0000:00:1f.2', class: '0106', vendorId: '0x8086', deviceId: '0x2922', driver: 'ahci' }],
});

export const DISK_BYTES = 4 << 20;

/** What outlives one boot of a machine, or is the daemon's. */
export type AgentSurroundings = {
  readonly authority: TestAuthority;
  readonly disks: Disks;
  readonly fetch: (path: string) => Promise<Readable>;
};

/**
 * The agent's server on loopback with all that it shows, and clients for it; over disks of its own with random content
 * unless `around` says otherwise.
 */
export async function servedAgent({
  read = INVENTORY,
  around,
}: {
  readonly read?: Inventory;
  readonly around?: AgentSurroundings;
} = {}) {
  const definition = loadMachineApi();
  const authority: TestAuthority = around?.authority ?? (await testAuthority());
  const machine = await fakeHost({
    files: {
      '/proc/meminfo': 'MemTotal:       16384000 kB\nMemFree: 1 kB\nActive(anon):  7 kB\nDirectMap4k: 9 kB\n',
      '/proc/loadavg': '0.50 1.25 2.00 1/100 4711\n',
      '/proc/cpuinfo':
        'processor\t: 0\nmodel name\t: Xeon\nflags\t\t: fpu vme\n\nprocessor\t: 1\nmodel name\t: Xeon\n\n',
      '/proc/diskstats': '   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n',
      '/proc/stat': 'cpu  100 0 50 1000\ncpu0 100 0 50 1000\nintr 5 1 4\nctxt 9\nbtime 1700000000\nprocesses 3\n',
      '/proc/mounts': 'rootfs / rootfs rw 0 0\n',
    },
  });
  const { host } = machine;
  const log = openAgentLog({ host, print: () => {} });
  const events = openEvents({ definition, host });
  const hardware = openHardware();
  hardware.take(INVENTORY);
  const resources = openResources({ definition, now: () => host.now() });
  resources.replace([], hardwareResources(INVENTORY));
  const addresses = [
    { link: 'eth0', address: '192.0.2.7', prefixLength: 24, family: 'inet4' },
    { link: 'eth0', address: 'fe80::5054:ff:fe00:1', prefixLength: 64, family: 'inet6' },
  ] as const;
  resources.replace(
    [],
    stateResources({
      hostname: 'm1',
      addresses,
      version: 'v1',
      commandLine: 'quiet',
      secureBoot: true,
      stage: 'maintenance',
      ready: true,
    }),
  );
  const kernel = openKernelLog({ host });
  const stop = new AbortController();
  const reader = openHardwareReader({
    host,
    bootMac: sure(parseMacAddress('52:54:00:00:00:01')),
    hardware,
    resources,
    readInventory: async () => read,
    signal: stop.signal,
  });
  await mkdir(join(host.root, 'disks'));
  const onDisk = async (name: string, bytes: number) => {
    await writeFile(join(host.root, 'disks', name), randomBytes(bytes));
    return { name, serial: `S-${name}`, bytes, sectorBytes: 512, rotational: false };
  };
  const image = randomBytes(DISK_BYTES / 2);
  const fetched: string[] = [];
  const ownDisks = async (): Promise<Disks> => {
    const disks = [await onDisk('sda', DISK_BYTES), await onDisk('sdb', DISK_BYTES)];
    return fileDisks({ dir: join(host.root, 'disks'), disks, signaturesOf: async () => [] });
  };
  const operations = operationsOn({
    disks: around?.disks ?? (await ownDisks()),
    fetch: async (path) => {
      fetched.push(path);
      return around ? await around.fetch(path) : Readable.from([image]);
    },
    now: () => host.now(),
    log: (text) => log.info(text),
  });
  const reading = kernel.run(stop.signal);
  const own = await authority.machine(['127.0.0.1']);
  const { promise: mayLeave, resolve: letGo } = Promise.withResolvers<void>();
  const leave = async () => {
    await mayLeave;
    await server[Symbol.asyncDispose]();
  };
  const restarts = openRestarts({ host, events, log, leave });
  const server = await serveMachineApi({
    definition,
    ...agentHandlers({ host, kernel, log, events, restarts, hardware, resources, operations, reader }),
    address: '127.0.0.1',
    port: 0,
    ...own,
    ca: authority.ca,
    isOurself: (name) => name === '127.0.0.1',
    log,
  });
  const open = (client: TestCertificate): Promise<MachineApiClient> =>
    openMachineApi({
      definition,
      address: '127.0.0.1',
      port: server.port,
      trust: { kind: 'mutual', ca: authority.ca, ...client },
      signal: AbortSignal.timeout(5000),
    });
  return {
    definition,
    authority,
    machine,
    own,
    log,
    resources,
    port: server.port,
    operations,
    image,
    fetched,
    content: (name: string) => readFile(join(host.root, 'disks', name)),
    /** Lets a restart that has begun go on to its end. */
    letGo,
    open,
    as: async (...roles: readonly string[]) => open(await authority.client(roles)),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await reading;
      await server[Symbol.asyncDispose]();
      await machine[Symbol.asyncDispose]();
    },
  };
}
