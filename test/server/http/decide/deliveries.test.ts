import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Deliveries, delivered, isComplete } from '#server/http/decide/deliveries.ts';

type Sent = readonly ['kernel' | 'initrd' | 'efi', index: number, start: number, end: number, size: number];

const after = (sent: readonly Sent[]): Deliveries =>
  sent.reduce<Deliveries>(
    (before, [role, index, start, end, size]) => delivered(before, { role, index, start, end, size }),
    new Map(),
  );

const TWO_INITRDS = { role: 'kernel', initrds: 2 } as const;
const NO_INITRD = { role: 'kernel', initrds: 0 } as const;
const KERNEL: Sent = ['kernel', 0, 0, 100, 100];

const TABLE: readonly {
  readonly name: string;
  readonly sent: readonly Sent[];
  readonly wanted?: Parameters<typeof isComplete>[1];
  readonly want: boolean;
}[] = [
  { name: 'nothing was sent', sent: [], want: false },
  { name: 'only the kernel, but there are initrds', sent: [KERNEL], want: false },
  { name: 'kernel and first initrd of two', sent: [KERNEL, ['initrd', 0, 0, 50, 50]], want: false },
  { name: 'kernel and last initrd', sent: [KERNEL, ['initrd', 0, 0, 50, 50], ['initrd', 1, 0, 9, 9]], want: true },
  { name: 'the initrd without the kernel', sent: [['initrd', 1, 0, 9, 9]], want: false },
  { name: 'a kernel without initrds', sent: [KERNEL], wanted: NO_INITRD, want: true },
  { name: 'a kernel broken off', sent: [['kernel', 0, 0, 99, 100]], wanted: NO_INITRD, want: false },
  {
    name: 'a kernel broken off and resumed',
    sent: [
      ['kernel', 0, 0, 60, 100],
      ['kernel', 0, 60, 100, 100],
    ],
    wanted: NO_INITRD,
    want: true,
  },
  {
    name: 'a kernel resumed a little earlier, twice',
    sent: [
      ['kernel', 0, 0, 60, 100],
      ['kernel', 0, 40, 80, 100],
      ['kernel', 0, 40, 100, 100],
    ],
    wanted: NO_INITRD,
    want: true,
  },
  {
    name: 'a kernel with a gap',
    sent: [
      ['kernel', 0, 0, 60, 100],
      ['kernel', 0, 61, 100, 100],
    ],
    wanted: NO_INITRD,
    want: false,
  },
  { name: 'only the end of a kernel', sent: [['kernel', 0, 50, 100, 100]], wanted: NO_INITRD, want: false },
  {
    name: 'half of one kernel and half of its successor',
    sent: [
      ['kernel', 0, 0, 60, 100],
      ['kernel', 0, 60, 120, 120],
    ],
    wanted: NO_INITRD,
    want: false,
  },
  { name: 'a unified image', sent: [['efi', 0, 0, 7, 7]], wanted: { role: 'efi', initrds: 0 }, want: true },
];

describe('deliveries', () => {
  for (const { name, sent, wanted = TWO_INITRDS, want } of TABLE) {
    it(`${name}: ${want ? 'complete' : 'not complete'}`, () => assert.equal(isComplete(after(sent), wanted), want));
  }
});
