import { it } from 'node:test';
import { fuzzDecoders, fuzzDisks } from './wire.fuzz.ts';

for (let seed = 100; seed < 102; seed++) {
  it(`no bytes make a decoder fail (seed ${seed})`, () => void fuzzDecoders({ count: 10_000, seed }));
  it(`no disk makes the reader of signatures fail (seed ${seed})`, async () =>
    void (await fuzzDisks({ count: 1000, seed })));
}
