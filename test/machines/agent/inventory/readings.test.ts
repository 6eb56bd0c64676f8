import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { transportOf } from '#machines/agent/inventory/decide/transport.ts';
import { joinProcessors, readCpuInfo } from '#machines/agent/inventory/decide/processors.ts';
import { readLanPrint, readMcInfo } from '#machines/agent/inventory/decide/ipmitool-text.ts';
import { decodeNvmeHealth, decodeSmartctl } from '#machines/agent/inventory/wire/drive-health.ts';
import { decodePciIds } from '#machines/agent/inventory/wire/pci-ids.ts';
import { decodeVpdAta, decodeVpdSerial } from '#machines/agent/inventory/wire/vpd.ts';

describe('what a drive says of its health', () => {
  const nvme = (log: object) => decodeNvmeHealth(JSON.stringify({ critical_warning: 0, ...log }));
  const ata = (log: object) => decodeSmartctl(JSON.stringify({ smart_status: { passed: true }, ...log }));
  const attribute = (id: number, value: number, when = '') => ({ id, raw: { value }, when_failed: when });

  for (const [what, got, want] of [
    [
      'a good NVMe disk',
      nvme({
        temperature: 304,
        percent_used: 3,
        avail_spare: 100,
        spare_thresh: 10,
        power_on_hours: 1234,
        media_errors: 0,
      }),
      { health: 'ok', healthText: '31 °C, 3 % worn, 100 % spare, 1234 h' },
    ],
    [
      'one that tells of no spare at all',
      nvme({ avail_spare: 0, spare_thresh: 0 }),
      { health: 'ok', healthText: '0 % spare' },
    ],
    ['one that is worn', nvme({ percentage_used: 95 }), { health: 'warning', healthText: '95 % worn' }],
    ['one that is hot', nvme({ critical_warning: 2 }), { health: 'warning', healthText: 'temperature out of range' }],
    [
      'one that is read-only, as nvme-cli 2 writes it',
      nvme({ critical_warning: { value: 8, read_only: 1 }, media_errors: '12' }),
      { health: 'critical', healthText: 'read-only, 12 media errors' },
    ],
    [
      'a good SATA disk',
      ata({
        temperature: { current: 29 },
        power_on_time: { hours: 7 },
        ata_smart_attributes: { table: [attribute(5, 0), attribute(197, 0)] },
      }),
      { health: 'ok', healthText: '29 °C, 7 h' },
    ],
    [
      'one with sectors that moved',
      ata({ ata_smart_attributes: { table: [attribute(5, 8), attribute(197, 2)] } }),
      { health: 'warning', healthText: '8 reallocated, 2 pending' },
    ],
    [
      'one that says it fails',
      decodeSmartctl(JSON.stringify({ smart_status: { passed: false } })),
      { health: 'critical', healthText: 'it says that it fails' },
    ],
    [
      'one with an attribute below its threshold',
      ata({ ata_smart_attributes: { table: [attribute(1, 1, 'now')] } }),
      { health: 'critical', healthText: 'it says that it fails' },
    ],
    ['a SAS disk', ata({ scsi_grown_defect_list: 3 }), { health: 'warning', healthText: '3 reallocated' }],
  ] as const) {
    it(what, () => assert.deepEqual(got, { kind: 'told', health: want }));
  }

  it('what is no answer is told as such', () => {
    for (const text of ['', '{', '[]', 'null', '{"critical_warning":"x"}']) {
      assert.equal(decodeNvmeHealth(text).kind, 'malformed', text);
    }
    assert.deepEqual(decodeSmartctl('{"smartctl":{"messages":[{"string":"no such device"}]}}'), {
      kind: 'malformed',
      because: 'no such device',
    });
    assert.deepEqual(decodeSmartctl('{}'), { kind: 'malformed', because: 'the drive has no SMART' });
  });
});

describe('how a disk is reached', () => {
  const pci = '/devices/pci0000:00/0000:00:1f.2';
  for (const [want, disk] of [
    ['sata', { name: 'sda', device: `${pci}/ata1/host0/target0:0:0/0:0:0:0`, vendor: 'ATA' }],
    [
      'sata',
      { name: 'sdb', device: `${pci}/host0/port-0:0/end_device-0:0/target0:0:0/0:0:0:0`, vendor: 'ATA', host: ['sas'] },
    ],
    [
      'sas',
      {
        name: 'sdc',
        device: `${pci}/host0/port-0:0/end_device-0:0/target0:0:0/0:0:0:0`,
        vendor: 'SEAGATE',
        host: ['sas'],
      },
    ],
    ['raid', { name: 'sdd', device: `${pci}/host0/target0:2:0/0:2:0:0`, vendor: 'DELL', hostDriver: 'megaraid_sas' }],
    [
      'sas',
      {
        name: 'sde',
        device: `${pci}/host0/port-0:0/end_device-0:0/target0:0:0/0:0:0:0`,
        vendor: 'HP',
        hostDriver: 'smartpqi',
      },
    ],
    ['usb', { name: 'sdf', device: `${pci}/usb1/1-1/1-1:1.0/host6/target6:0:0/6:0:0:0`, vendor: 'ATA' }],
    ['fc', { name: 'sdg', device: `${pci}/host1/rport-1:0-0/target1:0:0/1:0:0:0`, vendor: 'NETAPP', host: ['fc'] }],
    ['iscsi', { name: 'sdh', device: '/devices/platform/host3/session1/target3:0:0/3:0:0:0', host: ['iscsi'] }],
    ['virtio', { name: 'vda', device: `${pci}/virtio1` }],
    ['virtio', { name: 'sdi', device: `${pci}/virtio2/host2/target2:0:0/2:0:0:0`, vendor: 'QEMU' }],
    ['nvme', { name: 'nvme0n1', device: `${pci}/nvme/nvme0`, nvme: 'pcie' }],
    ['tcp', { name: 'nvme1n1', device: '/devices/virtual/nvme-fabrics/ctl/nvme1', nvme: 'tcp' }],
    [undefined, { name: 'nvme2n1', device: '/devices/virtual/nvme-subsystem/nvme-subsys2' }],
    ['sdcard', { name: 'mmcblk0', device: `${pci}/mmc_host/mmc0/mmc0:0001`, mmc: 'SD' }],
    ['mmc', { name: 'mmcblk1', device: `${pci}/mmc_host/mmc1/mmc1:0001`, mmc: 'MMC' }],
    [undefined, { name: 'sdj', device: '/devices/pseudo_0/adapter0/host9/target9:0:0/9:0:0:0', vendor: 'Linux' }],
  ] as const) {
    it(`${disk.name} by ${want ?? 'nobody knows what'}`, () => assert.equal(transportOf(disk), want));
  }
});

describe('pages of vital product data', () => {
  it('the serial number of page 0x80', () => {
    assert.equal(decodeVpdSerial(Uint8Array.from([0, 0x80, 0, 6, ...Buffer.from(' S4X1 ')])), 'S4X1');
    assert.equal(decodeVpdSerial(Uint8Array.from([0, 0x83, 0, 1, 65])), undefined);
    assert.equal(decodeVpdSerial(Uint8Array.from([0, 0x80, 0xff, 0xff, 65, 66])), 'AB');
    assert.equal(decodeVpdSerial(new Uint8Array(0)), undefined);
  });

  it('names of an ATA disk in page 0x89, whose letters stand swapped', () => {
    const page = new Uint8Array(572);
    page.set([0, 0x89, 2, 56]);
    const swapped = (text: string): Buffer => Buffer.from(text).swap16();
    page.set(swapped('    S3Z9NB0K1234567X'), 60 + 20);
    page.set(swapped('XXV0AA1Q'), 60 + 46);
    page.set(swapped('Samsung SSD 860 EVO 1TB'.padEnd(40)), 60 + 54);
    assert.deepEqual(decodeVpdAta(page), {
      serial: 'S3Z9NB0K1234567X',
      firmware: 'XXV0AA1Q',
      model: 'Samsung SSD 860 EVO 1TB',
    });
    assert.equal(decodeVpdAta(page.subarray(0, 571)), undefined);
  });
});

describe('processors', () => {
  const thread = (socket: number, core: number) => ({
    package: String(socket),
    core: String(core),
    model: 'Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz',
    vendor: 'GenuineIntel',
  });

  it('threads are counted to cores and sockets, and joined with the board’s names', () => {
    const threads = [thread(0, 0), thread(0, 1), thread(0, 0), thread(1, 0), thread(0, 1), thread(1, 0)];
    const board = [
      { socket: 'CPU1', maxMhz: 3600, cores: 32 },
      { socket: 'CPU2', maxMhz: 3600, cores: 32 },
    ];
    assert.deepEqual(joinProcessors(threads, board), [
      { socket: 'CPU1', model: 'Intel Xeon Gold 6338', vendor: 'Intel', cores: 2, threads: 4, maxMhz: 3600 },
      { socket: 'CPU2', model: 'Intel Xeon Gold 6338', vendor: 'Intel', cores: 1, threads: 2, maxMhz: 3600 },
    ]);
    assert.equal(joinProcessors(threads, board.slice(1))[0]?.socket, undefined);
  });

  it('an entry of /proc/cpuinfo is its keys', () => {
    const [entry, ...others] = readCpuInfo('processor\t: 0\nmodel name\t: A: B\nflags\t:\n\nHardware\t: x\n');
    assert.deepEqual(
      [...(entry ?? [])],
      [
        ['processor', '0'],
        ['model name', 'A: B'],
        ['flags', ''],
      ],
    );
    assert.deepEqual(others, []);
  });
});

describe('ipmitool', () => {
  it('says where the BMC is', () => {
    const text = `Set in Progress         : Set Complete
Auth Type Support       : MD5
Auth Type Enable        : Callback : MD5
                        : User     : MD5
IP Address Source       : DHCP Address
IP Address              : 192.0.2.10
Subnet Mask             : 255.255.255.0
MAC Address             : 02:00:00:00:00:0a
`;
    assert.deepEqual(readLanPrint(text), { address: '192.0.2.10', mac: '02:00:00:00:00:0a' });
    assert.deepEqual(readLanPrint('IP Address : 0.0.0.0\nMAC Address : 00:00:00:00:00:00'), {});
  });

  it('says what the BMC is', () => {
    const text = `Device ID                 : 32
Firmware Revision         : 6.10
Manufacturer ID           : 674
Manufacturer Name         : DELL Inc
Product ID                : 256 (0x0100)
Product Name              : PowerEdge (0x100)
Aux Firmware Rev Info     : 
    0x00
`;
    assert.deepEqual(readMcInfo(text), { model: 'DELL Inc PowerEdge', version: '6.10' });
    assert.deepEqual(readMcInfo('Manufacturer Name : Unknown (0x1234)\nProduct Name : Unknown (0x1)'), {});
  });
});

it('of pci.ids only the vendors that are here are kept', () => {
  const text =
    '# c\n8086  Intel Corporation\n\t1521  I350\n\t\t1028 1f60  sub\n10de  NVIDIA\n\t20b0  A100\nC 02  Network\n\t00  Ethernet\n';
  const names = decodePciIds(text, new Set(['8086']));
  assert.deepEqual([...names.keys()], ['8086']);
  assert.deepEqual([...(names.get('8086')?.devices ?? [])], [['1521', 'I350']]);
});
