import type { Inventory } from '../../contract/inventory.ts';
import { lineOf } from './decide/clean-text.ts';
import { readLanPrint, readMcInfo } from './decide/ipmitool-text.ts';
import type { Source } from './source.ts';
import { known } from './wire/known.ts';
import type { Smbios } from './wire/smbios.ts';

/** The names that Linux and its drivers gave the device over time. */
const DEVICES: readonly (readonly [folder: string, name: string])[] = [
  ['/dev', 'ipmi0'],
  ['/dev/ipmi', '0'],
  ['/dev/ipmidev', '0'],
];
/** A BMC behind KCS answers in a second, one that restarts after half a minute; this is the middle. */
const BMC_MS = 15_000;

/** The BMC as the machine itself sees it, through the local interface. Undefined where there is none. */
export async function readBmc(source: Source, smbios: Smbios | undefined): Promise<Inventory['bmc']> {
  const there = await Promise.all(DEVICES.map(async ([folder, name]) => (await source.names(folder)).includes(name)));
  if (!there.includes(true)) {
    if (smbios?.ipmi) source.gap(`BMC: the board has one behind ${smbios.ipmi.interface}, but there is no /dev/ipmi0`);
    return undefined;
  }
  // One after the other: the interface takes one request at a time.
  const lan = await source.tool('BMC', 'ipmitool', ['lan', 'print'], { limitMs: BMC_MS });
  const info = await source.tool('BMC', 'ipmitool', ['mc', 'info'], { limitMs: BMC_MS });
  if (lan === undefined && info === undefined) return undefined;
  const { model, version } = readMcInfo(info ?? '');
  return known({ ...readLanPrint(lan ?? ''), model: lineOf(model), version: lineOf(version) });
}
