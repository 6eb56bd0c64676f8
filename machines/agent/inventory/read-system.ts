import type { Inventory } from '../../contract/inventory.ts';
import { nameOf, serialOf, uuidOf } from './decide/clean-text.ts';
import type { Source } from './source.ts';
import { known } from './wire/known.ts';
import { decodeSmbios, type Smbios } from './wire/smbios.ts';

const TABLES = '/sys/firmware/dmi/tables';

/** What the board says of itself; undefined, with a gap, where the firmware has no table or a broken one. */
export async function readSmbios(source: Source): Promise<Smbios | undefined> {
  const [entry, table] = await Promise.all([
    source.bytes(`${TABLES}/smbios_entry_point`),
    source.bytes(`${TABLES}/DMI`),
  ]);
  if (!entry || !table) {
    source.gap('SMBIOS: this machine has no table, or it is not to be read');
    return undefined;
  }
  const result = decodeSmbios(entry, table);
  if (result.ok) return result.smbios;
  source.gap(`SMBIOS: ${result.because}`);
  return undefined;
}

/** The names and numbers of the machine, its board and its firmware. The kernel's own reading fills what the table lacks. */
export async function readSystem(
  source: Source,
  smbios: Smbios | undefined,
): Promise<Pick<Inventory, 'system' | 'board' | 'bios'>> {
  const [manufacturer, product, version, serial, uuid, sku, boardMaker, boardName, boardSerial, vendor, release, date] =
    await Promise.all(
      [
        ...['sys_vendor', 'product_name', 'product_version', 'product_serial', 'product_uuid', 'product_sku'],
        ...['board_vendor', 'board_name', 'board_serial', 'bios_vendor', 'bios_version', 'bios_date'],
      ].map((name) => source.line(`/sys/class/dmi/id/${name}`)),
    );
  const { system, board, bios, chassis } = smbios ?? {};
  const boardIs = known({
    manufacturer: nameOf(board?.manufacturer ?? boardMaker),
    product: nameOf(board?.product ?? boardName),
    serial: serialOf(board?.serial ?? boardSerial),
  });
  const biosIs = known({
    vendor: nameOf(bios?.vendor ?? vendor),
    version: nameOf(bios?.version ?? release),
    date: nameOf(bios?.date ?? date),
  });
  return {
    system: known({
      manufacturer: nameOf(system?.manufacturer ?? manufacturer),
      product: nameOf(system?.product ?? product),
      version: nameOf(system?.version ?? version),
      // Some makers write it on the chassis only.
      serial: serialOf(system?.serial ?? serial) ?? serialOf(chassis?.serial),
      sku: nameOf(system?.sku ?? sku),
      assetTag: nameOf(chassis?.assetTag),
      uuid: uuidOf(system?.uuid ?? uuid),
    }),
    ...(Object.keys(boardIs).length > 0 ? { board: boardIs } : {}),
    ...(Object.keys(biosIs).length > 0 ? { bios: biosIs } : {}),
  };
}
