import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ipv4FromNumber } from '#machines/values/ip-address.ts';
import { type Dhcp4Message, encodeDhcp4, fitsFile } from '#server/dhcp4/wire/message.ts';
import { getOption, makeOptions, rawOption, withRawOption } from '#server/dhcp4/wire/options.ts';
import { messageOf, optionBytes } from './datagram.ts';

const ip = fc.integer({ min: 0, max: 0xffff_ffff }).map(ipv4FromNumber);
const u8 = fc.integer({ min: 0, max: 255 });
const u16 = fc.integer({ min: 0, max: 65_535 });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const name = (bytes: number) =>
  fc
    .string({ unit: 'binary', maxLength: bytes })
    .filter((text) => !text.includes('\0') && new TextEncoder().encode(text).length < bytes);
// 0 and 255 are no codes, 52 is made by the encoder.
const code = fc.integer({ min: 1, max: 254 }).filter((one) => one !== 52);
const options = fc
  .uniqueArray(fc.tuple(code, fc.uint8Array({ maxLength: 600 })), { selector: ([one]) => one, maxLength: 12 })
  .map((list) => list.reduce<Dhcp4Message['options']>((all, [one, bytes]) => withRawOption(all, one, bytes), []));

const message: fc.Arbitrary<Dhcp4Message> = fc.record({
  op: fc.constantFrom<1 | 2>(1, 2),
  htype: u8,
  hlen: fc.integer({ min: 0, max: 16 }),
  hops: u8,
  xid: u32,
  secs: u16,
  flags: u16,
  ciaddr: ip,
  yiaddr: ip,
  siaddr: ip,
  giaddr: ip,
  chaddr: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  sname: name(64),
  file: name(128).filter(fitsFile),
  options,
});

test('any message comes back as it was sent, whatever its options', () => {
  fc.assert(
    fc.property(message, (sent) => {
      const back = messageOf(encodeDhcp4(sent, { maxBytes: 65_535 }));
      assert.deepEqual({ ...back, options: optionBytes(back) }, { ...sent, options: optionBytes(sent) });
    }),
    { numRuns: 300 },
  );
});

test('any message that may overload comes back whole, in no more bytes than allowed or than it needs', () => {
  fc.assert(
    fc.property(message, fc.integer({ min: 300, max: 1472 }), (sent, maxBytes) => {
      const encoded = encodeDhcp4({ ...sent, sname: '', file: '' }, { maxBytes, overload: true });
      const plain = encodeDhcp4({ ...sent, sname: '', file: '' }, { maxBytes: 65_535 });
      assert.ok(encoded.length <= Math.max(maxBytes, plain.length));
      assert.deepEqual(optionBytes(messageOf(encoded)), optionBytes(sent));
    }),
    { numRuns: 300 },
  );
});

test('any message whose options may all go fits', () => {
  fc.assert(
    fc.property(message, fc.integer({ min: 300, max: 1472 }), fc.boolean(), (sent, maxBytes, overload) => {
      const droppable = sent.options.map((option) => option.code);
      const encoded = encodeDhcp4(sent, { maxBytes, overload, droppable, requested: droppable.toReversed() });
      assert.ok(encoded.length <= maxBytes);
      const left = optionBytes(messageOf(encoded));
      for (const [one, bytes] of Object.entries(left))
        assert.deepEqual(bytes, [...(rawOption(sent.options, Number(one)) ?? [])]);
    }),
    { numRuns: 300 },
  );
});

test('any values of typed options are read back', () => {
  const host = fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }).filter((text) => !text.endsWith('\0'));
  const label = fc.stringMatching(/^[a-z0-9-]{1,63}$/);
  const domain = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
  const values = fc.record({
    router: fc.array(ip, { minLength: 1, maxLength: 100 }),
    leaseSeconds: u32,
    timeOffset: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
    hostName: host.filter((text) => new TextDecoder().decode(new TextEncoder().encode(text)) === text),
    clientArchitecture: fc.array(u16, { minLength: 1, maxLength: 5 }),
    domainSearch: fc.array(domain, { minLength: 1, maxLength: 20 }),
    classlessRoutes: fc.array(
      fc.tuple(u32, fc.integer({ min: 0, max: 32 }), ip).map(([number, bits, via]) => ({
        to: { base: ipv4FromNumber(number - (number % 2 ** (32 - bits))), bits },
        via,
      })),
      { minLength: 1, maxLength: 20 },
    ),
  });
  fc.assert(
    fc.property(values, (given) => {
      const made = makeOptions(given);
      for (const [key, value] of Object.entries(given))
        assert.deepEqual(getOption(made, key as keyof typeof given), value);
    }),
    { numRuns: 200 },
  );
});
