import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { consoleLines } from '#services/bmc/decide/console-lines.ts';

const ROWS: readonly (readonly [name: string, sent: string, want: readonly string[]])[] = [
  [
    'lines of a kernel',
    '[    0.000000] Linux version 6.1\r\n[    0.1] x\r\n',
    ['[    0.000000] Linux version 6.1', '[    0.1] x'],
  ],
  ['colours are left out', '\x1b[1;31mFAILED\x1b[0m to start\r\n', ['FAILED to start']],
  ['a jump of the cursor ends a line', '\x1b[2J\x1b[01;01HSystem BIOS\x1b[03;01HPress F2', ['System BIOS', 'Press F2']],
  ['a carriage return begins the line again', '10 %\r20 %\r30 %\n', ['30 %']],
  ['a title of a terminal is left out, however it ends', '\x1b]0;rm -rf\x07a\n\x1b]52;c;AAAA\x1b\\b\n', ['a', 'b']],
  ['a title that nobody ends swallows its line alone', '\x1b]0;never\nnext\n', ['next']],
  ['character sets and keypad modes are left out', '\x1b(B\x1b)0\x1b=\x1b>ok\n', ['ok']],
  ['control characters are left out', 'a\x00\x08\x07\x0e\x7f\x9bb\n', ['ab']],
  ['what turns text around or cannot be seen is left out', 'a\u202eb\u200bc\ufeffd\n', ['abcd']],
  ['empty and repeated lines are left out', 'x\n\n   \nx\ny\nx\n', ['x', 'y', 'x']],
  ['an escape in the middle of a sequence begins another', '\x1b[3\x1b[1mz\n', ['z']],
];

describe('a console as lines', () => {
  for (const [name, sent, want] of ROWS) {
    it(name, () => {
      const bytes = Buffer.from(sent, 'utf8');
      const whole = consoleLines();
      assert.deepEqual([...whole.take(bytes), ...whole.rest()], want);
      // And cut anywhere, in the middle of characters too.
      const pieces = consoleLines();
      const found = [...bytes].flatMap((byte) => [...pieces.take(Uint8Array.of(byte))]);
      assert.deepEqual([...found, ...pieces.rest()], want);
    });
  }

  it('what never ends is cut, and what has no end yet comes last', () => {
    const lines = consoleLines();
    assert.deepEqual(
      lines.take(Buffer.from('a'.repeat(260))).map((one) => one.length),
      [250],
    );
    assert.deepEqual(lines.rest(), ['a'.repeat(10)]);
    assert.deepEqual(lines.rest(), []);
  });

  it('any bytes give lines that may be shown', () => {
    let state = 11;
    const noise = Uint8Array.from({ length: 200_000 }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 24;
    });
    const lines = consoleLines();
    for (const line of [...lines.take(noise), ...lines.rest()]) {
      assert.ok(line.length <= 250);
      assert.doesNotMatch(line, /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
    }
  });
});
