import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blksizeForMtu, negotiateOptions } from '#server/tftp/decide/options.ts';

const CAPS = { blksize: 1468, windowsize: 16, timeoutSeconds: 60 };
const SIZE = 1_000_000;

/** `name=value` pairs, as a client lists them and as the OACK does. */
const CASES: readonly {
  readonly name: string;
  readonly asked: string;
  readonly oack: string;
  readonly blksize?: number;
  readonly windowsize?: number;
  readonly size?: 'unknown' | 'empty';
}[] = [
  { name: 'without options there is no OACK', asked: '', oack: '' },
  {
    name: 'what EDK2 asks is granted in its order',
    asked: 'tsize=0 blksize=1468 windowsize=4',
    oack: `tsize=${SIZE} blksize=1468 windowsize=4`,
    blksize: 1468,
    windowsize: 4,
  },
  { name: 'a large block is cut to what fits the MTU', asked: 'blksize=65464', oack: 'blksize=1468', blksize: 1468 },
  { name: 'a small block is granted as asked', asked: 'blksize=8', oack: 'blksize=8', blksize: 8 },
  { name: 'a block below 8 is passed over', asked: 'blksize=7', oack: '' },
  { name: 'a block above 65464 is passed over', asked: 'blksize=65465', oack: '' },
  { name: 'a window is cut to the cap', asked: 'windowsize=64', oack: 'windowsize=16', windowsize: 16 },
  { name: 'a window of 0 is passed over', asked: 'windowsize=0', oack: '' },
  { name: 'a window above 65535 is passed over', asked: 'windowsize=65536', oack: '' },
  { name: 'a timeout is echoed exactly', asked: 'timeout=6', oack: 'timeout=6' },
  { name: 'a timeout beyond the cap is left out, not changed', asked: 'timeout=255', oack: '' },
  { name: 'a timeout of 0 is passed over', asked: 'timeout=0', oack: '' },
  { name: 'the size is not told unasked', asked: 'blksize=512', oack: 'blksize=512' },
  { name: 'a size that is not known is left out', asked: 'tsize=0 blksize=512', oack: 'blksize=512', size: 'unknown' },
  {
    name: 'the size of an empty file is left out, as curl takes 0 for an error',
    asked: 'tsize=0 blksize=512',
    oack: 'blksize=512',
    size: 'empty',
  },
  {
    name: 'names are case-blind and echoed as spelled',
    asked: 'BlkSize=1024 TSIZE=0',
    oack: `BlkSize=1024 TSIZE=${SIZE}`,
    blksize: 1024,
  },
  {
    name: 'unknown options are passed over',
    asked: 'multicast= blksize=1024 x=y',
    oack: 'blksize=1024',
    blksize: 1024,
  },
  {
    name: 'values that are no decimal numbers are passed over',
    asked: 'blksize=0x400 tsize=-1 windowsize=4.5 timeout=1e1',
    oack: '',
  },
  { name: 'a repeated option counts once', asked: 'blksize=1024 blksize=8', oack: 'blksize=1024', blksize: 1024 },
];

const parse = (text: string) =>
  text
    .split(' ')
    .filter(Boolean)
    .map((pair) => {
      const [name = '', value = ''] = pair.split('=');
      return { name, value };
    });

for (const { name, asked, oack, blksize = 512, windowsize = 1, size } of CASES) {
  test(name, () => {
    const got = negotiateOptions({
      options: parse(asked),
      size: { unknown: undefined, empty: 0, known: SIZE }[size ?? 'known'],
      caps: CAPS,
    });
    assert.deepEqual(got.oack, parse(oack));
    assert.equal(got.blksize, blksize);
    assert.equal(got.windowsize, windowsize);
    assert.equal(got.timeoutSeconds, oack.includes('timeout') ? 6 : undefined);
  });
}

test('a client that asked for the size is known, also where it cannot be told', () => {
  const options = [{ name: 'tsize', value: '0' }];
  assert.equal(negotiateOptions({ options, size: undefined, caps: CAPS }).askedSize, true);
  assert.equal(negotiateOptions({ options: [], size: 1, caps: CAPS }).askedSize, false);
});

test('the block fits the MTU with its headers', () => {
  assert.equal(blksizeForMtu(1500, 'IPv4'), 1468);
  assert.equal(blksizeForMtu(1500, 'IPv6'), 1448);
  assert.equal(blksizeForMtu(1440, 'IPv4'), 1408);
  assert.equal(blksizeForMtu(65536, 'IPv4'), 65464);
  assert.equal(blksizeForMtu(20, 'IPv4'), 8);
});
