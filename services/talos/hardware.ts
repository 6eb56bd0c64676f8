import { parse } from 'yaml';
import { z } from 'zod';
import { type Inventory, inventory as inventorySchema, type InventoryDisk } from '#machines/contract/inventory.ts';
import type { PlannedDisk } from '#machines/contract/job.ts';
import { wwidOf } from '#machines/os/talos/cluster-config.ts';
import type { CallOptions, MachineApiClient } from '#services/machine-api/client.ts';

const text = z.string().default('');
const system = z.object({ manufacturer: text, productName: text, serialnumber: text, uuid: text });
const disk = z.object({
  dev_path: text,
  size: z.number().default(0),
  readonly: z.boolean().default(false),
  cdrom: z.boolean().default(false),
  model: text,
  serial: text,
  wwid: text,
  transport: text,
});
const link = z.object({ kind: text, type: text, hardwareAddr: text, permanentAddr: text });

/** What a machine that runs Talos, also in maintenance, shows of itself: enough to prove which machine it is. */
export async function talosHardware(client: MachineApiClient, at: number, options: CallOptions): Promise<Inventory> {
  const [systems, disks, links] = await Promise.all([
    list(client, 'hardware', 'SystemInformations.hardware.talos.dev', system, options),
    list(client, 'runtime', 'Disks.block.talos.dev', disk, options),
    list(client, 'network', 'LinkStatuses.net.talos.dev', link, options),
  ]);
  const said = (key: string, value: string | undefined): Readonly<Record<string, string>> =>
    value === undefined || value.trim() === '' ? {} : { [key]: value.trim() };
  const [own] = systems;
  return inventorySchema.parse({
    source: 'agent',
    at,
    system: {
      ...said('manufacturer', own?.spec.manufacturer),
      ...said('product', own?.spec.productName),
      ...said('serial', own?.spec.serialnumber),
      ...said('uuid', own?.spec.uuid),
    },
    disks: disks
      .filter(({ spec }) => !spec.cdrom)
      .map(({ id, spec }) => ({
        name: id,
        bytes: spec.size,
        readonly: spec.readonly,
        ...said('model', spec.model),
        ...said('serial', spec.serial),
        ...said('wwn', spec.wwid),
        ...said('transport', spec.transport),
      })),
    nics: links
      .filter(({ spec }) => spec.kind === '' && isMac(spec.hardwareAddr))
      .map(({ id, spec }) => ({
        name: id,
        mac: spec.hardwareAddr,
        ...(isMac(spec.permanentAddr) ? { permanentMac: spec.permanentAddr } : {}),
      })),
  });
}

const isMac = (address: string): boolean =>
  /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(address) && !/^(00:){5}00$/.test(address);

/** Specs that have the form; others are of a kind that we don't know, and left out. */
async function list<T>(
  client: MachineApiClient,
  namespace: string,
  type: string,
  schema: z.ZodType<T>,
  options: CallOptions,
): Promise<readonly { readonly id: string; readonly spec: T }[]> {
  const found: { readonly id: string; readonly spec: T }[] = [];
  const request = { namespace, type, options: null };
  for await (const { resource } of client.stream('/cosi.resource.State/List', request, options)) {
    const spec = schema.safeParse(parse(resource?.spec?.yaml_spec ?? ''));
    if (resource?.metadata && spec.success) found.push({ id: resource.metadata.id, spec: spec.data });
  }
  return found;
}

export type FoundDisk =
  | { readonly kind: 'found'; readonly disk: InventoryDisk }
  | { readonly kind: 'different'; readonly because: string };

/** The planned disk as Talos shows it, by the one thing by which the configuration names it. */
export function findDisk(planned: PlannedDisk, { disks }: Pick<Inventory, 'disks'>): FoundDisk {
  const { serial, wwn, name } = planned;
  const shown = `${name} (${serial ?? wwn ?? 'no serial'})`;
  const matching = disks.filter((one) => {
    if (serial !== undefined) return one.serial?.trim() === serial.trim();
    if (wwn !== undefined) return one.wwn !== undefined && wwidOf(one.wwn) === wwidOf(wwn);
    return one.name === name.replace(/^\/dev\//, '');
  });
  const [disk, another] = matching;
  if (!disk) return { kind: 'different', because: `Talos sees no disk ${shown}` };
  if (another) return { kind: 'different', because: `${matching.length} disks answer to ${shown}` };
  if (disk.readonly) return { kind: 'different', because: `${shown} is read-only` };
  return disk.bytes === planned.bytes
    ? { kind: 'found', disk }
    : { kind: 'different', because: `${shown} had ${planned.bytes} bytes, now ${disk.bytes}` };
}
