import type { Inventory } from '../../contract/inventory.ts';
import { readText } from '../read-text.ts';
import { joinProcessors, type KernelThread, readCpuInfo } from './decide/processors.ts';
import { nameOf, serialOf } from './decide/clean-text.ts';
import type { Source } from './source.ts';
import { known } from './wire/known.ts';
import type { Smbios } from './wire/smbios.ts';

/** The processors, one line for each socket. */
export async function readProcessors(
  source: Source,
  smbios: Smbios | undefined,
): Promise<readonly Inventory['processors'][number][]> {
  const text = await readText(source.host, '/proc/cpuinfo');
  if (text === undefined) source.gap('processors: /proc/cpuinfo is not to be read');
  const threads: KernelThread[] = [];
  for (const entry of readCpuInfo(text ?? '')) {
    const number = entry.get('processor') ?? '0';
    const at = `/sys/devices/system/cpu/cpu${/^\d+$/.test(number) ? number : '0'}`;
    const [packageId, coreId, dieId, maxKhz] = await Promise.all([
      source.number(`${at}/topology/physical_package_id`),
      source.number(`${at}/topology/core_id`),
      source.number(`${at}/topology/die_id`),
      source.number(`${at}/cpufreq/cpuinfo_max_freq`),
    ]);
    threads.push({
      // Arm without ACPI says -1: one socket.
      package: String(Math.max(0, packageId ?? Number(entry.get('physical id') ?? 0))),
      core: `${dieId ?? 0}.${coreId ?? entry.get('core id') ?? number}`,
      model: entry.get('model name'),
      vendor: entry.get('vendor_id') ?? entry.get('CPU implementer'),
      maxMhz: maxKhz === undefined ? undefined : Math.round(maxKhz / 1000),
    });
  }
  return joinProcessors(threads, smbios?.processors ?? []);
}

/** Modules by the board; how much there is by them, or by the kernel where they are not told. */
export async function readMemory(source: Source, smbios: Smbios | undefined): Promise<Inventory['memory']> {
  const text = (await readText(source.host, '/proc/meminfo')) ?? '';
  const usable = Number(/^MemTotal:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
  const modules = (smbios?.memory ?? []).slice(0, 1024).map((module) => ({
    bytes: module.bytes,
    ...known({
      slot: nameOf(module.slot),
      type: module.type,
      mhz: module.mhz,
      manufacturer: nameOf(module.manufacturer),
      serial: serialOf(module.serial),
      part: nameOf(module.part),
    }),
  }));
  const installed = modules.filter(({ type }) => type !== 'non-volatile').reduce((sum, { bytes }) => sum + bytes, 0);
  if (usable === 0 && installed === 0) {
    source.gap('memory: neither the kernel nor the board says how much there is');
    return undefined;
  }
  if (installed > 0 && installed < usable) {
    source.gap('memory: the board tells of less than the kernel uses; the kernel’s figure is shown');
  }
  return { totalBytes: Math.max(installed, usable), modules };
}
