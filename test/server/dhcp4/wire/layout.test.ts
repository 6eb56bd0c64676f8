import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ipv4FromNumber } from '#machines/values/ip-address.ts';
import type { LayoutLimits } from '#server/dhcp4/wire/layout.ts';
import { type Dhcp4Message, droppedToFit, EMPTY_DHCP4, encodeDhcp4 } from '#server/dhcp4/wire/message.ts';
import { type Dhcp4Options, makeOptions, withRawOption } from '#server/dhcp4/wire/options.ts';
import { messageOf, optionBytes } from './datagram.ts';

const ip = ipv4FromNumber(0xc0a84d01);

/** The codes in the options area as they follow each other, read by hand. */
function codesIn(bytes: Uint8Array, start = 240): readonly number[] {
  const codes: number[] = [];
  for (let at = start; bytes[at] !== 255; at += 2 + (bytes[at + 1] ?? 0)) codes.push(bytes[at] ?? 0);
  return codes;
}

const withOptions = (options: Dhcp4Options): Dhcp4Message => ({ ...EMPTY_DHCP4, op: 2, options });
const order = (options: Dhcp4Options, requested?: ArrayLike<number>) =>
  codesIn(encodeDhcp4(withOptions(options), requested ? { requested } : {}));

describe('the order of options', () => {
  const relay = withRawOption([], 82, Uint8Array.of(1, 1, 7));
  const offer = [
    ...relay,
    ...makeOptions({ router: [ip], domainName: 'lab', subnetMask: ip, serverId: ip, messageType: 'OFFER' }),
  ];

  test('is 53, 54, the rest as they come, 82 last, with the mask before the routers', () => {
    assert.deepEqual(order(offer), [53, 54, 1, 3, 15, 82]);
  });

  test('follows the request where there is one', () => {
    assert.deepEqual(order(offer, [82, 15, 3, 1, 99, 54, 15]), [53, 54, 15, 1, 3, 82]);
    assert.deepEqual(order(offer, Uint8Array.of(1, 15)), [53, 54, 1, 15, 3, 82]);
  });

  test('never shows an option 52 that a caller put in', () => {
    assert.deepEqual(order(makeOptions({ overload: 3, messageType: 'OFFER' }), [52]), [53]);
  });
});

test('a short message is padded with zeros to 300 bytes', () => {
  const bytes = encodeDhcp4(withOptions(makeOptions({ messageType: 'ACK' })));
  assert.equal(bytes.length, 300);
  assert.deepEqual([...bytes.subarray(240, 245)], [53, 1, 5, 255, 0]);
  assert.ok(bytes.subarray(244).every((byte) => byte === 0));
});

describe('a message over its limit', () => {
  const filler = (length: number) => Uint8Array.from({ length }, () => 7);
  const big = (...sizes: readonly (readonly [code: number, length: number])[]): Dhcp4Message =>
    withOptions(
      sizes.reduce<Dhcp4Options>(
        (options, [code, length]) => withRawOption(options, code, filler(length)),
        makeOptions({ messageType: 'ACK', serverId: ip }),
      ),
    );
  const message = big([101, 100], [102, 100], [103, 100], [104, 20]);
  const cases: readonly {
    readonly name: string;
    readonly limits: LayoutLimits;
    readonly dropped: readonly number[];
    readonly bytes: number;
  }[] = [
    { name: 'that fits loses nothing', limits: { maxBytes: 600, droppable: [101] }, dropped: [], bytes: 578 },
    {
      name: 'loses the first that may go and that nobody asked for',
      limits: { maxBytes: 548, droppable: [102, 101], requested: [101] },
      dropped: [102],
      bytes: 476,
    },
    {
      name: 'loses what was asked for only after all that was not, last wish first',
      limits: { maxBytes: 400, droppable: [101, 102, 103], requested: [103, 102] },
      dropped: [101, 102],
      bytes: 374,
    },
    { name: 'keeps what may not go, whatever its size', limits: { maxBytes: 300 }, dropped: [], bytes: 578 },
    {
      name: 'loses no more than it must',
      limits: { maxBytes: 577, droppable: [104, 103] },
      dropped: [104],
      bytes: 556,
    },
  ];
  for (const { name, limits, dropped, bytes } of cases) {
    test(name, () => {
      assert.deepEqual(droppedToFit(message, limits), dropped);
      const encoded = encodeDhcp4(message, limits);
      assert.equal(encoded.length, bytes);
      assert.deepEqual(
        [101, 102, 103, 104].filter((code) => !codesIn(encoded).includes(code)),
        dropped.toSorted((one, other) => one - other),
      );
    });
  }

  test('overloads file and sname where that is allowed, after dropping what nobody asked for', () => {
    const limits = { maxBytes: 400, requested: [101, 102, 104], droppable: [103, 102], overload: true };
    const encoded = encodeDhcp4(message, limits);
    assert.deepEqual(droppedToFit(message, limits), [103]);
    assert.deepEqual(codesIn(encoded), [53, 54, 52, 101, 104]);
    assert.deepEqual(codesIn(encoded, 108), [102]);
    assert.deepEqual(optionBytes(messageOf(encoded))[102], [...filler(100)]);
  });

  test('overloads with value 1, 2 or 3 as the names leave room', () => {
    const both = big([101, 100], [102, 50]);
    const layouts = [
      { names: { file: '', sname: 'boot' }, sizes: [[101, 100]], want: 1 },
      { names: { file: 'boot.efi', sname: '' }, sizes: [[102, 50]], want: 2 },
      {
        names: { file: '', sname: '' },
        sizes: [
          [101, 100],
          [102, 50],
        ],
        want: 3,
      },
    ] as const;
    for (const { names, sizes, want } of layouts) {
      const given = { ...big(...sizes), ...names };
      const encoded = encodeDhcp4(given, { maxBytes: 270, overload: true });
      assert.deepEqual([...encoded.subarray(249, 252)], [52, 1, want]);
      const back = messageOf(encoded);
      assert.deepEqual(optionBytes(back), optionBytes(given));
      assert.deepEqual({ file: back.file, sname: back.sname }, names);
    }
    const named = { ...both, file: 'boot.efi', sname: 'boot' };
    assert.equal(codesIn(encodeDhcp4(named, { maxBytes: 270, overload: true })).includes(52), false);
  });

  test('does not overload around an 82 that is too long by itself, but drops it if it may', () => {
    const relayed = { ...big([101, 100]), options: withRawOption(big([101, 100]).options, 82, filler(400)) };
    const limits = { maxBytes: 548, requested: [101, 82], droppable: [101, 82], overload: true };
    assert.deepEqual(droppedToFit(relayed, limits), [82]);
    assert.ok(encodeDhcp4(relayed, limits).length <= 548);
    const kept = encodeDhcp4(relayed, { ...limits, droppable: [101] });
    assert.deepEqual(codesIn(kept), [53, 54, 82, 82], 'nothing droppable is left, and nothing is hidden in file');
  });

  test('keeps option 82 last in the options area when it overloads', () => {
    const relayed = { ...message, options: withRawOption(message.options, 82, filler(30)) };
    const encoded = encodeDhcp4(relayed, { maxBytes: 548, overload: true });
    assert.equal(codesIn(encoded).at(-1), 82);
    assert.deepEqual(optionBytes(messageOf(encoded)), optionBytes(relayed));
  });
});
