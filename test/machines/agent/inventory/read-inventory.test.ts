import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ToolResult } from '#machines/agent/host.ts';
import { readIdentity } from '#machines/agent/inventory/read-identity.ts';
import { readInventory } from '#machines/agent/inventory/read-inventory.ts';
import { type Inventory, inventory } from '#machines/contract/inventory.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { fakeHost } from '../fake-host.ts';
import { FORMATS, image, putGpt } from './disk-images.ts';
import { putDisk, putNic, putPci, type Tree, treeIn } from './fake-machine.ts';
import { SWITCH } from './lldp-frames.ts';
import { entryPoint3, SERVER, smbiosTable } from './smbios-table.ts';

const MIB = 2 ** 20;
const BOOT_MAC = sure(parseMacAddress('02:00:00:00:00:01'));

const PROCESSOR = (number: number): string =>
  `processor\t: ${number}\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 9124 16-Core Processor\nphysical id\t: 0\ncore id\t\t: ${number}\n\n`;
const page80 = (serial: string): Uint8Array => Uint8Array.from([0, 0x80, 0, serial.length, ...Buffer.from(serial)]);

/** A rack server: SATA behind AHCI, NVMe, a LUN by two paths, a USB stick, two NICs, a GPU, a BMC, a TPM, UEFI. */
async function putServer(tree: Tree): Promise<void> {
  const table = smbiosTable(SERVER);
  await tree.file('/sys/firmware/dmi/tables/smbios_entry_point', entryPoint3(table.length));
  await tree.file('/sys/firmware/dmi/tables/DMI', table);
  await tree.file('/proc/cpuinfo', PROCESSOR(0) + PROCESSOR(1));
  await tree.file('/proc/meminfo', 'MemTotal:       83886080 kB\nMemFree: 1 kB\n');
  await tree.file('/sys/firmware/efi/fw_platform_size', '64\n');
  await tree.file(
    '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c',
    Uint8Array.from([6, 0, 0, 0, 1]),
  );
  await tree.file('/sys/class/tpm/tpm0/tpm_version_major', '2\n');
  await tree.file('/dev/ipmi0', '');
  await tree.file('/usr/share/misc/pci.ids', '10de  NVIDIA Corporation\n\t20b0  GA100 [A100 SXM4 40GB]\n');

  const ahci = await putPci(tree, { address: '0000:00:1f.2', ids: ['010601', '8086', 'a352'], driver: 'ahci' });
  const nvme = await putPci(tree, { address: '0000:41:00.1', ids: ['010802', '144d', 'a80a'], driver: 'nvme' });
  const nic = await putPci(tree, { address: '0000:01:00.0', ids: ['020000', '8086', '1521'], driver: 'igb' });
  const other = await putPci(tree, { address: '0000:01:00.1', ids: ['020000', '8086', '1521'], driver: 'igb' });
  await putPci(tree, { address: '0000:81:00.0', ids: ['030200', '10de', '20b0'] });
  await putPci(tree, { address: '0000:03:00.0', ids: ['030000', '1a03', '2000'], driver: 'ast' });
  await putPci(tree, { address: '0000:00:00.0', ids: ['060000', '8086', '3ec2'] });

  const sda = `${ahci}/ata1/host0/target0:0:0/0:0:0:0`;
  await putDisk(tree, {
    name: 'sda',
    device: sda,
    bytes: 4 * MIB,
    block: { 'queue/rotational': '1\n' },
    on: {
      vendor: 'ATA     \n',
      model: 'ST4000NM0035-1V4\n',
      rev: 'TN03\n',
      wwid: 'naa.5000c500a1b2c3d4\n',
      vpd_pg80: page80('ZC11ABCD'),
    },
  });
  await tree.file('/dev/sda', putGpt(image(4 * MIB), [{ first: 2048, last: 4095, name: 'EPHEMERAL' }]));
  await putDisk(tree, {
    name: 'nvme0n1',
    device: `${nvme}/nvme/nvme0`,
    bytes: 8 * MIB,
    block: { wwid: 'eui.0025385a11b2c3d4\n', 'queue/logical_block_size': '4096\n' },
    on: {
      model: 'SAMSUNG MZQL23T8HCLS-00A07\n',
      serial: 'S64HNE0R100001      \n',
      firmware_rev: 'GDC5602Q\n',
      transport: 'pcie\n',
      address: '0000:41:00.1\n',
    },
  });
  await tree.file('/dev/nvme0n1', FORMATS[0]?.disk() ?? '');
  for (const [name, host] of [
    ['sdb', 1],
    ['sdc', 2],
  ] as const) {
    await putDisk(tree, {
      name,
      device: `${ahci}/host${host}/rport-${host}:0-0/target${host}:0:0/${host}:0:0:0`,
      bytes: 16 * MIB,
      on: { vendor: 'NETAPP  \n', model: 'LUN C-Mode\n', wwid: 'naa.600a0980\n', vpd_pg80: page80('80FTV$NzVqVX') },
    });
    await tree.file(`/dev/${name}`, image(16 * MIB));
    await tree.file(`/sys/class/fc_host/host${host}/port_name`, '0x1\n');
  }
  await putDisk(tree, {
    name: 'sdd',
    device: '/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0/host6/target6:0:0/6:0:0:0',
    bytes: 0,
    block: { removable: '1\n', ro: '1\n' },
    on: { vendor: 'AMI     \n', model: 'Virtual CDROM0\n' },
  });
  await putDisk(tree, { name: 'nvme0c0n1', device: '/sys/devices/x/nvme0', bytes: 8 * MIB, block: { hidden: '1\n' } });
  await putDisk(tree, { name: 'loop0', device: '/sys/devices/virtual/loop0', bytes: 0 });
  await putDisk(tree, { name: 'dm-0', device: '/sys/devices/virtual/dm-0', bytes: 1024 });

  await putNic(tree, {
    name: 'eno1',
    device: nic,
    files: { address: `${BOOT_MAC}\n`, carrier: '1\n', speed: '25000\n' },
  });
  await putNic(tree, {
    name: 'eno2',
    device: other,
    files: { address: '02:00:00:00:00:99\n', addr_assign_type: '3\n', carrier: '0\n', speed: '-1\n' },
  });
  await putNic(tree, { name: 'lo', files: { address: '00:00:00:00:00:00\n', type: '772\n' } });
  await putNic(tree, { name: 'bond0', files: { address: `${BOOT_MAC}\n` } });
  const usb = '/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2';
  await tree.link(`${usb}/driver`, '/sys/bus/usb/drivers/cdc_ether');
  await putNic(tree, { name: 'usb0', device: usb, files: { address: '02:00:00:00:00:77\n' } });
}

const hexDump = (bytes: Uint8Array): string => {
  const pairs =
    Buffer.from(bytes)
      .toString('hex')
      .match(/.{1,32}/g) ?? [];
  return pairs
    .map(
      (line, index) =>
        `\t0x${(index * 16).toString(16).padStart(4, '0')}:  ${(line.match(/.{1,4}/g) ?? []).join(' ')}\n`,
    )
    .join('');
};

/** Tools as they answer on such a server. */
function tool(line: string): Partial<ToolResult> {
  if (line === 'ethtool -P eno2') return { stdout: 'Permanent address: 02:00:00:00:00:02\n' };
  if (line === 'nvme smart-log /dev/nvme0n1 -o json') return { stdout: '{"critical_warning":0,"percent_used":91}' };
  if (line.startsWith('smartctl -j -i -H -A -d sat /dev/sda')) {
    return { status: 4, stdout: '{"smart_status":{"passed":true},"temperature":{"current":30}}' };
  }
  if (line.endsWith('-d scsi /dev/sdb')) return { stdout: '{"smart_status":{"passed":true}}' };
  if (line === 'ipmitool lan print') return { stdout: 'IP Address : 192.0.2.7\nMAC Address : 02:00:00:00:00:07\n' };
  if (line === 'ipmitool mc info') return { status: 1, stderr: 'Get Device ID command failed' };
  if (line.startsWith('tcpdump -Z root -i eno1')) return { stdout: `LLDP, length 150\n${hexDump(SWITCH)}` };
  return { status: 127, stderr: 'not found' };
}

async function read(more: { readonly lldpMs?: number; readonly signal?: AbortSignal } = {}): Promise<{
  readonly told: Inventory;
  readonly ran: readonly string[];
}> {
  await using machine = await fakeHost({ tool });
  await putServer(treeIn(machine.host.root));
  const { host } = machine;
  const told = await readInventory({ host, bootMac: BOOT_MAC, signal: new AbortController().signal, ...more });
  return { told: inventory.parse(told), ran: [...machine.ran] };
}

describe('the inventory of a server', () => {
  it('has everything, and passes the contract', async () => {
    const { told } = await read({ lldpMs: 20_000 });
    assert.deepEqual(told.system, {
      manufacturer: 'Acme Systems',
      product: 'Box 1000',
      serial: 'SN-4711',
      assetTag: 'IT-0042',
      uuid: '33221100-5544-7766-8899-aabbccddeeff',
    });
    assert.deepEqual(told.bmc, { address: '192.0.2.7', mac: '02:00:00:00:00:07' });
    assert.deepEqual([told.firmware, told.secureBoot, told.tpm], ['uefi', true, { present: true, version: '2.0' }]);
    assert.deepEqual(told.processors, [
      { model: 'AMD EPYC 9124 16-Core Processor', vendor: 'AMD', cores: 2, threads: 2 },
    ]);
    assert.equal(told.memory?.totalBytes, 80 * 2 ** 30 + 512 * 1024);
    assert.equal(told.memory?.modules[1]?.serial, undefined);
    assert.deepEqual(told.gpus, ['NVIDIA Corporation GA100 [A100 SXM4 40GB]']);
    assert.deepEqual(
      told.pci.map(({ address, class: of, name }) => [address, of, name]),
      [
        ['0000:00:1f.2', '0106', 'Intel SATA controller a352'],
        ['0000:01:00.0', '0200', 'Intel Ethernet controller 1521'],
        ['0000:01:00.1', '0200', 'Intel Ethernet controller 1521'],
        ['0000:03:00.0', '0300', 'ASPEED VGA controller 2000'],
        ['0000:41:00.1', '0108', 'Samsung NVMe controller a80a'],
        ['0000:81:00.0', '0302', 'NVIDIA Corporation GA100 [A100 SXM4 40GB]'],
      ],
    );
    assert.equal(told.health, 'warning');
  });

  it('has its disks once each, with what is on them', async () => {
    const { told } = await read();
    assert.deepEqual(told.disks, [
      {
        name: 'nvme0n1',
        model: 'SAMSUNG MZQL23T8HCLS-00A07',
        serial: 'S64HNE0R100001',
        wwn: 'eui.0025385a11b2c3d4',
        bytes: 8 * MIB,
        sectorBytes: 4096,
        rotational: false,
        transport: 'nvme',
        removable: false,
        readonly: false,
        firmware: 'GDC5602Q',
        location: 'PCIe Slot 3',
        health: 'warning',
        healthText: '91 % worn',
        signatures: ['crypto_LUKS'],
      },
      {
        name: 'sda',
        model: 'ST4000NM0035-1V4',
        serial: 'ZC11ABCD',
        wwn: 'naa.5000c500a1b2c3d4',
        bytes: 4 * MIB,
        sectorBytes: 512,
        rotational: true,
        transport: 'sata',
        removable: false,
        readonly: false,
        firmware: 'TN03',
        location: 'pci 0000:00:1f.2, scsi 0:0:0:0',
        health: 'ok',
        healthText: '30 °C',
        signatures: ['gpt', 'gpt:EPHEMERAL'],
      },
      {
        name: 'sdb',
        model: 'NETAPP LUN C-Mode',
        serial: '80FTV$NzVqVX',
        wwn: 'naa.600a0980',
        bytes: 16 * MIB,
        sectorBytes: 512,
        rotational: false,
        transport: 'fc',
        removable: false,
        readonly: false,
        location: 'pci 0000:00:1f.2, scsi 1:0:0:0',
        health: 'ok',
        signatures: ['mpath_member'],
      },
      {
        name: 'sdd',
        model: 'AMI Virtual CDROM0',
        bytes: 0,
        sectorBytes: 512,
        rotational: false,
        transport: 'usb',
        removable: true,
        readonly: true,
        location: 'pci 0000:00:14.0, scsi 6:0:0:0',
        signatures: [],
      },
    ]);
    assert.ok(told.gaps.includes('disks left out, being no hardware: dm-0 loop0'));
    assert.ok(told.gaps.includes('sdb: sdc are paths to the same disk'));
  });

  it('has its NICs with their permanent addresses, and listens only where asked', async () => {
    const { told, ran } = await read();
    assert.deepEqual(told.nics, [
      {
        name: 'eno1',
        mac: BOOT_MAC,
        driver: 'igb',
        speedMbit: 25_000,
        linkUp: true,
        pci: '0000:01:00.0',
        vendor: 'Intel',
        booted: true,
      },
      {
        name: 'eno2',
        mac: '02:00:00:00:00:99',
        permanentMac: '02:00:00:00:00:02',
        driver: 'igb',
        linkUp: false,
        pci: '0000:01:00.1',
        vendor: 'Intel',
      },
    ]);
    assert.deepEqual(
      ran.filter((line) => line.startsWith('tcpdump')),
      [],
    );
    const listened = await read({ lldpMs: 20_000 });
    assert.deepEqual(listened.told.nics[0]?.neighbour, {
      chassis: '02:00:00:aa:bb:00',
      port: 'Ethernet1/7',
      portText: 'to rack 3, unit 12',
      system: 'tor-3.example.net',
      vlan: 42,
      managementAddress: '192.0.2.1',
    });
    assert.equal(listened.ran.filter((line) => line.startsWith('tcpdump')).length, 1);
  });

  it('names what could not be read, once, and why', async () => {
    const { told } = await read();
    assert.deepEqual(told.gaps.toSorted(), [
      'BMC: ipmitool ended with 1: Get Device ID command failed',
      'LLDP: this reading did not listen for switches',
      'disks left out, being no hardware: dm-0 loop0',
      'sdb: sdc are paths to the same disk',
      'usb0: left out: cdc_ether is a network with a BMC or another computer over USB',
    ]);
  });

  it('asks of disks only what opens them for reading', async () => {
    const { ran } = await read();
    assert.deepEqual(
      ran.filter((line) => line.includes('/dev/')),
      [
        'nvme smart-log /dev/nvme0n1 -o json',
        'smartctl -j -i -H -A -d sat /dev/sda',
        'smartctl -j -i -H -A -d scsi /dev/sdb',
      ],
    );
  });

  it('its identity is read without it, by permanent addresses', async () => {
    await using machine = await fakeHost({ tool });
    await putServer(treeIn(machine.host.root));
    assert.deepEqual(await readIdentity(machine.host), {
      uuid: '33221100-5544-7766-8899-aabbccddeeff',
      serial: 'SN-4711',
      macs: [BOOT_MAC, '02:00:00:00:00:02'],
    });
    assert.deepEqual(machine.ran, ['ethtool -P eno2']);
  });
});

describe('the inventory of a machine that tells nothing', () => {
  it('is empty, with a line for each gap', async () => {
    await using machine = await fakeHost({ tool });
    const { host } = machine;
    const told = await readInventory({ host, bootMac: BOOT_MAC, signal: new AbortController().signal });
    const { at: _, ...rest } = inventory.parse(told);
    assert.deepEqual(rest, {
      source: 'agent',
      system: {},
      firmware: 'bios',
      tpm: { present: false },
      processors: [],
      disks: [],
      nics: [],
      pci: [],
      gpus: [],
      gaps: [
        'SMBIOS: this machine has no table, or it is not to be read',
        'memory: neither the kernel nor the board says how much there is',
        'processors: /proc/cpuinfo is not to be read',
      ],
    });
    assert.deepEqual(await readIdentity(host), { macs: [] });
  });

  it('a disk whose device is missing is listed, with a gap', async () => {
    await using machine = await fakeHost({ tool });
    const { host } = machine;
    await putDisk(treeIn(host.root), {
      name: 'vda',
      device: '/sys/devices/pci0000:00/0000:00:02.0/virtio1',
      bytes: MIB,
    });
    const told = await readInventory({ host, bootMac: BOOT_MAC, signal: new AbortController().signal });
    assert.deepEqual(
      told.disks.map(({ name, transport }) => [name, transport]),
      [['vda', 'virtio']],
    );
    assert.ok(told.gaps.includes('vda: what is on it could not be read: ENOENT'));
  });

  it('ends when it is told to, also where a tool hangs', async () => {
    const asked = Promise.withResolvers<void>();
    await using machine = await fakeHost({});
    const tree = treeIn(machine.host.root);
    await putServer(tree);
    const stop = new AbortController();
    const host = {
      ...machine.host,
      run: (_tool: string, _args: readonly string[], options?: { readonly signal?: AbortSignal }) => {
        asked.resolve();
        return new Promise<never>((_, reject) => {
          options?.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true });
        });
      },
    };
    const reading = readInventory({ host, bootMac: BOOT_MAC, signal: stop.signal });
    await asked.promise;
    stop.abort(new Error('enough'));
    await assert.rejects(reading, /enough/);
  });
});
