import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lineOf, nameOf, serialOf, uuidOf } from '#machines/agent/inventory/decide/clean-text.ts';

describe('text of the hardware', () => {
  for (const [given, want] of [
    ['  PowerEdge R750  ', 'PowerEdge R750'],
    ['a\tb\r\n\x1b[31mc', 'a b [31mc'],
    ['\0\0', undefined],
    ['x'.repeat(300), 'x'.repeat(255)],
    [`${'x'.repeat(254)}\u{1f986}`, `${'x'.repeat(254)}\ufffd`],
  ] as const) {
    it(`${JSON.stringify(given.slice(0, 30))} becomes one short line`, () => assert.equal(lineOf(given), want));
  }

  for (const placeholder of [
    ...['To be filled by O.E.M.', 'To Be Filled By O.E.M', 'Default string', 'Not Specified', 'System Product Name'],
    ...['System manufacturer', 'Base Board Serial Number', 'SKU Number', 'Asset Tag', 'NO DIMM', 'None', 'N/A', '0'],
    ...[
      '123456789',
      '0123456789',
      'xxxxxxxx',
      '........',
      '-',
      '00000000',
      '0x0000',
      'FFFFFFFF',
      'Unknown',
      'Undefined',
    ],
    ...['DIMM_A1_AssetTag', 'A1_Manufacturer0', 'Manufacturer00'],
  ]) {
    it(`${placeholder} tells no machine from another`, () => assert.equal(serialOf(placeholder), undefined));
  }

  for (const real of [
    'SN-4711',
    'CN7475145C0123',
    '4711',
    'PowerEdge',
    'Box 1000',
    'OEMR-100',
    'S0000001',
    'Nonesuch',
  ]) {
    it(`${real} stays`, () => {
      assert.equal(nameOf(real), real);
      assert.equal(serialOf(real), real);
    });
  }

  it('a UUID that many boards have is none', () => {
    assert.equal(uuidOf('03000200-0400-0500-0006-000700080009'), undefined);
    assert.equal(uuidOf('ffffffff-ffff-ffff-ffff-ffffffffffff'), undefined);
    assert.equal(uuidOf('33221100-5544-7766-8899-AABBCCDDEEFF'), '33221100-5544-7766-8899-aabbccddeeff');
  });
});
