import type { MachineSpec } from '../spec.ts';

/** What a BMC can tell of the machine that it sits in. */
export type BmcHardware = {
  readonly name: string;
  readonly manufacturer: string;
  readonly product: string;
  /** What is printed on the chassis. */
  readonly serial: string;
  readonly boardSerial: string;
  readonly uuid: string;
  readonly firmware: 'bios' | 'uefi';
  readonly biosVersion: string;
  readonly processors: readonly {
    readonly socket: string;
    readonly vendor: string;
    readonly model: string;
    readonly cores: number;
    readonly threads: number;
    readonly maxMhz: number;
  }[];
  readonly memory: readonly {
    readonly slot: string;
    readonly mib: number;
    readonly type: string;
    readonly mhz: number;
    readonly manufacturer: string;
    readonly serial: string;
    readonly part: string;
  }[];
  readonly drives: readonly {
    readonly name: string;
    readonly model: string;
    readonly serial: string;
    readonly bytes: number;
    readonly media: 'HDD' | 'SSD';
    readonly protocol: 'SATA' | 'SAS' | 'NVMe';
    readonly wwn?: string;
  }[];
  readonly nics: readonly { readonly name: string; readonly mac: string; readonly mbit: number }[];
  readonly pci: readonly {
    readonly name: string;
    readonly manufacturer: string;
    readonly class: string;
    readonly vendorId: string;
    readonly deviceId: string;
  }[];
  /** TPM interface, as Redfish names it: `TPM2_0`. */
  readonly tpm?: string;
  /** What it draws when on, watts. */
  readonly watts: number;
};

/** Small enough that a rack of hundreds is erased in seconds. */
const SYSTEM_DISK_BYTES = 64 << 20;
const DATA_DISK_BYTES = 32 << 20;

/** The hardware of a machine of the rack: the same each time, other serial numbers for each machine. */
export function rackHardware(spec: MachineSpec): BmcHardware {
  const { serial, mac } = spec;
  const arm = spec.firmware === 'uefi-arm64';
  const secondMac = mac.replace(/^52:54:00:/, '52:54:01:');
  return {
    name: spec.name,
    manufacturer: spec.manufacturer,
    product: spec.product,
    serial,
    boardSerial: `BRD${serial}`,
    uuid: spec.uuid,
    firmware: spec.firmware === 'bios' || spec.firmware === 'ipxe-rom' ? 'bios' : 'uefi',
    biosVersion: '1.0.0 (simulated)',
    processors: (arm ? ['CPU0'] : ['CPU0', 'CPU1']).map((socket) => ({
      socket,
      vendor: arm ? 'Ampere' : 'Intel',
      model: arm ? 'Simulated Altra Q80' : 'Simulated Xeon Gold',
      cores: arm ? 80 : 16,
      threads: arm ? 80 : 32,
      maxMhz: 3000,
    })),
    memory: ['A1', 'B1', 'C1', 'D1'].map((slot) => ({
      slot: `DIMM ${slot}`,
      mib: 16_384,
      type: 'DDR4',
      mhz: 3200,
      manufacturer: 'Simulated',
      serial: `${serial}-${slot}`,
      part: 'SIM16G3200',
    })),
    drives: [
      {
        name: 'Disk 0',
        model: 'Simulated SSD',
        serial: `${serial}-D0`,
        bytes: SYSTEM_DISK_BYTES,
        media: 'SSD',
        protocol: 'SATA',
        wwn: `naa.5000c500${mac.replaceAll(':', '').slice(4)}`,
      },
      {
        name: 'NVMe 1',
        model: 'Simulated NVMe',
        serial: `${serial}-N1`,
        bytes: DATA_DISK_BYTES,
        media: 'SSD',
        protocol: 'NVMe',
      },
    ],
    nics: [
      { name: 'NIC 1', mac, mbit: 10_000 },
      { name: 'NIC 2', mac: secondMac, mbit: 10_000 },
    ],
    pci: [
      {
        name: 'Simulated Ethernet Controller',
        manufacturer: 'Intel',
        class: 'NetworkController',
        vendorId: '0x8086',
        deviceId: '0x1572',
      },
    ],
    tpm: 'TPM2_0',
    watts: 180,
  };
}
