import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Framing, splitMessages } from '#server/logs/wire/framing.ts';

function split(framing: Framing, chunks: readonly string[], maxBytes = 100): readonly string[] {
  const splitter = splitMessages({ framing, maxBytes });
  const messages = chunks.flatMap((chunk) => splitter.push(Buffer.from(chunk, 'latin1')));
  const last = splitter.end();
  return [...messages, ...(last ? [last] : [])].map((bytes) => Buffer.from(bytes).toString('latin1'));
}

const TABLE: readonly (readonly [name: string, framing: Framing, given: readonly string[], want: readonly string[]])[] =
  [
    ['lines', 'lines', ['one\ntwo\n'], ['one', 'two']],
    ['a line in pieces', 'lines', ['o', 'n', 'e\nt', 'wo'], ['one', 'two']],
    ['empty lines are none', 'lines', ['\n\none\n\n'], ['one']],
    ['numbers begin ordinary lines', 'lines', ['3 apples\n'], ['3 apples']],
    ['messages with their length (RFC 6587 §3.4.1)', 'syslog', ['6 <1>abc9 <2>a\nbcde'], ['<1>abc', '<2>a\nbcde']],
    ['a length in pieces', 'syslog', ['1', '0', ' <1>abc', 'defg'], ['<1>abcdefg'.slice(0, 10)]],
    ['both kinds in one stream', 'syslog', ['<1>a\n6 <2>bcd<3>e\n'], ['<1>a', '<2>bcd', '<3>e']],
    ['a line end after a counted message', 'syslog', ['4 <1>a\n4 <2>b\n'], ['<1>a', '<2>b']],
    ['zero as the end of a message', 'syslog', ['<1>a\0<2>b\0'], ['<1>a', '<2>b']],
    ['text that begins with a number and no length', 'syslog', ['2024-01-01 x\n'], ['2024-01-01 x']],
    ['a length that begins with 0 is text', 'syslog', ['05 abc\n'], ['05 abc']],
    ['a number that is too long is text', 'syslog', ['12345678 abc\n'], ['12345678 abc']],
    ['the stream ends in a counted message', 'syslog', ['20 <1>ab'], ['<1>ab']],
  ];

describe('messages in a stream', () => {
  for (const [name, framing, given, want] of TABLE) {
    it(name, () => {
      assert.deepEqual(split(framing, given), want);
      assert.deepEqual(split(framing, given.join('').split('')), want, 'byte by byte');
      assert.deepEqual(split(framing, [given.join('')]), want, 'at once');
    });
  }

  it('a message that is too long is cut, and the next one is whole', () => {
    assert.deepEqual(split('syslog', [`<1>${'a'.repeat(500)}\n<2>b\n`], 20), [`<1>${'a'.repeat(17)}`, '<2>b']);
    assert.deepEqual(split('syslog', [`503 <1>${'a'.repeat(500)}4 <2>b`], 20), [`<1>${'a'.repeat(17)}`, '<2>b']);
  });

  it('are the same however the stream is cut, and never longer than allowed', () => {
    const alphabet = fc.constantFrom('<', '>', '1', '2', '0', ' ', 'a', '\n', '\0', '\xff');
    const stream = fc.string({ unit: alphabet, maxLength: 120 });
    fc.assert(
      fc.property(
        stream,
        fc.array(fc.nat(120), { maxLength: 6 }),
        fc.constantFrom<Framing>('lines', 'syslog'),
        (text, cuts, framing) => {
          const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
          const pieces = places.slice(1).map((place, index) => text.slice(places[index], place));
          const whole = split(framing, [text], 16);
          assert.deepEqual(split(framing, pieces, 16), whole);
          assert.ok(whole.every((message) => message.length <= 16 && message.length > 0));
        },
      ),
      { numRuns: 5000 },
    );
  });
});
