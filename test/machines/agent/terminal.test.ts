import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { STARTING } from '#machines/agent/decide/standing.ts';
import { openAgentLog } from '#machines/agent/log.ts';
import { runScreen } from '#machines/agent/screen.ts';
import { openStandingBoard } from '#machines/agent/standing.ts';
import { openTerminal, terminalsOf } from '#machines/agent/terminal.ts';
import { waitFor } from '#test/lab/wait.ts';
import { fakeHost } from './fake-host.ts';

/** A pipe is full as a serial line without a listener is. */
function pipe(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-terminal-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  execFileSync('mkfifo', [join(folder, 'line')]);
  return join(folder, 'line');
}
const reading = (path: string) => open(path, constants.O_RDONLY | constants.O_NONBLOCK);

describe('a terminal', () => {
  it('is written to in order', async (t) => {
    const path = pipe(t);
    await using reader = await reading(path);
    {
      await using terminal = await openTerminal(path);
      assert.ok(terminal);
      for (let index = 0; index < 100; index++) terminal.write(`line ${index}\n`);
    }
    const text = (await reader.readFile()).toString();
    assert.deepEqual(
      text.trimEnd().split('\n'),
      Array.from({ length: 100 }, (_, index) => `line ${index}`),
    );
  });

  it('that nobody reads stops nobody, and goes on when it is read', async (t) => {
    const path = pipe(t);
    await using reader = await reading(path);
    await using terminal = await openTerminal(path);
    assert.ok(terminal);
    // More than a pipe takes, and more than is kept waiting.
    for (let index = 0; index < 10_000; index++) terminal.write('x'.repeat(1000));
    const piece = Buffer.alloc(1 << 20);
    let read = 0;
    await waitFor(
      'what was kept',
      async () => {
        read += (await reader.read(piece, 0, piece.length, null).catch(() => ({ bytesRead: 0 }))).bytesRead;
        return read >= 400_000;
      },
      10_000,
    );
    assert.ok(read < 10_000_000);
  });

  it('that is not there is none', async () => {
    assert.equal(await openTerminal('/dev/there-is-no-such-terminal'), undefined);
  });
});

describe('the terminals of a machine', () => {
  for (const [name, active, found, want] of [
    ['are those that init has found', undefined, '/dev/tty1 /dev/ttyS0', [['/dev/tty1'], ['/dev/ttyS0']]],
    ['or the first screen and the kernel’s', 'tty0 ttyS1\n', undefined, [['/dev/tty1'], ['/dev/ttyS1']]],
    ['or the console', undefined, undefined, [['/dev/tty1'], ['/dev/console']]],
    ['and no other files', undefined, '/dev/ttyS0 /dev/../etc/passwd /etc/shadow', [[], ['/dev/ttyS0']]],
  ] as const) {
    it(name, async () => {
      await using machine = await fakeHost(
        active === undefined ? {} : { files: { '/sys/class/tty/console/active': active } },
      );
      const { screens, lines } = await terminalsOf(machine.host, found);
      assert.deepEqual([screens, lines], want);
    });
  }
});

describe('a screen', () => {
  it('is drawn at once, and again with what changes', async () => {
    const standing = openStandingBoard();
    const log = openAgentLog({ host: { uptimeMs: () => 1500 }, print: () => {} });
    let drawn = '';
    const terminal = { write: (text: string) => void (drawn += text), [Symbol.asyncDispose]: async () => {} };
    const stop = new AbortController();
    const running = runScreen({
      agent: { name: 'agent', standing, log, run: async () => {} },
      host: { uptimeMs: () => 1500 },
      terminal,
      size: { columns: 80, rows: 25 },
      signal: stop.signal,
    });
    await waitFor('the first drawing', () => drawn.includes(STARTING.base.text), 5000);
    assert.ok(drawn.startsWith('\x1b[2J'));
    standing.change({ machine: 'r1-u12' });
    log.info('hello');
    await waitFor('the name', () => /machine {6}r1-u12/.test(drawn) && drawn.includes('[    1.500] hello'), 5000);
    stop.abort();
    await running;
    assert.ok(drawn.endsWith('\x1b[?25h'));
  });
});
