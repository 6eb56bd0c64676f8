import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeEntryPoint, decodeSmbios, type Smbios } from '#machines/agent/inventory/wire/smbios.ts';
import { entryPoint2, entryPoint3, SERVER, smbiosTable, type StructureParts, u16 } from './smbios-table.ts';

function read(structures: readonly StructureParts[], entry?: Uint8Array): Smbios {
  const table = smbiosTable(structures);
  const result = decodeSmbios(entry ?? entryPoint3(table.length), table);
  assert.ok(result.ok);
  return result.smbios;
}

describe('SMBIOS', () => {
  it('tells all of a server, by version 3', () => {
    const { places, ...told } = read(SERVER);
    assert.deepEqual(told, {
      version: '3.2',
      bios: { vendor: 'Acme', version: 'A12.3', date: '03/04/2024' },
      system: {
        manufacturer: 'Acme Systems',
        product: 'Box 1000',
        version: 'To be filled by O.E.M.',
        serial: 'SN-4711',
        uuid: '33221100-5544-7766-8899-aabbccddeeff',
        sku: 'SKU Number',
      },
      board: { manufacturer: 'Acme', product: 'MB-1', serial: 'MBSN-1' },
      chassis: { serial: 'CH-1', assetTag: 'IT-0042' },
      processors: [
        {
          socket: 'CPU1',
          manufacturer: 'Intel(R) Corporation',
          version: 'Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz',
          maxMhz: 3600,
          cores: 32,
          threads: 64,
        },
        { socket: 'CPU3', cores: 288, threads: 576 },
      ],
      memory: [
        {
          bytes: 64 * 2 ** 30,
          slot: 'A1',
          type: 'DDR5',
          mhz: 4800,
          manufacturer: 'Samsung',
          serial: '11223344',
          part: 'M321R8GA0BB0',
        },
        { bytes: 16 * 2 ** 30, slot: 'A2', type: 'DDR4', mhz: 2666, serial: 'Not Specified' },
        { bytes: 512 * 1024, slot: 'ROM', type: 'SDRAM' },
      ],
      ipmi: { interface: 'KCS' },
    });
    assert.deepEqual(
      [...places].toSorted(([a], [b]) => a.localeCompare(b)),
      [
        ['0000:01:00.0', 'Embedded NIC 1'],
        ['0000:41:00.1', 'PCIe Slot 3'],
      ],
    );
  });

  it('leaves the UUID as it stands before 2.6, and ends where the entry point of version 2 says', () => {
    const table = smbiosTable(SERVER);
    const { system, version } = read(SERVER, entryPoint2(table.length, SERVER.length));
    assert.equal(version, '2.4');
    assert.equal(system?.uuid, '00112233-4455-6677-8899-aabbccddeeff');
    const first = smbiosTable(SERVER.slice(0, 1)).length - 6;
    assert.equal(read(SERVER, entryPoint2(first, 1)).system, undefined);
  });

  it('takes the length 0x1e of version 2.1 boards as 0x1f', () => {
    const entry = entryPoint2(100, 1, [2, 1]);
    entry[4] = ((entry[4] ?? 0) + 1) & 0xff;
    entry[5] = 0x1e;
    assert.equal(decodeEntryPoint(entry)?.minor, 1);
  });

  it('refuses a checksum that is wrong, and what is no entry point', () => {
    const entry = entryPoint3(100);
    for (let at = 0; at < entry.length; at++) {
      const broken = entry.slice();
      broken[at] = (broken[at] ?? 0) ^ 1;
      assert.equal(decodeEntryPoint(broken), undefined, `byte ${at}`);
    }
    assert.equal(decodeEntryPoint(new Uint8Array(0)), undefined);
    const { because } = decodeSmbios(new Uint8Array(3), new Uint8Array(9)) as { because: string };
    assert.equal(because, 'no SMBIOS entry point in 3 bytes');
  });

  it('gives of a table that is cut off what came before the cut', () => {
    const table = smbiosTable(SERVER);
    for (let end = 0; end <= table.length; end++) {
      const result = decodeSmbios(entryPoint3(table.length), table.subarray(0, end));
      // The BIOS structure is 26 bytes long.
      assert.equal(result.ok, end >= 0x1a, `at ${end}`);
    }
  });

  it('is not led astray by numbers of strings that are not there, or lengths shorter than a header', () => {
    const odd = read([{ type: 1, length: 0x1b, fields: { 4: 9, 5: 'Box', 7: 255 } }]);
    assert.deepEqual(odd.system, { product: 'Box', uuid: '00000000-0000-0000-0000-000000000000' });
    const table = Uint8Array.from([
      ...smbiosTable([{ type: 0, length: 0x12, fields: { 4: 'A' } }]).subarray(0, 21),
      1,
      3,
      0,
      0,
      0,
      0,
    ]);
    const result = decodeSmbios(entryPoint3(table.length), table);
    assert.ok(result.ok && result.smbios.bios?.vendor === 'A' && result.smbios.system === undefined);
  });

  it('knows no speed, size or count where the board says that it does not', () => {
    const [module] = read([
      { type: 17, length: 0x28, fields: { 0x0c: u16(1024), 0x15: u16(0), 0x20: u16(0xffff) } },
      { type: 17, length: 0x28, fields: { 0x0c: u16(0xffff) } },
    ]).memory;
    assert.deepEqual(module, { bytes: 2 ** 30 });
  });
});
