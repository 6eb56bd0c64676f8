import type { Board } from '../board.ts';
import { collection, type JsonObject, link } from './answer.ts';
import { chassisPath, systemPath } from './paths.ts';
import type { Resource } from './resource.ts';

const ENABLED = { State: 'Enabled', Health: 'OK' } as const;

/** What the machine is made of: processors, memory, drives, network, cards. All of it is read-only. */
export function partResources(board: Board): readonly (readonly [string, Resource])[] {
  const hardware = board.hardware();
  const system = systemPath(board.profile);
  const chassis = chassisPath(board.profile);
  const nics = board.quirk('no-nics') ? [] : hardware.nics;
  return [
    ...listOf(`${system}/Processors`, 'Processor', hardware.processors, (one, id) => ({
      '@odata.type': '#Processor.v1_18_0.Processor',
      Name: `Processor ${id}`,
      Socket: one.socket,
      ProcessorType: 'CPU',
      Manufacturer: one.vendor,
      Model: one.model,
      TotalCores: one.cores,
      TotalThreads: one.threads,
      MaxSpeedMHz: one.maxMhz,
      Status: ENABLED,
    })),
    ...listOf(`${system}/Memory`, 'Memory', hardware.memory, (one, id) => ({
      '@odata.type': '#Memory.v1_18_0.Memory',
      Name: `Memory ${id}`,
      DeviceLocator: one.slot,
      CapacityMiB: one.mib,
      MemoryDeviceType: one.type,
      OperatingSpeedMhz: one.mhz,
      Manufacturer: one.manufacturer,
      SerialNumber: one.serial,
      PartNumber: one.part,
      Status: ENABLED,
    })),
    ...listOf(`${system}/EthernetInterfaces`, 'EthernetInterface', nics, (one, id) => ({
      '@odata.type': '#EthernetInterface.v1_10_0.EthernetInterface',
      Name: `Ethernet Interface ${id}`,
      Description: one.name,
      MACAddress: one.mac.toUpperCase(),
      PermanentMACAddress: one.mac.toUpperCase(),
      SpeedMbps: one.mbit,
      LinkStatus: id === '1' ? 'LinkUp' : 'LinkDown',
      InterfaceEnabled: true,
      Status: ENABLED,
    })),
    ...listOf(`${chassis}/PCIeDevices`, 'PCIeDevice', hardware.pci, (one, id) => ({
      '@odata.type': '#PCIeDevice.v1_13_0.PCIeDevice',
      Name: one.name,
      Manufacturer: one.manufacturer,
      DeviceType: 'SingleFunction',
      PCIeFunctions: link(`${chassis}/PCIeDevices/${id}/PCIeFunctions`),
      Status: ENABLED,
    })),
    ...hardware.pci.flatMap((one, index) =>
      listOf(`${chassis}/PCIeDevices/${index + 1}/PCIeFunctions`, 'PCIeFunction', [one], () => ({
        '@odata.type': '#PCIeFunction.v1_5_0.PCIeFunction',
        Name: `${one.name} function`,
        DeviceClass: one.class,
        VendorId: one.vendorId,
        DeviceId: one.deviceId,
        FunctionId: 0,
      })),
    ),
    ...storage(board, system, chassis),
  ];
}

function storage(board: Board, system: string, chassis: string): readonly (readonly [string, Resource])[] {
  const { drives } = board.hardware();
  const all = `${system}/Storage`;
  const path = `${all}/1`;
  const drivePath = (index: number): string => `${path}/Drives/${index + 1}`;
  return [
    [all, { get: () => collection(all, 'StorageCollection', 'Storage', drives.length > 0 ? [path] : []) }],
    ...(drives.length > 0
      ? ([
          [
            path,
            {
              get: () => ({
                '@odata.id': path,
                '@odata.type': '#Storage.v1_15_0.Storage',
                Id: '1',
                Name: 'Storage 1',
                StorageControllers: [
                  { MemberId: '0', Name: 'Simulated HBA', SupportedDeviceProtocols: ['SATA', 'NVMe'], Status: ENABLED },
                ],
                'Drives@odata.count': drives.length,
                Drives: drives.map((_, index) => link(drivePath(index))),
                Volumes: link(`${path}/Volumes`),
                Status: ENABLED,
              }),
            },
          ],
          [`${path}/Volumes`, { get: () => collection(`${path}/Volumes`, 'VolumeCollection', 'Volumes', []) }],
        ] as const)
      : []),
    ...drives.map((drive, index) => {
      const id = drivePath(index);
      const get = (): JsonObject => ({
        '@odata.id': id,
        '@odata.type': '#Drive.v1_18_0.Drive',
        Id: String(index + 1),
        Name: drive.name,
        Model: drive.model,
        Manufacturer: 'Simulated',
        SerialNumber: drive.serial,
        CapacityBytes: drive.bytes,
        BlockSizeBytes: 512,
        MediaType: drive.media,
        Protocol: drive.protocol,
        Revision: '1.0',
        Identifiers: drive.wwn
          ? [{ DurableNameFormat: 'NAA', DurableName: drive.wwn.replace(/^naa\./, '').toUpperCase() }]
          : [],
        EncryptionAbility: 'None',
        FailurePredicted: false,
        PredictedMediaLifeLeftPercent: 97,
        PhysicalLocation: { PartLocation: { ServiceLabel: `Bay ${index}`, LocationType: 'Bay' } },
        Status: board.quirk('drives-without-state') ? { Health: 'OK' } : ENABLED,
        Links: { Chassis: link(chassis) },
      });
      return [id, { get }] as const;
    }),
  ];
}

function listOf<T>(
  path: string,
  type: string,
  items: readonly T[],
  body: (item: T, id: string) => JsonObject,
): readonly (readonly [string, Resource])[] {
  const member = (index: number): string => `${path}/${index + 1}`;
  return [
    [
      path,
      {
        get: () =>
          collection(
            path,
            `${type}Collection`,
            type,
            items.map((_, index) => member(index)),
          ),
      },
    ],
    ...items.map((item, index): readonly [string, Resource] => {
      const id = String(index + 1);
      return [member(index), { get: () => ({ '@odata.id': member(index), Id: id, ...body(item, id) }) }];
    }),
  ];
}
