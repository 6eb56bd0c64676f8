import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openTurns, type Urgency } from '#services/bmc/turns.ts';

const { signal } = new AbortController();

describe('turns', () => {
  it('are so many at once, commands before polls, each in the order of asking', async () => {
    const turns = openTurns(1);
    const first = await turns.take('poll', signal);
    const order: string[] = [];
    const ask = async (urgency: Urgency, name: string): Promise<void> => {
      using _turn = await turns.take(urgency, signal);
      order.push(name);
      await new Promise(setImmediate);
    };
    const all = [
      ask('poll', 'poll 1'),
      ask('command', 'command 1'),
      ask('poll', 'poll 2'),
      ask('command', 'command 2'),
    ];
    assert.equal(turns.waiting(), 4);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    assert.equal(turns.taken(), 1, 'a turn ends once');
    await Promise.all(all);
    assert.deepEqual(order, ['command 1', 'command 2', 'poll 1', 'poll 2']);
    assert.deepEqual([turns.taken(), turns.waiting()], [0, 0]);
  });

  it('are left by who does not want to wait', async () => {
    const turns = openTurns(1);
    using _first = await turns.take('poll', signal);
    const stop = new AbortController();
    const waiting = turns.take('command', stop.signal);
    stop.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
    assert.equal(turns.waiting(), 0);
    await assert.rejects(turns.take('command', stop.signal), /enough/);
  });
});
