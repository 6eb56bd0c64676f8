import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inventory } from '#machines/contract/inventory.ts';
import { inventoryOf, nicsOf, type Parts } from '#services/bmc/redfish/decide/inventory.ts';
import { read } from '#services/bmc/redfish/decide/read.ts';
import {
  chassis,
  drive,
  ethernetInterface,
  memoryModule,
  networkAdapter,
  networkDeviceFunction,
  pcieDevice,
  pcieFunction,
  port,
  processor,
  serviceRoot,
  simpleStorage,
  system,
  volume,
} from '#services/bmc/redfish/decide/resources.ts';
import type { z } from 'zod';

/** What the service says, as it is read. */
function from<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = read(schema, body);
  assert.ok(result.ok, result.ok ? '' : result.because);
  return result.value;
}

const NOTHING: Parts = {
  root: from(serviceRoot, {}),
  system: from(system, {}),
  managerMacs: [],
  processors: [],
  memory: [],
  drives: [],
  volumes: [],
  simple: [],
  interfaces: [],
  adapters: [],
  pci: [],
};
const told = (parts: Partial<Parts>) =>
  inventory.parse(
    inventoryOf({ ...NOTHING, ...parts }, { at: 1, address: '10.0.0.1', powerWatts: undefined, gaps: [] }),
  );

describe('an inventory out of band', () => {
  it('of a machine that says nothing is empty', () => {
    const empty = told({});
    assert.deepEqual(
      [empty.processors, empty.disks, empty.nics, empty.memory, empty.tpm],
      [[], [], [], undefined, undefined],
    );
  });

  it('has Dell’s service tag for a serial, and its own serial for the board', () => {
    const parts = {
      root: from(serviceRoot, { Vendor: 'Dell' }),
      system: from(system, { Manufacturer: 'Dell Inc.', SKU: '7FX1234', SerialNumber: 'CNIVC000000001' }),
    };
    assert.equal(told(parts).system.serial, '7FX1234');
    assert.equal(told(parts).board?.serial, 'CNIVC000000001');
  });

  it('has Supermicro’s board serial, and no placeholders', () => {
    const parts = {
      system: from(system, { SerialNumber: 'To be filled by O.E.M.', SKU: 'Default string', AssetTag: ' ' }),
      chassis: from(chassis, { Oem: { Supermicro: { BoardSerialNumber: 'ZM000001' } } }),
    };
    const { system: box, board } = told(parts);
    assert.deepEqual([box.serial, box.sku, box.assetTag, board?.serial], [undefined, undefined, undefined, 'ZM000001']);
  });

  it('leaves out empty sockets and slots', () => {
    const absent = { Status: { State: 'Absent' } };
    const parts = {
      processors: [from(processor, { Socket: 'CPU1', TotalCores: 4 }), from(processor, { Socket: 'CPU2', ...absent })],
      memory: [
        from(memoryModule, { CapacityMiB: 16_384, DeviceLocator: 'A1' }),
        from(memoryModule, { DeviceLocator: 'A2', ...absent }),
        from(memoryModule, { DeviceLocator: 'A3', CapacityMiB: null }),
        from(memoryModule, { DeviceLocator: 'A4', CapacityMiB: 0 }),
      ],
    };
    assert.deepEqual(
      told(parts).processors.map(({ socket }) => socket),
      ['CPU1'],
    );
    assert.deepEqual(told(parts).memory, {
      totalBytes: 2 ** 34,
      modules: [{ ...told(parts).memory?.modules[0], slot: 'A1', bytes: 2 ** 34 }],
    });
  });

  it('has the sum of the memory where its modules are not told', () => {
    const parts = { system: from(system, { MemorySummary: { TotalSystemMemoryGiB: 93.75 } }) };
    assert.equal(told(parts).memory?.totalBytes, 93.75 * 2 ** 30);
  });

  it('takes GPUs from the processors, and else from the cards, but never the BMC’s own picture', () => {
    const card = (Model: string, VendorId: string) => ({
      device: from(pcieDevice, { Id: '7', Model }),
      functions: [
        from(pcieFunction, { FunctionId: 0, DeviceClass: 'DisplayController', VendorId, ClassCode: '0x030200' }),
      ],
    });
    const pci = [card('H100', '0x10DE'), card('AST2600', '0x1a03')];
    assert.deepEqual(told({ pci }).gpus, ['H100']);
    assert.deepEqual(told({ pci }).pci[0], {
      address: '7.0',
      class: '030200',
      vendorId: '10de',
      deviceId: undefined,
      name: 'H100',
    });
    const processors = [from(processor, { ProcessorType: 'GPU', Model: 'B200' })];
    assert.deepEqual(told({ pci, processors }).gpus, ['B200']);
    assert.deepEqual(told({ pci, processors }).processors, []);
  });

  it('names drives by their world-wide names, and tells of their wear', () => {
    const drives = [
      from(drive, {
        CapacityBytes: 4_000_787_030_016,
        MediaType: 'HDD',
        Protocol: 'SAS',
        SerialNumber: 'ZC11',
        Identifiers: [{ DurableNameFormat: 'NAA', DurableName: '5000C500A1B2C3D4' }],
        FailurePredicted: true,
      }),
      from(drive, {
        CapacityBytes: 960_197_124_096,
        MediaType: 'SSD',
        Protocol: 'PCIe',
        Identifiers: [{ DurableNameFormat: 'EUI', DurableName: '00-25-38-5A-91-B0-12-34' }],
        PredictedMediaLifeLeftPercent: 97.4,
        Status: { Health: 'OK' },
      }),
      from(drive, { Name: 'an empty bay', CapacityBytes: null, Status: { State: 'Absent' } }),
    ];
    assert.deepEqual(
      told({ drives }).disks.map((one) => [one.wwn, one.rotational, one.transport, one.health, one.healthText]),
      [
        ['naa.5000c500a1b2c3d4', true, 'sas', 'critical', 'failure predicted'],
        ['eui.0025385a91b01234', false, 'nvme', 'ok', '97 % of its life left'],
      ],
    );
  });

  it('has volumes of a RAID beside the drives, and SimpleStorage only where there are no drives', () => {
    const volumes = [
      from(volume, {
        CapacityBytes: 1000,
        RAIDType: 'RAID1',
        Links: { Drives: [{ '@odata.id': '/d/1' }, { '@odata.id': '/d/2' }] },
      }),
      from(volume, { CapacityBytes: 1000, VolumeType: 'RawDevice' }),
    ];
    const simple = [
      from(simpleStorage, {
        Devices: [
          { Name: 'SATA 1', CapacityBytes: 500 },
          { Name: 'none', Status: { State: 'Absent' } },
        ],
      }),
    ];
    assert.deepEqual(
      told({ volumes }).disks.map(({ model, healthText }) => [model, healthText]),
      [['Volume RAID1', 'of 2 drives']],
    );
    assert.deepEqual(
      told({ simple }).disks.map(({ model, bytes }) => [model, bytes]),
      [['SATA 1', 500]],
    );
    const drives = [from(drive, { CapacityBytes: 500 })];
    assert.equal(told({ simple, drives }).disks.length, 1);
  });

  it('joins network cards by address, for their ids repeat', () => {
    const adapter = (Name: string, mac: string) => ({
      adapter: from(networkAdapter, { Name, Manufacturer: 'Mellanox', Model: 'CX-6' }),
      functions: [from(networkDeviceFunction, { Id: '1', Ethernet: { MACAddress: mac } })],
      ports: [from(port, { Id: '1', LinkStatus: 'LinkUp', CurrentSpeedGbps: 25, AssociatedNetworkAddresses: [mac] })],
    });
    const nics = nicsOf({
      interfaces: [
        from(ethernetInterface, { Id: '1', Description: 'NIC 1', MACAddress: '0C:42:A1:00:00:01', SpeedMbps: 0 }),
        from(ethernetInterface, { Id: '2', MACAddress: '00:00:00:00:00:00' }),
        from(ethernetInterface, { Id: '3', MACAddress: null }),
      ],
      adapters: [adapter('Slot 1', '0c42a1000001'), adapter('Slot 2', '0C-42-A1-00-00-02')],
    });
    assert.deepEqual(nics, [
      { mac: '0c:42:a1:00:00:01', name: 'NIC 1', vendor: 'Mellanox', product: 'CX-6', linkUp: true, speedMbit: 25_000 },
      {
        mac: '0c:42:a1:00:00:02',
        name: 'Slot 2 1',
        vendor: 'Mellanox',
        product: 'CX-6',
        linkUp: true,
        speedMbit: 25_000,
      },
    ]);
  });

  it('has no number that is none', () => {
    const parts = {
      processors: [from(processor, { TotalCores: -1, TotalThreads: 4_294_967_295, MaxSpeedMHz: 2999.6 })],
      drives: [from(drive, { CapacityBytes: 1e300 })],
    };
    const [cpu] = told(parts).processors;
    assert.deepEqual([cpu?.cores, cpu?.threads, cpu?.maxMhz], [undefined, undefined, 3000]);
    assert.deepEqual(told(parts).disks, []);
  });

  it('knows a TPM by its interface', () => {
    const tpm = (modules: unknown) => told({ system: from(system, { TrustedModules: modules }) }).tpm;
    assert.deepEqual(tpm([{ InterfaceType: 'TPM2_0', Status: { State: 'Enabled' } }]), {
      present: true,
      version: '2.0',
    });
    assert.deepEqual(tpm([{ InterfaceType: null, Status: { State: 'Absent' } }]), { present: false });
    assert.deepEqual(tpm([]), { present: false });
    assert.equal(tpm(null), undefined);
  });
});
