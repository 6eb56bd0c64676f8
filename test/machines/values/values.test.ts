import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  broadcastOf,
  cidrContains,
  formatCidr4,
  netmaskOf,
  parseCidr4,
  parseIpv4Range,
  rangeSize,
} from '#machines/values/cidr.ts';
import { ipv4FromNumber, ipv4ToNumber, parseIpAddress, parseIpv4 } from '#machines/values/ip-address.ts';
import { isMachineMac, macFromBytes, macToBytes, parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { isPlaceholderUuid, parseUuid, uuidByteSwapped, uuidFromBytes } from '#machines/values/uuid.ts';

describe('MAC addresses', () => {
  for (const text of ['52:54:00:AB:cd:01', '52-54-00-ab-cd-01', '5254.00ab.cd01', '525400abcd01']) {
    it(`reads ${text}`, () => assert.equal(sure(parseMacAddress(text)), '52:54:00:ab:cd:01'));
  }
  for (const text of [
    '',
    '52:54:00:ab:cd',
    '52:54:00:ab:cd:0g',
    '52:54-00:ab:cd:01',
    '52:54:00:ab:cd:01:02',
    '5:54:0:ab:cd:01',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseMacAddress(text).ok, false));
  }
  it('survive bytes and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
        assert.deepEqual(macToBytes(macFromBytes(bytes)), bytes);
      }),
    );
  });
  it('of groups and of nobody name no machine', () => {
    assert.equal(isMachineMac(sure(parseMacAddress('01:00:5e:00:00:01'))), false);
    assert.equal(isMachineMac(sure(parseMacAddress('ff:ff:ff:ff:ff:ff'))), false);
    assert.equal(isMachineMac(sure(parseMacAddress('00:00:00:00:00:00'))), false);
    assert.equal(isMachineMac(sure(parseMacAddress('52:54:00:00:00:01'))), true);
  });
});

describe('IP addresses', () => {
  for (const text of ['1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.4 ', '1.2.3.-4', '0x1.2.3.4', '']) {
    it(`refuses ${JSON.stringify(text)} as IPv4`, () => assert.equal(parseIpv4(text).ok, false));
  }
  it('IPv4 survives numbers and back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (n) => assert.equal(ipv4ToNumber(ipv4FromNumber(n)), n)),
    );
  });
  const V6: readonly (readonly [string, string])[] = [
    ['FD00:0:0:0:0:0:0:1', 'fd00::1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
  ];
  for (const [text, want] of V6) it(`writes ${text} as ${want}`, () => assert.equal(sure(parseIpAddress(text)), want));
  for (const text of [':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', '::1.2.3', '1.2.3.4::']) {
    it(`refuses ${text} as IPv6`, () => assert.equal(parseIpAddress(text).ok, false));
  }
});

describe('prefixes and ranges', () => {
  it('know their mask, their broadcast address and what is in them', () => {
    const cidr = sure(parseCidr4('192.168.76.0/22'));
    assert.equal(netmaskOf(cidr), '255.255.252.0');
    assert.equal(broadcastOf(cidr), '192.168.79.255');
    assert.equal(cidrContains(cidr, sure(parseIpv4('192.168.79.255'))), true);
    assert.equal(cidrContains(cidr, sure(parseIpv4('192.168.80.0'))), false);
    assert.equal(netmaskOf(sure(parseCidr4('0.0.0.0/0'))), '0.0.0.0');
    assert.equal(netmaskOf(sure(parseCidr4('10.0.0.1/32'))), '255.255.255.255');
  });
  it('say what the network address would be', () => {
    const wrong = parseCidr4('10.1.2.3/8');
    assert.ok(!wrong.ok);
    assert.match(wrong.because, /10\.0\.0\.0\/8/);
    assert.equal(formatCidr4(sure(parseCidr4('10.0.0.0/8'))), '10.0.0.0/8');
  });
  it('have both ends', () => assert.equal(rangeSize(sure(parseIpv4Range('10.0.0.1-10.0.0.10'))), 10));
  it('are refused backwards', () => assert.equal(parseIpv4Range('10.0.0.9-10.0.0.1').ok, false));
});

describe('UUIDs', () => {
  it('are the same machine in both byte orders', () => {
    const uuid = sure(parseUuid('12345678-1234-5678-9ABC-DEF012345678'));
    assert.equal(uuidByteSwapped(uuid), '78563412-3412-7856-9abc-def012345678');
    assert.equal(uuidByteSwapped(uuidByteSwapped(uuid)), uuid);
  });
  it('that vendors never set identify nobody', () => {
    for (const byte of [0, 0xff]) assert.equal(isPlaceholderUuid(uuidFromBytes(new Uint8Array(16).fill(byte))), true);
    assert.equal(isPlaceholderUuid(sure(parseUuid('03000200-0400-0500-0006-000700080009'))), true);
    assert.equal(isPlaceholderUuid(sure(parseUuid('12345678-1234-5678-9abc-def012345678'))), false);
  });
});
