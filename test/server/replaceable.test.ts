import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { replaceable } from '#server/replaceable.ts';
import { task } from '#server/task.ts';

/** A part that tells when it begins and ends; settings below zero do not come up. */
function world() {
  const seen: string[] = [];
  const turns = replaceable<number, number, { readonly settings: () => number }>(
    (settings: number) => ({
      ...task<number>('part', async (signal, listening) => {
        seen.push(`open ${settings}`);
        if (settings < 0) throw new Error(`no such thing as ${settings}`);
        listening(settings);
        if (!signal.aborted) await once(signal, 'abort');
        seen.push(`close ${settings}`);
        if (settings === 13) throw new Error('it broke at its end');
      }),
      settings: () => settings,
    }),
    1,
  );
  const stop = new AbortController();
  return { seen, turns, stop, ended: turns.task.run(stop.signal) };
}

describe('a part that is made anew', () => {
  it('closes before the next one opens, and ends when it is told to', async () => {
    const { seen, turns, stop, ended } = world();
    assert.equal(await turns.task.ready, 1);
    await turns.replace(2);
    assert.equal(turns.current().settings(), 2);
    await Promise.all([turns.replace(3), turns.replace(4)]);
    stop.abort();
    await ended;
    assert.deepEqual(
      seen,
      [1, 2, 3, 4].flatMap((number) => [`open ${number}`, `close ${number}`]),
    );
  });

  it('comes back as it was when the new one does not come up', async () => {
    const { turns, stop, ended } = world();
    await turns.task.ready;
    await assert.rejects(turns.replace(-1), (error: Error) => String(error.cause).includes('no such thing as -1'));
    assert.equal(turns.current().settings(), 1);
    await turns.replace(5);
    assert.equal(turns.current().settings(), 5);
    stop.abort();
    await ended;
  });

  it('that fails by itself fails as a whole, and nobody waits for ever', async () => {
    const { turns, ended } = world();
    await turns.task.ready;
    await turns.replace(13);
    const last = turns.replace(6);
    await assert.rejects(ended, (error: Error) => JSON.stringify(chain(error)).includes('it broke at its end'));
    await assert.rejects(last, /part has ended/);
  });
});

const chain = (error: unknown): readonly string[] =>
  error instanceof Error ? [error.message, ...chain(error.cause)] : [];
