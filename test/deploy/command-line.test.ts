import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCommandLine, USAGE } from '../../deploy/agent/command-line.ts';

test('without options it is an image for servers, as small as it gets', () => {
  const options = parseCommandLine([]);
  assert.ok(options.kind === 'build');
  assert.deepEqual([options.variant, options.level, options.snapshot], ['metal', 19, false]);
});

for (const [args, because] of [
  [['--variant', 'arm'], 'got --variant arm, want vm or metal'],
  [['--level', '23'], 'got --level 23, want 1 to 22'],
  [['--level', '1.5'], 'got --level 1.5, want 1 to 22'],
  [['--nonsense'], /--nonsense/],
  [['more'], /more/],
] as const) {
  test(`${args.join(' ')} is refused with the reason`, () => {
    const options = parseCommandLine(args);
    assert.ok(options.kind === 'wrong');
    if (typeof because === 'string') assert.equal(options.because, because);
    else assert.match(options.because, because);
  });
}

test('every option is in the text that explains them', () => {
  const names = ['variant', 'out', 'firmware', 'mirror', 'security-mirror', 'snapshot', 'level', 'entry', 'cache'];
  for (const name of names) assert.match(USAGE, new RegExp(`^  --${name}\\b`, 'm'));
});

test('who asks for help gets it', () =>
  assert.deepEqual(parseCommandLine(['--help', '--level', '0']), { kind: 'help' }));
