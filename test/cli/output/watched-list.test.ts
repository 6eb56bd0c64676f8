import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attemptOf } from '#test/server/api/memory-recorder.ts';
import { runningCli } from '../running-cli.ts';

describe('a watched list', () => {
  for (const [output, want] of [
    ['table', /^NAME .*\nr1-u1 .*\nr1-u2 .*\nr1-u1 +accepted +loader +in-progress/m],
    [
      'json',
      /^\{"kind":"Machine","name":"r1-u1".*\n\{"kind":"Machine","name":"r1-u2".*\n.*"name":"r1-u1".*"in-progress"/,
    ],
    [
      'yaml',
      /^---\nkind: Machine\nname: r1-u1\n[^]*---\nkind: Machine\nname: r1-u2\n[^]*---\nkind: Machine\nname: r1-u1\n[^]*in-progress/,
    ],
  ] as const) {
    it(`is in a pipe a line for each, and again for what has changed (${output})`, async () => {
      await using cli = await runningCli();
      for (const name of ['r1-u1', 'r1-u2']) await cli.done('machine', 'add', name);
      const enough = new AbortController();
      let told = false;
      const { status, out } = await cli.run(['machine', 'list', '--watch', '-o', output], {
        signal: enough.signal,
        onOut(text) {
          if (!told && text.includes('r1-u2')) {
            told = true;
            cli.api.recorder.tell(attemptOf('r1-u1'), { kind: 'grant-spent', grant: 'g' });
          }
          if (text.includes('in-progress')) enough.abort();
        },
      });
      assert.match(out, want);
      assert.equal(out.match(/(?:^|"name":"|^name: )r1-u2\b/gm)?.length, 1, 'what has not changed is not told again');
      assert.equal(status, 0);
    });
  }

  it('ends with the reason where it may not watch', async () => {
    await using cli = await runningCli();
    const { status, error } = await cli.run(['job', 'list', '-w'], { env: { INGOT_TOKEN: 'wrong' } });
    assert.equal(status, 5);
    assert.match(error, /does not know the token/);
  });
});
