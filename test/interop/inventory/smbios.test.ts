import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { decodeSmbios } from '#machines/agent/inventory/wire/smbios.ts';
import { need } from '../../lab/need.ts';
import { compareWithDmidecode, dmidecodeOf } from './dmidecode.ts';
import { entryPoint3, SERVER, smbiosTable } from '../../machines/agent/inventory/smbios-table.ts';

const TABLES = '/sys/firmware/dmi/tables';

describe('SMBIOS as dmidecode reads it', () => {
  it('a table of our tests', (t) => {
    const tools = need(t, ['dmidecode']);
    if (!tools) return;
    const table = smbiosTable(SERVER);
    const text = dmidecodeOf(tools.dmidecode, table);
    assert.match(text, /SMBIOS 3\.2\.0 present/);
    const result = decodeSmbios(entryPoint3(table.length), table);
    assert.ok(result.ok);
    compareWithDmidecode(result.smbios, text);
  });

  it('the table of this machine', (t) => {
    const tools = need(t, ['root', 'dmidecode']);
    if (!tools) return;
    if (!existsSync(`${TABLES}/DMI`)) return t.skip('needs a machine with SMBIOS');
    const result = decodeSmbios(readFileSync(`${TABLES}/smbios_entry_point`), readFileSync(`${TABLES}/DMI`));
    assert.ok(result.ok);
    compareWithDmidecode(result.smbios, execFileSync(tools.dmidecode, { encoding: 'utf8' }));
  });
});
