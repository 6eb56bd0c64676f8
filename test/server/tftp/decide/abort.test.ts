import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isProbe } from '#server/tftp/decide/abort.ts';

const CASES: readonly {
  readonly name: string;
  readonly code: number;
  readonly askedSize: boolean;
  readonly ackedBlocks: number;
  readonly probe: boolean;
}[] = [
  { name: 'EDK2 ends with ERROR 8 once it knows the size', code: 8, askedSize: true, ackedBlocks: 0, probe: true },
  {
    name: 'a BIOS ROM ends with ERROR 0 once it knows the size',
    code: 0,
    askedSize: true,
    ackedBlocks: 0,
    probe: true,
  },
  {
    name: 'a Raspberry Pi takes one block to see that the file exists',
    code: 0,
    askedSize: false,
    ackedBlocks: 1,
    probe: true,
  },
  {
    name: 'ERROR 8 without a question for the size refuses our options',
    code: 8,
    askedSize: false,
    ackedBlocks: 0,
    probe: false,
  },
  { name: 'a full disk is a failure', code: 3, askedSize: true, ackedBlocks: 0, probe: false },
  { name: 'an end in the middle is a failure', code: 0, askedSize: true, ackedBlocks: 2, probe: false },
];
for (const { name, probe, ...given } of CASES) {
  test(name, () => {
    assert.equal(isProbe(given), probe);
  });
}
