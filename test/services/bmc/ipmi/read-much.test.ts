import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { BmcDriver } from '#services/bmc/contract.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { bytes } from './bytes.ts';
import { QUICK } from './quick-limits.ts';
import { type Said, type Seen, type SmallBmc, startSmallBmc } from './small-bmc.ts';

const signal = () => AbortSignal.timeout(20_000);

async function rig(
  t: TestContext,
  answer: (request: Seen) => Said,
): Promise<{ readonly bmc: SmallBmc; readonly driver: BmcDriver }> {
  const bmc = await startSmallBmc({ answer });
  t.after(() => bmc[Symbol.asyncDispose]());
  const credential = { username: 'admin', password: 'secretpw' };
  const target = { type: 'ipmi', address: `127.0.0.1:${bmc.port}`, credential, learned: { suite: '17' } } as const;
  const driver = await openIpmi(target, {}, QUICK);
  t.after(() => driver[Symbol.asyncDispose]());
  return { bmc, driver };
}

const word = (value: number): readonly number[] => [value & 0xff, value >>> 8];

/** A log whose records are these; each points at the next. */
function log(ids: readonly number[], next = (index: number): number => ids[index + 1] ?? 0xffff) {
  return ({ netFn, cmd, data }: Seen): Said => {
    if (netFn !== 10) return { completion: 0xc1 };
    if (cmd === 0x40)
      return { completion: 0, data: Uint8Array.of(0x51, ...word(ids.length), ...bytes('ffff 0000000000000000 02')) };
    if (cmd !== 0x43) return { completion: 0xc1 };
    const wanted = (data[2] ?? 0) | ((data[3] ?? 0) << 8);
    const index = wanted === 0 ? 0 : wanted === 0xffff ? ids.length - 1 : ids.indexOf(wanted);
    const id = ids[index];
    if (id === undefined) return { completion: 0xcb };
    return {
      completion: 0,
      data: Uint8Array.of(...word(next(index)), ...word(id), ...bytes('02 80d3f660 2000 04 0c 08 6f 01ffff')),
    };
  };
}

/** Which were asked for; a question that got no answer in time is asked again. */
const reads = (bmc: SmallBmc): number =>
  new Set(bmc.seen.filter(({ netFn, cmd }) => netFn === 10 && cmd === 0x43).map(({ data }) => `${data[2]} ${data[3]}`))
    .size;

test('of a long log the newest 256 are read, and no more', async (t) => {
  const { bmc, driver } = await rig(t, log(Array.from({ length: 1000 }, (_, index) => index + 1)));
  const events = await driver.events(signal());
  assert.deepEqual([events.length, events[0]?.id, events.at(-1)?.id], [256, '745', '1000']);
  assert.equal(reads(bmc), 257);
});

test('a long log whose records are not numbered in turn is read from its start', async (t) => {
  const { driver } = await rig(t, log(Array.from({ length: 300 }, (_, index) => 60_000 - index * 100)));
  const events = await driver.events(signal());
  assert.deepEqual([events.length, events.at(-1)?.id], [256, '30100']);
});

test('a log that leads in a circle has an end', async (t) => {
  const { driver } = await rig(
    t,
    log([1, 2, 3], (index) => [2, 3, 1][index] ?? 0xffff),
  );
  assert.deepEqual(
    (await driver.events(signal())).map(({ id }) => id),
    ['1', '2', '3'],
  );
});

/** A FRU that gives at most `most` bytes at once: product area with a maker and a name, and 2000 bytes of nothing. */
function fru(most: number, unit: 1 | 2 = 1) {
  const seal = (area: readonly number[]): readonly number[] => [
    ...area,
    -area.reduce((sum, byte) => sum + byte, 0) & 0xff,
  ];
  const product = seal([1, 2, 25, ...bytes('c54d616b6572 c44e616d65 c1')]);
  const whole = Uint8Array.from([...seal([1, 0, 0, 0, 1, 0, 0]), ...product, ...new Uint8Array(2000)]);
  return ({ netFn, cmd, data }: Seen): Said => {
    if (netFn !== 10) return { completion: 0xc1 };
    if (cmd === 0x10) return { completion: 0, data: Uint8Array.of(...word(whole.length), unit - 1) };
    if (cmd !== 0x11) return { completion: 0xc1 };
    const [, low = 0, high = 0, count = 0] = data;
    if (count * unit > most) return { completion: 0xca };
    const start = (low | (high << 8)) * unit;
    const part = whole.subarray(start, start + count * unit);
    return { completion: 0, data: Uint8Array.of(part.length / unit, ...part) };
  };
}

for (const [name, most, unit] of [
  ['in pieces of 32', 32, 1],
  ['in the smaller pieces that the BMC can give', 10, 1],
  ['in words', 32, 2],
] as const) {
  test(`a FRU is read ${name}, as far as it is filled`, async (t) => {
    const { bmc, driver } = await rig(t, fru(most, unit));
    const { manufacturer, product } = await driver.identity(signal());
    assert.deepEqual({ manufacturer, product }, { manufacturer: 'Maker', product: 'Name' });
    assert.ok(bmc.seen.filter(({ cmd }) => cmd === 0x11).length < 8);
  });
}

test('a FRU that cannot be read is a gap', async (t) => {
  const { driver } = await rig(t, fru(4));
  const { gaps } = await driver.inventory(signal());
  assert.match(gaps.join('\n'), /reading its FRU/);
});
