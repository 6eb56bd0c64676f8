import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type SenderStep, tftpSender, wireBlock } from '#server/tftp/decide/sender.ts';

const TIMES = { firstTimeoutMs: 1000, longestTimeoutMs: 8000, firstRetries: 3, retries: 6, gapPatienceMs: 10 };

type Given = Partial<Omit<Parameters<typeof tftpSender>[0], 'times'>>;

const sender = (given: Given = {}) =>
  tftpSender({ blocks: 10, windowsize: 1, withOack: false, rollover: 0, ...given, times: TIMES });

const show = (step: SenderStep): string => {
  if (step.kind === 'data') return step.from === step.to ? `${step.from}` : `${step.from}-${step.to}`;
  return step.kind === 'gave-up' ? `gave-up ${step.stage}` : step.kind;
};

/** Events are ACK numbers or `T` for the timer; the answers are what is sent. */
const CASES: readonly {
  readonly name: string;
  readonly given?: Given;
  readonly events: readonly (number | 'T')[];
  readonly steps: string;
}[] = [
  {
    name: 'lock-step sends one block for each ACK',
    given: { blocks: 3 },
    events: [1, 2, 3],
    steps: '1 | 2 3 finished',
  },
  {
    name: 'options are acknowledged with ACK 0',
    given: { blocks: 1, withOack: true },
    events: [0, 1],
    steps: 'oack | 1 finished',
  },
  {
    name: 'before ACK 0 nothing else counts',
    given: { withOack: true },
    events: [1, 65535, 0],
    steps: 'oack | wait wait 1',
  },
  {
    name: 'a repeated ACK 0 sends nothing in lock-step',
    given: { withOack: true },
    events: [0, 0, 0],
    steps: 'oack | 1 wait wait',
  },
  { name: 'repeated ACKs send nothing in lock-step', events: [1, 1, 1, 2, 2, 1], steps: '1 | 2 wait wait 3 wait wait' },
  {
    name: 'ACKs of the future and of the past send nothing',
    events: [2, 9, 1, 0, 3],
    steps: '1 | wait wait 2 wait wait',
  },
  { name: 'ACK 0 without options is no ACK', events: [0, 0], steps: '1 | wait wait' },
  { name: 'the timer sends the block again', events: ['T', 1, 'T', 2], steps: '1 | 1 2 2 3' },
  { name: 'the timer sends the OACK again', given: { withOack: true }, events: ['T', 0], steps: 'oack | oack 1' },
  { name: 'a silent client is tried few times', events: ['T', 'T', 'T', 'T'], steps: '1 | 1 1 1 gave-up first-ack' },
  {
    name: 'a client that fell silent is tried more',
    events: [1, 'T', 'T', 'T', 'T', 'T', 'T', 'T'],
    steps: '1 | 2 2 2 2 2 2 2 gave-up data',
  },
  {
    name: 'a lost last ACK is told apart',
    given: { blocks: 2 },
    events: [1, 'T', 'T', 'T', 'T', 'T', 'T', 'T'],
    steps: '1 | 2 2 2 2 2 2 2 gave-up last-ack',
  },
  {
    name: 'progress gives new tries',
    events: ['T', 'T', 'T', 1, 'T', 'T', 'T', 'T', 'T', 'T', 2],
    steps: '1 | 1 1 1 2 2 2 2 2 2 2 3',
  },
  {
    name: 'a window follows the ACK of its end',
    given: { windowsize: 4, withOack: true },
    events: [0, 4, 8, 10],
    steps: 'oack | 1-4 5-8 9-10 finished',
  },
  {
    name: 'a gap in the window: on from there, once',
    given: { windowsize: 4, withOack: true },
    events: [0, 2, 'T', 2, 2, 6],
    steps: 'oack | 1-4 linger 3-6 wait wait 7-10',
  },
  {
    name: 'a gap at the window’s start: again, once',
    given: { windowsize: 4, withOack: true },
    events: [0, 4, 4, 'T', 4, 4],
    steps: 'oack | 1-4 5-8 linger 5-8 wait wait',
  },
  {
    name: 'a gap at the very first block',
    given: { windowsize: 4, withOack: true },
    events: [0, 0, 'T', 0, 4],
    steps: 'oack | 1-4 linger 1-4 wait 5-8',
  },
  {
    name: 'an ACK that the network doubled is followed by a better one: nothing comes twice',
    given: { windowsize: 4, withOack: true },
    events: [0, 4, 4, 8, 8, 10],
    steps: 'oack | 1-4 5-8 linger 9-10 linger finished',
  },
  {
    name: 'an ACK for a block that came twice is followed by a better one too',
    given: { windowsize: 4, withOack: true },
    events: [0, 2, 2, 3, 4, 8],
    steps: 'oack | 1-4 linger wait linger 5-8 9-10',
  },
  {
    name: 'two gaps in a row are both answered',
    given: { windowsize: 4, withOack: true },
    events: [0, 1, 'T', 2, 'T', 6],
    steps: 'oack | 1-4 linger 2-5 linger 3-6 7-10',
  },
  {
    name: 'an answered gap leaves all tries to the timer',
    given: { windowsize: 4, withOack: true },
    events: [0, 2, 'T', 'T', 'T', 'T', 'T', 'T', 'T', 'T'],
    steps: 'oack | 1-4 linger 3-6 3-6 3-6 3-6 3-6 3-6 3-6 gave-up data',
  },
  {
    name: 'the timer sends the open window again',
    given: { windowsize: 4, withOack: true },
    events: [0, 4, 'T', 8, 'T'],
    steps: 'oack | 1-4 5-8 5-8 9-10 9-10',
  },
];

for (const { name, given, events, steps } of CASES) {
  test(name, () => {
    const one = sender(given);
    const first = show(one.start());
    const rest = events.map((event) => show(event === 'T' ? one.timeout() : one.ack(event)));
    assert.equal([first, '|', ...rest].join(' '), steps);
  });
}

test('the timer doubles to its longest and starts anew with progress', () => {
  const one = sender();
  one.start();
  one.ack(1);
  const waits = [one.timeoutMs()];
  for (let tries = 0; tries < 5; tries++) {
    one.timeout();
    waits.push(one.timeoutMs());
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 8000, 8000]);
  one.ack(2);
  assert.equal(one.timeoutMs(), 1000);
});

test('a first timeout that the client chose above the longest is kept', () => {
  const one = tftpSender({
    blocks: 2,
    windowsize: 1,
    withOack: false,
    rollover: 0,
    times: { ...TIMES, firstTimeoutMs: 20_000 },
  });
  one.start();
  one.timeout();
  assert.equal(one.timeoutMs(), 20_000);
});

for (const [rollover, after] of [
  [0, [65534, 65535, 0, 1, 2]],
  [1, [65534, 65535, 1, 2, 3]],
] as const) {
  test(`after block 65535 comes ${rollover}`, () => {
    assert.deepEqual(
      [65534, 65535, 65536, 65537, 65538].map((block) => wireBlock(block, rollover)),
      after,
    );
    const one = sender({ blocks: 200_000, rollover });
    let step = one.start();
    for (let block = 1; block < 200_000; block++) {
      assert.deepEqual(step, { kind: 'data', from: block, to: block });
      step = one.ack(wireBlock(block, rollover));
    }
    assert.deepEqual(one.ack(wireBlock(200_000, rollover)), { kind: 'finished' });
  });
}

test('whatever comes, only blocks of the open window are sent, progress never goes back, and it ends', () => {
  const events = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 24 }) },
      { weight: 1, arbitrary: fc.constant('T' as const) },
    ),
    { maxLength: 120 },
  );
  fc.assert(
    fc.property(events, fc.integer({ min: 1, max: 6 }), fc.boolean(), (list, windowsize, withOack) => {
      const one = sender({ blocks: 20, windowsize, withOack: withOack || windowsize > 1 });
      let acked = 0;
      let resends = 0;
      let highest = 0;
      const steps = [one.start(), ...list.map((event) => () => (event === 'T' ? one.timeout() : one.ack(event)))];
      for (const next of steps) {
        const step = typeof next === 'function' ? next() : next;
        assert.ok(one.ackedBlocks() >= acked);
        acked = one.ackedBlocks();
        if (step.kind === 'finished' || step.kind === 'gave-up') return;
        if (step.kind !== 'data') continue;
        assert.equal(step.from, acked + 1);
        assert.ok(step.to >= step.from && step.to <= Math.min(20, acked + windowsize));
        if (step.from <= highest) resends++;
        highest = Math.max(highest, step.to);
      }
      // Every resend has its cause: a timer, or one per acknowledged block for a gap.
      assert.ok(resends <= list.filter((event) => event === 'T').length + 21);
    }),
    { numRuns: 1000 },
  );
});
