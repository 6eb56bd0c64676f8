import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Smbios } from '#machines/agent/inventory/wire/smbios.ts';
import { entryPoint3 } from '../../machines/agent/inventory/smbios-table.ts';

/** What dmidecode says of a table, whatever machine it comes from. */
export function dmidecodeOf(dmidecode: string, table: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-dmi-'));
  try {
    // As --dump-bin writes it: the entry point, room up to 32, the table.
    const dump = new Uint8Array(32 + table.length);
    dump.set(entryPoint3(table.length));
    dump.set(table, 32);
    writeFileSync(join(folder, 'dump'), dump);
    return execFileSync(dmidecode, ['--from-dump', join(folder, 'dump')], { encoding: 'utf8' });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The structures that dmidecode prints: each its type, and its keys with their values. */
function structuresOf(text: string): readonly { readonly type: number; readonly of: ReadonlyMap<string, string> }[] {
  return text.split(/^Handle /m).flatMap((block) => {
    const type = /DMI type (\d+)/.exec(block)?.[1];
    if (type === undefined) return [];
    const pairs = [...block.matchAll(/^\t(\S[^:\n]*): (.*)$/gm)].map(([, key = '', value = '']): [string, string] => [
      key,
      value.trim(),
    ]);
    return [{ type: Number(type), of: new Map(pairs) }];
  });
}

/** What both say, in dmidecode's words; what dmidecode calls unknown or not specified is absent. */
export function compareWithDmidecode(smbios: Smbios, text: string): void {
  const structures = structuresOf(text);
  const all = (type: number) => structures.filter((one) => one.type === type).map(({ of }) => of);
  const said = (of: ReadonlyMap<string, string> | undefined, key: string): string | undefined => {
    const value = of?.get(key);
    return value === undefined || /^(?:not specified|unknown|)$/i.test(value) ? undefined : value;
  };
  const ours = (value: string | undefined) => (/^(?:not specified|unknown|)$/i.test(value ?? '') ? undefined : value);
  const [bios, system, chassis] = [all(0)[0], all(1)[0], all(3)[0]];
  assert.equal(ours(smbios.bios?.vendor), said(bios, 'Vendor'));
  assert.equal(ours(smbios.bios?.version), said(bios, 'Version'));
  assert.equal(ours(smbios.bios?.date), said(bios, 'Release Date'));
  assert.equal(ours(smbios.system?.manufacturer), said(system, 'Manufacturer'));
  assert.equal(ours(smbios.system?.product), said(system, 'Product Name'));
  assert.equal(ours(smbios.system?.serial), said(system, 'Serial Number'));
  assert.equal(ours(smbios.system?.sku), said(system, 'SKU Number'));
  const uuid = said(system, 'UUID')?.toLowerCase();
  if (uuid !== undefined && !/not/.test(uuid)) assert.equal(smbios.system?.uuid, uuid);
  assert.equal(ours(smbios.chassis?.serial), said(chassis, 'Serial Number'));
  assert.equal(ours(smbios.chassis?.assetTag), said(chassis, 'Asset Tag'));

  const populated = all(4).filter(
    (of) => of.get('Type') === 'Central Processor' && (of.get('Status') ?? '').startsWith('Populated'),
  );
  assert.deepEqual(
    smbios.processors.map(({ socket, cores, threads, maxMhz }) => [socket, cores, threads, maxMhz]),
    populated.map((of) => [
      said(of, 'Socket Designation'),
      numberOf(said(of, 'Core Count')),
      numberOf(said(of, 'Thread Count')),
      numberOf(said(of, 'Max Speed')),
    ]),
  );
  const modules = all(17).filter((of) => !/^(?:No Module Installed|Unknown)$/.test(of.get('Size') ?? 'Unknown'));
  assert.deepEqual(
    smbios.memory.map(({ bytes, slot, type, mhz, serial, part }) => [bytes, slot, type, mhz, ours(serial), ours(part)]),
    modules.map((of) => [
      sizeOf(said(of, 'Size') ?? ''),
      said(of, 'Locator'),
      said(of, 'Type'),
      numberOf(said(of, 'Configured Memory Speed') ?? said(of, 'Speed')),
      said(of, 'Serial Number'),
      said(of, 'Part Number'),
    ]),
  );
}

const numberOf = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number.parseInt(text, 10);

function sizeOf(text: string): number {
  const [, count = '0', unit = ''] = /^(\d+) (\w+)$/.exec(text) ?? [];
  return Number(count) * ({ kB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30, TB: 2 ** 40 }[unit] ?? Number.NaN);
}
