import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { ROOT } from '#test/project/source-files.ts';
import { attemptOf } from '#test/server/api/memory-recorder.ts';
import { runningCli } from '../running-cli.ts';

type Running = Awaited<ReturnType<typeof runningCli>>;

/** `ingot top` on a terminal of its own, which `script` makes. */
function onTerminal(t: TestContext, script: string, { api }: Running, env: Record<string, string> = {}) {
  const command = `stty rows 24 cols 80; exec ${process.execPath} ${join(ROOT, 'cli/main.ts')} top`;
  const child = spawn(script, ['-qec', command, '/dev/null'], {
    env: {
      PATH: process.env['PATH'] ?? '',
      TERM: 'xterm-256color',
      LANG: 'C.UTF-8',
      SHELL: '/bin/sh',
      INGOT_URL: api.url,
      INGOT_TOKEN: api.tokens.admin,
      ...env,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  let wake = Promise.withResolvers<void>();
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    wake.resolve();
    wake = Promise.withResolvers();
  });
  const ended = once(child, 'close');
  return {
    text: () => text,
    type: (keys: string) => void child.stdin.write(keys),
    async shows(wanted: RegExp) {
      while (!wanted.test(text)) {
        const over = await Promise.race([wake.promise.then(() => false), ended.then(() => true)]);
        if (over && !wanted.test(text)) assert.fail(`it ended without ${wanted}: ${JSON.stringify(text)}`);
      }
    },
    status: async () => (await ended)[0] as number,
  };
}

const ENTERED = '\u001b[?1049h';
const LEFT = '\u001b[?1049l';
const CURSOR_SHOWN = '\u001b[?25h';

test('ingot top shows the rack live, and gives the terminal back', async (t) => {
  const tools = need(t, ['script']);
  if (!tools) return;
  await using cli = await runningCli();
  await cli.done('machine', 'add', 'r1-u1');
  const top = onTerminal(t, tools.script, cli);
  await top.shows(/r1-u1/);
  await top.shows(/live/);
  cli.api.recorder.tell(attemptOf('r1-u1'), { kind: 'grant-spent', grant: 'g' });
  await top.shows(/loads its boot loader/);
  top.type('q');
  assert.equal(await top.status(), 0);
  assert.ok(top.text().includes(ENTERED));
  const after = top.text().slice(top.text().lastIndexOf(LEFT));
  assert.ok(after.startsWith(LEFT) && after.includes(CURSOR_SHOWN), JSON.stringify(after));
});

test('without colours none is sent', async (t) => {
  const tools = need(t, ['script']);
  if (!tools) return;
  await using cli = await runningCli();
  await cli.done('machine', 'add', 'r1-u1');
  const plain = onTerminal(t, tools.script, cli, { NO_COLOR: '1' });
  await plain.shows(/live/);
  plain.type('q');
  assert.equal(await plain.status(), 0);
  // oxlint-disable-next-line no-control-regex -- colours are control sequences
  assert.doesNotMatch(plain.text(), /\u001b\[(?:3|4|9|10)[0-7]m/);
});

test('what goes wrong is told on the terminal as it was, with its exit status', async (t) => {
  const tools = need(t, ['script']);
  if (!tools) return;
  await using cli = await runningCli();
  const refused = onTerminal(t, tools.script, cli, { INGOT_TOKEN: 'wrong' });
  assert.equal(await refused.status(), 5);
  assert.match(refused.text(), /does not know the token from INGOT_TOKEN/);
  assert.ok(!refused.text().includes(ENTERED));

  const dumb = onTerminal(t, tools.script, cli, { TERM: 'dumb' });
  assert.equal(await dumb.status(), 2);
  assert.match(dumb.text(), /cannot be drawn on\r\n {2}next: ingot machine list --watch/);
});

test('ingot top refuses a pipe, and says what to use there', async () => {
  await using cli = await runningCli();
  const { status, error } = await cli.run(['top']);
  assert.equal(status, 2);
  assert.match(error, /want a terminal to draw on, got a pipe or a file\n {2}next: ingot machine list --watch/);
});
