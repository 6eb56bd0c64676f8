import { z } from 'zod';

/**
 * What a machine is made of, told by one source at one time. Everything optional is absent where the source does not
 * know it; placeholders ("To be filled by O.E.M.") are left out by whoever reads the hardware. Text is hostile: cut to
 * 255 characters, free of control characters, escaped by whoever shows it.
 */
const text = z
  .string()
  .max(255)
  .regex(/^[^\p{Cc}]*$/u, 'want one line without control characters');
const count = z.int().min(0).max(1_000_000);
const bytes = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const HEALTH = ['ok', 'warning', 'critical'] as const;

export const inventoryDisk = z.strictObject({
  /** Kernel name without /dev/ in band (`sda`, `nvme0n1`); absent out of band. */
  name: text.optional(),
  model: text.optional(),
  serial: text.optional(),
  /** `naa.…`, `eui.…`, or as the drive tells it. */
  wwn: text.optional(),
  bytes,
  sectorBytes: count.optional(),
  rotational: z.boolean().optional(),
  /** sata | sas | nvme | virtio | usb | fc | iscsi | … by the kernel's word. */
  transport: text.optional(),
  removable: z.boolean().default(false),
  readonly: z.boolean().default(false),
  firmware: text.optional(),
  /** Where it sits: a slot, a bus path. */
  location: text.optional(),
  health: z.enum(HEALTH).optional(),
  /** What SMART or the controller says, in one line: wear, temperature, reallocated sectors. */
  healthText: text.optional(),
  /** What is on it by its signatures, such as `gpt`, `ext4`, `LVM2_member`, `zfs_member`; the disk and its partitions together. */
  signatures: z.array(text).max(256).default([]),
});

export const inventoryNic = z.strictObject({
  name: text.optional(),
  mac: text,
  /** The address burnt in, where it differs from the one in use (bonds). */
  permanentMac: text.optional(),
  driver: text.optional(),
  speedMbit: count.optional(),
  linkUp: z.boolean().optional(),
  pci: text.optional(),
  vendor: text.optional(),
  product: text.optional(),
  /** The switch port at the other end, by LLDP. */
  neighbour: z
    .strictObject({
      chassis: text.optional(),
      port: text.optional(),
      portText: text.optional(),
      system: text.optional(),
      vlan: count.optional(),
      managementAddress: text.optional(),
    })
    .optional(),
  /** The machine was netbooted from this one. */
  booted: z.boolean().optional(),
});

/** What a BMC measures, or watches: temperatures, fans, supplies, what is drawn. */
export const SENSOR_KINDS = [
  'temperature',
  'fan',
  'supply',
  'power',
  'voltage',
  'current',
  'processor',
  'memory',
  'drive',
  'battery',
  'intrusion',
  'other',
] as const;

export const inventorySensor = z.strictObject({
  name: text,
  kind: z.enum(SENSOR_KINDS),
  /** In `unit`: `°C`, `rpm`, `W`, `V`, `A`, `%`. Absent where it has states only, and while it measures nothing. */
  value: z.number().optional(),
  unit: text.optional(),
  health: z.enum(HEALTH).optional(),
  /** `above the upper critical threshold`; `present, input lost`. */
  state: text.optional(),
});

export const inventory = z
  .strictObject({
    source: z.enum(['agent', 'bmc']),
    /** Milliseconds since the epoch, by the daemon's clock. */
    at: z.number(),
    system: z
      .strictObject({
        manufacturer: text.optional(),
        product: text.optional(),
        version: text.optional(),
        serial: text.optional(),
        sku: text.optional(),
        assetTag: text.optional(),
        uuid: text.optional(),
      })
      .default({}),
    board: z
      .strictObject({ manufacturer: text.optional(), product: text.optional(), serial: text.optional() })
      .optional(),
    bios: z.strictObject({ vendor: text.optional(), version: text.optional(), date: text.optional() }).optional(),
    bmc: z
      .strictObject({
        address: text.optional(),
        mac: text.optional(),
        model: text.optional(),
        version: text.optional(),
      })
      .optional(),
    firmware: z.enum(['bios', 'uefi']).optional(),
    secureBoot: z.boolean().optional(),
    tpm: z.strictObject({ present: z.boolean(), version: text.optional() }).optional(),
    processors: z
      .array(
        z.strictObject({
          socket: text.optional(),
          model: text.optional(),
          vendor: text.optional(),
          cores: count.optional(),
          threads: count.optional(),
          maxMhz: count.optional(),
        }),
      )
      .max(1024)
      .default([]),
    memory: z
      .strictObject({
        totalBytes: bytes,
        modules: z
          .array(
            z.strictObject({
              slot: text.optional(),
              bytes,
              type: text.optional(),
              mhz: count.optional(),
              manufacturer: text.optional(),
              serial: text.optional(),
              part: text.optional(),
            }),
          )
          .max(1024)
          .default([]),
      })
      .optional(),
    disks: z.array(inventoryDisk).max(4096).default([]),
    nics: z.array(inventoryNic).max(1024).default([]),
    /** PCI devices worth a line: GPUs, accelerators, network and storage controllers. */
    pci: z
      .array(
        z.strictObject({
          address: text,
          /** Class and subclass as six hexadecimal digits at most, such as `0302`. */
          class: text.optional(),
          vendorId: text.optional(),
          deviceId: text.optional(),
          name: text.optional(),
          driver: text.optional(),
        }),
      )
      .max(4096)
      .default([]),
    gpus: z.array(text).max(256).default([]),
    health: z.enum(HEALTH).optional(),
    powerWatts: z.number().min(0).optional(),
    /** As they stood when it was read. */
    sensors: z.array(inventorySensor).max(256).optional(),
    /** What could not be read, and why: `smartctl: /dev/sda: permission denied`. */
    gaps: z.array(text).max(256).default([]),
  })
  .meta({ id: 'Inventory' });

/** How the agent says among the `gaps` that what is on a disk is not all known; the disk's name and a colon go before. */
export const UNREAD_DISK = { all: 'what is on it could not be read', parts: 'parts of it could not be read' } as const;

export type Inventory = z.output<typeof inventory>;
export type InventoryDisk = z.output<typeof inventoryDisk>;
export type InventoryNic = z.output<typeof inventoryNic>;
export type InventorySensor = z.output<typeof inventorySensor>;
