import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BmcError } from '#services/bmc/contract.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { bytes } from '../bytes.ts';
import { QUICK } from '../quick-limits.ts';
import { startSmallBmc } from '../small-bmc.ts';
import { fuzzIpmi, randomNumbers } from './fuzz.ts';

const CORPUS = [
  '0600ff07000000000000000000092018c88100388e04b5',
  '0600ff06000011be40010010000011be000000008100000000000000',
  '000011be40010010000011be000000008100000000000000',
  '06c0fff66d370900000020009c90d1a6c615cc714d131db5334d3de4bb12825c00b7c3b528e869aed3d0218dffff020779c3a7102dd3ba0a093278581b076535',
  '81047b20e00100211000408e',
  '00000400a4a3a2a001000000000000080300000001000008040000000200000801000000',
  `00000000a4a3a2a0${'11'.repeat(16)}${'22'.repeat(16)}${'33'.repeat(32)}`,
  'c003014181c011034481c000004080',
  '0105a004000000',
  '20010908 02bf911200020f00000000',
  'ffff01000280d3f660200004 0c086f01ffff',
  'ffff0100e10102030405060708090a0b0c0d',
  '0100010305000000f6' + '00'.repeat(7),
  '01000103050000f6 010217 83a13892 42123a c10000000000 010219010203c24d6502deadc1000000 010201c46c672d4ec100000000000000',
  '0102030048656c6c6f',
  '02005101 32 2000010701 7f04 0101 000000000000 8001 00 00 01 00 00 00 00 00 00000000ff00 000000000000 00000000 00 c7 4f757473696465',
  '06005102 25 2000050a01 6300 086f 0f000f000f00 c00000 00000000000000 00 ca 50533120537461747573',
].map(bytes);

test('twelve thousand mutated packets neither crash a codec nor break what is promised of them', () => {
  const { read, malformed, inputs } = fuzzIpmi({ corpus: CORPUS, count: 12_000, seed: 1 });
  // Both kinds are really tried, or the mutations have become too wild or too tame.
  assert.ok(read > inputs / 20, `${read} read`);
  assert.ok(malformed > inputs / 20, `${malformed} malformed`);
});

test('a BMC that answers anything at all within a session gets nothing out of a driver but values and BmcErrors', async (t) => {
  const random = randomNumbers(7);
  const bmc = await startSmallBmc({
    answer: () => ({
      completion: random(3) === 0 ? random(256) : 0,
      data: Uint8Array.from({ length: random(24) }, () => random(256)),
    }),
  });
  t.after(() => bmc[Symbol.asyncDispose]());
  const target = {
    type: 'ipmi',
    address: `127.0.0.1:${bmc.port}`,
    credential: { username: 'admin', password: 'secretpw' },
    learned: { suite: '17' },
  } as const;
  const driver = await openIpmi(target, {}, { ...QUICK, busyMs: [1, 1] });
  t.after(() => driver[Symbol.asyncDispose]());
  const signal = AbortSignal.timeout(30_000);
  const verbs = [
    () => driver.status(signal),
    () => driver.power('on', signal),
    () => driver.bootOnce({ device: 'network', mode: 'uefi' }, signal),
    () => driver.identify(300, signal),
    () => driver.identity(signal),
    () => driver.inventory(signal),
    () => driver.events(signal),
  ];
  const outcomes = { values: 0, refusals: 0 };
  for (let round = 0; round < 40; round++) {
    for (const verb of verbs) {
      try {
        await verb();
        outcomes.values += 1;
      } catch (error) {
        assert.ok(error instanceof BmcError, String(error));
        outcomes.refusals += 1;
      }
    }
  }
  assert.ok(outcomes.values > 10 && outcomes.refusals > 10, JSON.stringify(outcomes));
});
