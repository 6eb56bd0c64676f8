import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import {
  chaddrOf,
  decodeDhcp4,
  EMPTY_DHCP4,
  encodeDhcp4,
  fitsFile,
  macOf,
  wantsBroadcast,
  withBroadcast,
} from '#server/dhcp4/wire/message.ts';
import { maxReplyBytes } from '#server/dhcp4/wire/message-size.ts';
import { getOption, makeOptions, rawOption, withRawOption } from '#server/dhcp4/wire/options.ts';
import { datagram, decoded, END, messageOf, optionBytes, text } from './datagram.ts';

const DISCOVER = [53, 1, 1];

describe('what is no DHCP message', () => {
  const cases = [
    { name: 'an empty datagram', bytes: new Uint8Array(0), because: 'datagram is 0 bytes, want at least 240' },
    { name: 'one byte', bytes: Uint8Array.of(1), because: 'datagram is 1 byte, want at least 240' },
    {
      name: 'one byte less than the fixed part',
      bytes: datagram({}).subarray(0, 239),
      because: 'datagram is 239 bytes, want at least 240',
    },
    { name: 'an op of 3', bytes: datagram({ op: 3 }), because: 'op is 3, want 1 or 2' },
    { name: 'a hardware address of 17 bytes', bytes: datagram({ hlen: 17 }), because: 'hlen is 17, want at most 16' },
    {
      name: 'another cookie',
      bytes: datagram({ cookie: [0, 0x82, 0x53, 0x63] }),
      because: 'cookie is 00825363, want 63825363',
    },
  ];
  for (const { name, bytes, because } of cases) {
    test(`${name} is malformed, with the reason`, () => {
      assert.deepEqual(decodeDhcp4(bytes), { kind: 'malformed', because });
    });
  }
});

describe('the fixed part', () => {
  test('is read field by field in the order of the wire', () => {
    const bytes = datagram({ options: [...DISCOVER, END], sname: text('boot'), file: text('pxelinux.0') });
    bytes.set([2, 32, 6, 3, 0xde, 0xad, 0xbe, 0xef, 0, 7, 0x80, 1]);
    bytes.set([10, 0, 0, 1, 10, 0, 0, 2, 10, 0, 0, 3, 10, 0, 0, 4], 12);
    const { options: _, chaddr, ...fixed } = messageOf(bytes);
    assert.deepEqual(fixed, {
      op: 2,
      htype: 32,
      hlen: 6,
      hops: 3,
      xid: 0xdeadbeef,
      secs: 7,
      flags: 0x8001,
      ciaddr: '10.0.0.1',
      yiaddr: '10.0.0.2',
      siaddr: '10.0.0.3',
      giaddr: '10.0.0.4',
      sname: 'boot',
      file: 'pxelinux.0',
    });
    assert.equal(chaddr.length, 16);
  });

  test('comes back byte for byte', () => {
    const bytes = datagram({ options: [...DISCOVER, END], sname: text('boot'), file: text('pxelinux.0') });
    bytes.set([2, 1, 6, 3, 0xde, 0xad, 0xbe, 0xef, 0, 7, 0x80, 1]);
    bytes.set([10, 0, 0, 1, 192, 168, 255, 250, 0, 0, 0, 0, 255, 255, 255, 255], 12);
    bytes.set(
      Array.from({ length: 16 }, (_, index) => 0xf0 + index),
      28,
    );
    assert.deepEqual(encodeDhcp4(messageOf(bytes)).subarray(0, bytes.length), bytes);
  });

  test('has a MAC only on Ethernet', () => {
    assert.equal(macOf(messageOf(datagram({}))), '52:54:00:aa:bb:01');
    assert.equal(macOf(messageOf(datagram({ htype: 32, hlen: 0 }))), undefined, 'InfiniBand');
    assert.equal(macOf(messageOf(datagram({ hlen: 16 }))), undefined);
  });

  test('takes a MAC for chaddr and a B flag', () => {
    const mac = sure(parseMacAddress('52:54:00:00:00:07'));
    assert.equal(macOf({ ...EMPTY_DHCP4, chaddr: chaddrOf(mac) }), mac);
    assert.equal(wantsBroadcast(EMPTY_DHCP4), false);
    assert.equal(wantsBroadcast(withBroadcast({ ...EMPTY_DHCP4, flags: 1 })), true);
  });

  test('reads sname and file that fill their field without a NUL', () => {
    const full = datagram({ sname: text('s'.repeat(64)), file: text('f'.repeat(128)), options: [END] });
    assert.equal(messageOf(full).sname, 's'.repeat(64));
    assert.equal(messageOf(full).file, 'f'.repeat(128));
  });

  test('stops a name at the first NUL and reads bytes that are not UTF-8 one for one', () => {
    assert.equal(messageOf(datagram({ file: [...text('a'), 0, ...text('b')] })).file, 'a');
    assert.equal(messageOf(datagram({ file: [0xff, 0xe9] })).file, 'ÿé');
    assert.equal(messageOf(datagram({ file: text('é') })).file, 'é');
  });

  test('is never written with a name that leaves no NUL, nor with numbers that do not fit', () => {
    assert.equal(fitsFile('f'.repeat(127)), true);
    assert.equal(fitsFile(`${'f'.repeat(126)}é`), false, 'bytes count, not characters');
    assert.equal(messageOf(encodeDhcp4({ ...EMPTY_DHCP4, file: 'f'.repeat(127) })).file, 'f'.repeat(127));
    assert.throws(() => encodeDhcp4({ ...EMPTY_DHCP4, file: 'f'.repeat(128) }), RangeError);
    assert.throws(() => encodeDhcp4({ ...EMPTY_DHCP4, sname: 's'.repeat(64) }), RangeError);
    assert.throws(() => encodeDhcp4({ ...EMPTY_DHCP4, secs: 65_536 }), RangeError);
    assert.throws(() => encodeDhcp4({ ...EMPTY_DHCP4, chaddr: new Uint8Array(6) }), RangeError);
  });
});

describe('the list of options', () => {
  test('may have pads between options and rubbish after END', () => {
    const { message, notes } = decoded(datagram({ options: [0, 0, ...DISCOVER, 0, 12, 1, 0x61, END, 9, 9, 9] }));
    assert.deepEqual(optionBytes(message), { 53: [1], 12: [0x61] });
    assert.deepEqual(notes, []);
  });

  test('may lack END, which is noted', () => {
    const { message, notes } = decoded(datagram({ options: DISCOVER }));
    assert.equal(getOption(message.options, 'messageType'), 'DISCOVER');
    assert.deepEqual(notes, ['options: no END']);
  });

  test('keeps what came before a length that passes the end', () => {
    const { message, notes } = decoded(datagram({ options: [...DISCOVER, 12, 9, 0x61] }));
    assert.deepEqual(optionBytes(message), { 53: [1] });
    assert.deepEqual(notes, ['options: option 12 is cut off: got 1 of 9 bytes']);
    assert.deepEqual(decoded(datagram({ options: [...DISCOVER, 12] })).notes, ['options: option 12 has no length']);
  });

  test('loses an option of the wrong size but not the packet', () => {
    const { message, notes } = decoded(datagram({ options: [...DISCOVER, 50, 3, 1, 2, 3, 6, 5, 1, 2, 3, 4, 5, END] }));
    assert.equal(getOption(message.options, 'messageType'), 'DISCOVER');
    assert.equal(getOption(message.options, 'requestedAddress'), undefined);
    assert.equal(getOption(message.options, 'domainNameServers'), undefined);
    assert.deepEqual(rawOption(message.options, 50), Uint8Array.of(1, 2, 3));
    assert.deepEqual(notes, [
      'option 50 is 3 bytes, want 4: ignored',
      'option 6 is 5 bytes, want a multiple of 4: ignored',
    ]);
  });

  test('leaves only a bounded number of notes, however odd it is', () => {
    const wrong = [1, 2, 3, 4, 6, 7, 13, 26, 28, 42, 50, 51, 53, 54, 57, 58, 59, 94, 108, 118, 150, 211];
    const { notes } = decoded(datagram({ options: wrong.flatMap((code) => [code, 1 + Number(code === 53), 0, 0]) }));
    assert.ok(notes.length > 1 && notes.length <= 16);
  });

  test('keeps unknown options as bytes through a round trip', () => {
    const before = messageOf(datagram({ options: [...DISCOVER, 224, 3, 7, 8, 9, 116, 0, END] }));
    assert.deepEqual(optionBytes(messageOf(encodeDhcp4(before))), { 53: [1], 224: [7, 8, 9], 116: [] });
  });
});

describe('RFC 3396', () => {
  test('joins the pieces of a code in their order, wherever they stand', () => {
    const options = [...DISCOVER, 67, 2, 0x61, 0x62, 12, 1, 0x78, 67, 1, 0x63, END];
    assert.equal(getOption(messageOf(datagram({ options })).options, 'bootFileName'), 'abc');
  });

  test('joins across options, file and sname, in that order', () => {
    const bytes = datagram({
      options: [52, 1, 3, ...DISCOVER, 67, 1, 0x61, END],
      file: [67, 1, 0x62, END],
      sname: [67, 1, 0x63, END],
    });
    assert.equal(getOption(messageOf(bytes).options, 'bootFileName'), 'abc');
  });

  for (const length of [255, 256, 510, 511, 1000]) {
    test(`writes ${length} bytes in pieces of 255 and reads them back`, () => {
      const value = Uint8Array.from({ length }, (_, index) => index);
      const bytes = encodeDhcp4({ ...EMPTY_DHCP4, options: withRawOption([], 224, value) }, { maxBytes: 1472 });
      assert.equal(bytes.length, Math.max(300, 240 + length + 2 * Math.ceil(length / 255) + 1));
      assert.deepEqual([bytes[240], bytes[241]], [224, 255]);
      assert.deepEqual(rawOption(messageOf(bytes).options, 224), value);
    });
  }

  test('voids a fixed-size option that comes twice', () => {
    const { message, notes } = decoded(datagram({ options: [...DISCOVER, ...DISCOVER, END] }));
    assert.equal(getOption(message.options, 'messageType'), undefined);
    assert.deepEqual(notes, ['option 53 is 2 bytes, want 1: ignored']);
  });
});

describe('overload', () => {
  const file = [12, 1, 0x66, END];
  const sname = [15, 1, 0x73, END];
  const cases = [
    { value: 1, options: { 53: [1], 12: [0x66] }, names: { file: '', sname: '\u000f\u0001s\u00ff' } },
    { value: 2, options: { 53: [1], 15: [0x73] }, names: { file: '\u000c\u0001f\u00ff', sname: '' } },
    { value: 3, options: { 53: [1], 12: [0x66], 15: [0x73] }, names: { file: '', sname: '' } },
  ];
  for (const { value, options, names } of cases) {
    test(`${value}: the named fields hold options and no name`, () => {
      const message = messageOf(datagram({ options: [...DISCOVER, 52, 1, value, END], file, sname }));
      assert.deepEqual(optionBytes(message), options);
      assert.deepEqual({ file: message.file, sname: message.sname }, names);
    });
  }

  for (const bytes of [
    [52, 1, 0],
    [52, 1, 4],
    [52, 2, 1, 1],
    [52, 0],
  ]) {
    test(`with the bytes ${bytes.join(' ')} is ignored with a note`, () => {
      const { message, notes } = decoded(datagram({ options: [...DISCOVER, ...bytes, END], file: text('boot.efi') }));
      assert.equal(message.file, 'boot.efi');
      assert.deepEqual(optionBytes(message), { 53: [1] });
      assert.deepEqual(notes, ['option 52 is not 1, 2 or 3: ignored']);
    });
  }

  test('inside an overloaded field means nothing', () => {
    const bytes = datagram({ options: [...DISCOVER, 52, 1, 1, END], file: [52, 1, 2, END], sname: text('boot') });
    const { message, notes } = decoded(bytes);
    assert.equal(message.sname, 'boot');
    assert.deepEqual(notes, ['file: option 52 ignored']);
  });

  test('of a field without END reads all of it', () => {
    const full = [224, 126, ...Array.from({ length: 126 }, () => 7)];
    const { message, notes } = decoded(datagram({ options: [...DISCOVER, 52, 1, 1, END], file: full }));
    assert.equal(rawOption(message.options, 224)?.length, 126);
    assert.deepEqual(notes, ['file: no END']);
  });
});

describe('the largest answer', () => {
  const cases = [
    { name: 'without option 57 fits 576 bytes of IP', asked: undefined, want: 548 },
    { name: 'is what the client asks for', asked: 1000, want: 972 },
    { name: 'is never less than every client must take', asked: 100, want: 548 },
    { name: 'is never fragmented on Ethernet', asked: 9000, want: 1472 },
    { name: 'survives the 65280 of OVMF, which is 255 with its bytes swapped', asked: 0xff00, want: 1472 },
  ];
  for (const { name, asked, want } of cases) {
    test(name, () => assert.equal(maxReplyBytes(makeOptions({ maxMessageSize: asked })), want));
  }
});
