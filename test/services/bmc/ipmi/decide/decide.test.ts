import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inventory } from '#machines/contract/inventory.ts';
import type { BootOnce } from '#machines/contract/power.ts';
import { bootDifference, bootFlagsFor } from '#services/bmc/ipmi/decide/boot-choice.ts';
import { eventOf } from '#services/bmc/ipmi/decide/event-text.ts';
import { guidUuid } from '#services/bmc/ipmi/decide/guid.ts';
import { identityOf, inventoryOf, statusOf } from '#services/bmc/ipmi/decide/hardware.ts';
import { readLearned, writeLearned } from '#services/bmc/ipmi/decide/learned.ts';
import {
  accepted,
  EMPTY_WINDOW,
  nextSequence,
  type SequenceWindow,
} from '#services/bmc/ipmi/decide/sequence-window.ts';
import { valueOf, wattsOf } from '#services/bmc/ipmi/decide/sensor.ts';
import { decodeSdr } from '#services/bmc/ipmi/wire/sdr.ts';
import { ackOf, heard, NOTHING_HEARD, nextSolSequence } from '#services/bmc/ipmi/decide/sol-hearing.ts';
import type { BootFlags } from '#services/bmc/ipmi/wire/boot-options.ts';
import { SOL_STATUS, type SolPacket } from '#services/bmc/ipmi/wire/sol.ts';
import { bytes } from '../bytes.ts';

test('a session number is taken once, in any order within sixteen, and never when it is older', () => {
  let window: SequenceWindow = EMPTY_WINDOW;
  const take = (sequence: number): boolean => {
    const next = accepted(window, sequence);
    window = next ?? window;
    return next !== undefined;
  };
  assert.deepEqual([1, 3, 2, 2, 3, 1, 0].map(take), [true, true, true, false, false, false, false]);
  assert.deepEqual([20, 4, 3, 19, 19, 20].map(take), [true, true, false, true, false, false]);
  // Far ahead: an outage of a console.
  assert.deepEqual([1000, 999, 984, 983, 20].map(take), [true, true, true, false, false]);
  window = { highest: 0xffff_fffe, seen: 1 };
  assert.deepEqual([0xffff_ffff, 0, 1, 0xffff_fffe, 0xffff_ffff, 2].map(take), [true, false, true, false, false, true]);
  assert.equal(nextSequence(0xffff_ffff), 1);
  assert.equal(nextSequence(0), 1);
});

const stored = (flags: Partial<BootFlags>): BootFlags => ({
  isValid: true,
  isPersistent: false,
  isEfi: true,
  device: 1,
  ...flags,
});

for (const [name, wanted, before, maker, want] of [
  ['network under UEFI', { device: 'network', mode: 'uefi' }, undefined, undefined, stored({})],
  ['HTTP is network', { device: 'http', mode: 'uefi' }, undefined, undefined, stored({})],
  ['network under BIOS', { device: 'network', mode: 'bios' }, undefined, undefined, stored({ isEfi: false })],
  [
    'the mode that was set stays',
    { device: 'disk' },
    stored({ isEfi: false }),
    undefined,
    stored({ isEfi: false, device: 2 }),
  ],
  [
    'the mode of flags that do not count is none',
    { device: 'disk' },
    stored({ isValid: false, isEfi: false }),
    undefined,
    stored({ device: 2 }),
  ],
  ['Supermicro, disk under UEFI', { device: 'disk', mode: 'uefi' }, undefined, 10876, stored({ device: 9 })],
  [
    'Supermicro, disk under BIOS',
    { device: 'disk', mode: 'bios' },
    undefined,
    10876,
    stored({ isEfi: false, device: 2 }),
  ],
  ['setup', { device: 'setup', mode: 'uefi' }, undefined, undefined, stored({ device: 6 })],
  ['nothing', { device: 'none' }, stored({}), undefined, stored({ isValid: false, isEfi: false, device: 0 })],
] satisfies [string, BootOnce, BootFlags | undefined, number | undefined, BootFlags][]) {
  test(`boot flags: ${name}`, () => {
    const flags = bootFlagsFor(wanted, before, maker);
    assert.deepEqual(flags, want);
    assert.equal(bootDifference(flags, flags, wanted), undefined);
  });
}

test('what a BMC kept otherwise is named', () => {
  const wanted = { device: 'network', mode: 'uefi' } as const;
  const asked = stored({});
  assert.equal(bootDifference(asked, stored({ device: 2 }), wanted), 'it keeps boot device disk, want network');
  assert.match(bootDifference(asked, stored({ isValid: false }), wanted) ?? '', /not valid/);
  assert.match(bootDifference(asked, stored({ isPersistent: true }), wanted) ?? '', /every boot/);
  assert.equal(bootDifference(asked, stored({ isEfi: false }), wanted), 'it keeps boot mode BIOS');
  assert.equal(bootDifference(asked, stored({ isEfi: false }), { device: 'network' }), undefined);
  assert.match(bootDifference(asked, stored({ device: 2 }), { device: 'none' }) ?? '', /disk/);
});

for (const [name, guid] of [
  ['as SMBIOS stores it', 'a2f5b6d1 3c0f 024e 9a7b 112233445566'],
  ['as it is written', 'd1b6f5a2 0f3c 4e02 9a7b 112233445566'],
  ['back to front, as IPMI has it', '665544332211 7b9a 024e 3c0f a2f5b6d1'],
] as const) {
  test(`a GUID ${name} is the UUID of the machine`, () => {
    assert.equal(guidUuid(bytes(guid)), 'd1b6f5a2-0f3c-4e02-9a7b-112233445566');
  });
}

test('the GUID of a Dell is that of its service tag, and one that fits no order is as SMBIOS stores it', () => {
  assert.equal(guidUuid(bytes('44454c4c 4400 1048 8031 b4c04f4b4b32')), '4c4c4544-0044-4810-8031-b4c04f4b4b32');
  assert.equal(guidUuid(bytes('00112233445566778899aabbccddeeff')), '33221100-5544-7766-8899-aabbccddeeff');
  assert.equal(guidUuid(bytes('00112233 4455 9677 0899 aabbccddeeff')), '33221100-5544-7796-0899-aabbccddeeff');
});

test('a GUID that nobody set is none', () => {
  for (const guid of [
    '00'.repeat(16),
    'ff'.repeat(16),
    '00020003000400050006000700080009',
    '03000200040005000006000700080009',
  ]) {
    assert.equal(guidUuid(bytes(guid)), undefined, guid);
  }
});

test('events: words, severity, and a time only where the clock was set', () => {
  const event = {
    kind: 'event',
    id: 7,
    seconds: 1_700_000_000,
    sensorType: 0x0c,
    sensor: 8,
    eventType: 0x6f,
    isDeasserted: false,
    offset: 1,
    data: bytes('01ffff'),
  } as const;
  assert.deepEqual(eventOf(event), {
    id: '7',
    at: 1_700_000_000_000,
    severity: 'critical',
    text: 'memory 08: uncorrectable ECC error',
  });
  assert.deepEqual(eventOf({ ...event, isDeasserted: true, seconds: 12 }), {
    id: '7',
    severity: 'ok',
    text: 'memory 08: no longer: uncorrectable ECC error',
  });
  assert.equal(
    eventOf({ ...event, eventType: 1, sensorType: 1, offset: 9 }).text,
    'temperature 08: above the upper critical threshold',
  );
  assert.deepEqual(
    eventOf({ ...event, sensorType: 0x40, offset: 15 }).text,
    'sensor type 64 08: event 6f/15, data 01ffff',
  );
  assert.deepEqual(eventOf({ kind: 'oem', id: 1, type: 0xe0, data: bytes('0102') }), {
    id: '1',
    severity: 'ok',
    text: 'OEM record e0: 0102',
  });
});

test('hardware: placeholders are left out, hostile text is one plain line, and the contract holds', () => {
  const long = `\u0007${'x'.repeat(300)}\n\ud800`;
  const facts = {
    device: { deviceId: 32, firmware: '1.02', manufacturer: 674, product: 0x100, hasSel: true, hasFru: true },
    guid: bytes('44454c4c 5100 3810 8036 b4c04f565a32'),
    fru: {
      chassis: { type: 23, serial: 'CH1' },
      board: { manufacturer: long, product: 'R660', serial: 'CN0BOARD' },
      product: { manufacturer: 'Dell', name: ' ', serial: 'To be filled by O.E.M.', assetTag: '' },
      broken: [`FRU x area: ${long}`],
    },
    address: '10.0.0.12',
    mac: '52:54:00:00:00:01',
    watts: 120,
    gaps: [],
  };
  assert.deepEqual(identityOf(facts), {
    manufacturer: 'Dell',
    product: 'R660',
    serial: 'CH1',
    uuid: '4c4c4544-0051-1038-8036-b4c04f565a32',
    bmcVendor: 'Dell',
    bmcVersion: '1.02',
    macs: [],
  });
  const told = inventoryOf(facts, 5);
  assert.equal(inventory.safeParse(told).error, undefined);
  assert.deepEqual(told.bmc, { address: '10.0.0.12', mac: '52:54:00:00:00:01', model: 'Dell 0100', version: '1.02' });
  assert.equal(inventory.safeParse(inventoryOf({ gaps: [] }, 5)).error, undefined);
  assert.deepEqual(identityOf({ gaps: [] }), { macs: [] });
});

test('status: faults make health, and nothing makes it well', () => {
  const well = { isOn: true, hasOverload: false, hasPowerFault: false, hasDriveFault: false, hasFanFault: false };
  assert.deepEqual(statusOf(well), { power: 'on' });
  assert.deepEqual(statusOf({ ...well, isOn: false, hasFanFault: true, isIdentifying: true }), {
    power: 'off',
    health: 'warning',
    identifying: true,
  });
  assert.equal(statusOf({ ...well, hasFanFault: true, hasPowerFault: true }).health, 'critical');
});

test('what was learned comes back, and nonsense is nothing', () => {
  const facts = { suite: 17, offersSuite0: true, allowsAnonymous: true } as const;
  assert.deepEqual(readLearned(writeLearned(facts)), facts);
  assert.deepEqual(readLearned({ suite: '0', offersSuite0: 'perhaps', other: 'x' }), {});
  assert.deepEqual(readLearned(undefined), {});
});

test('a console hears each character once', () => {
  const packet = (sequence: number, words: string): SolPacket => ({
    sequence,
    ack: 0,
    accepted: 0,
    flags: 0,
    data: new TextEncoder().encode(words),
  });
  let hearing = NOTHING_HEARD;
  const hear = (one: SolPacket): string => {
    const result = heard(hearing, one);
    hearing = result.hearing;
    return new TextDecoder().decode(result.fresh);
  };
  assert.deepEqual(
    [
      packet(1, 'ab'),
      packet(1, 'ab'),
      packet(1, 'abc'),
      packet(1, 'a'),
      packet(0, ''),
      packet(2, 'd'),
      packet(1, 'e'),
    ].map(hear),
    ['ab', '', 'c', '', '', 'd', 'e'],
  );
  assert.equal(heard(hearing, packet(0, '')).ack, undefined);
  assert.deepEqual([0, 1, 14, 15].map(nextSolSequence), [1, 2, 15, 1]);
  const ack = { ...packet(0, ''), ack: 3, accepted: 2 };
  const sent = { sequence: 3, length: 5 };
  assert.deepEqual(ackOf(ack, sent), { accepted: 2, isHeld: false });
  assert.deepEqual(ackOf({ ...ack, accepted: 0 }, sent), { accepted: 5, isHeld: false });
  assert.deepEqual(ackOf({ ...ack, accepted: 0, flags: SOL_STATUS.nack | SOL_STATUS.unavailable }, sent), {
    accepted: 0,
    isHeld: true,
  });
  assert.deepEqual(ackOf({ ...ack, accepted: 200 }, sent), { accepted: 5, isHeld: false });
  assert.equal(ackOf({ ...ack, ack: 4 }, sent), undefined);
});

const line = { isSigned: 'no', linearization: 0, m: 1, b: 0, bExponent: 0, rExponent: 0 } as const;
for (const [name, by, raw, want] of [
  ['as it is', line, 0x2a, 42],
  ["two's complement", { ...line, isSigned: 'twos' }, 0xf6, -10],
  ["one's complement", { ...line, isSigned: 'ones' }, 0xf5, -10],
  ['B has its own exponent', { ...line, m: 63, b: 10, bExponent: 2, rExponent: -3 }, 0xb0, 12.088],
  ['a negative B', { ...line, m: 2, b: -40 }, 10, -20],
  ['the other way round', { ...line, linearization: 7 }, 4, 0.25],
  ['nothing can be divided by nothing', { ...line, linearization: 7 }, 0, undefined],
  ['a curve of the maker’s own', { ...line, linearization: 0x70 }, 4, undefined],
] as const) {
  test(`a reading counts: ${name}`, () => assert.equal(valueOf(by, raw), want));
}

test('a sensor data record is read in both forms, with names in each alphabet, and cut off nowhere', () => {
  const full = (name: string): Uint8Array =>
    bytes(
      `0200 51 01 ${(42 + bytes(name).length).toString(16)} 2000010701 7f04 0101 000000000000 0001000001 0000000000 00000000ff00 00000000000000000000 00 ${name}`,
    );
  for (const [name, want] of [
    ['c4 46616e31', 'Fan1'],
    ['83 29dc a6', 'IPMI'],
    ['43 12 a3 4c', '12 34.'],
    ['00', ''],
  ] as const) {
    const record = full(name);
    const decoded = decodeSdr(record);
    assert.ok(decoded.ok && decoded.value.kind === 'sensor', JSON.stringify(decoded));
    assert.equal(decoded.value.name, want);
    for (let length = 0; length < record.length; length++) {
      assert.equal(decodeSdr(record.subarray(0, length)).ok, false, `${length} bytes`);
    }
  }
});

test('watts are the machine’s where one sensor is its board’s, or the only one', () => {
  const at = (entity: number, value: number) => ({
    record: {
      kind: 'sensor',
      number: 1,
      owner: 0x20,
      lun: 0,
      entity,
      sensorType: 0x0b,
      readingType: 1,
      isPercent: false,
      unit: 6,
      name: 'x',
    } as const,
    sensor: { name: 'x', kind: 'power', value, unit: 'W' } as const,
  });
  assert.equal(wattsOf([at(10, 90), at(7, 180), at(10, 90)]), 180);
  assert.equal(wattsOf([at(10, 90)]), 90);
  assert.equal(wattsOf([at(10, 90), at(10, 90)]), undefined, 'supplies are not added up');
});
