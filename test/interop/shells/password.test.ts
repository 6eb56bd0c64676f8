import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { need } from '#test/lab/need.ts';
import { ROOT } from '#test/project/source-files.ts';
import { runningCli } from '#test/cli/running-cli.ts';

const PASSWORD = 'correct horse battery';
const ENTER = '\r';
const CTRL_C = '\x03';

/** The real program on a pseudo-terminal; what is typed follows what it waits for. Gives all that the terminal showed. */
async function onTerminal(
  t: TestContext,
  script: string,
  cli: Awaited<ReturnType<typeof runningCli>>,
  args: string,
  typed: readonly (readonly [waitsFor: string, keys: string])[],
): Promise<string> {
  // What the terminal does with keys afterwards is told by stty.
  const command = `"${process.execPath}" "${join(ROOT, 'cli/main.ts')}" ${args}; echo "status=$?"; stty -a`;
  const child = spawn(script, ['-qec', command, '/dev/null'], {
    cwd: cli.cwd,
    env: {
      PATH: process.env['PATH'],
      HOME: cli.cwd,
      TERM: 'xterm',
      LANG: 'C.UTF-8',
      SHELL: '/bin/sh',
      INGOT_URL: cli.api.url,
      INGOT_TOKEN: cli.api.tokens.admin,
    },
  });
  t.after(() => child.kill('SIGKILL'));
  const ended = once(child, 'close');
  let shown = '';
  let wake = Promise.withResolvers<void>();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      shown += chunk;
      wake.resolve();
      wake = Promise.withResolvers();
    });
  for (const [waitsFor, keys] of typed) {
    while (!shown.includes(waitsFor)) {
      const over = await Promise.race([wake.promise.then(() => false), ended.then(() => true)]);
      if (over) assert.fail(`it ended without ${waitsFor}: ${shown}`);
    }
    child.stdin.write(keys);
  }
  await ended;
  return shown;
}

test('a password is asked for on a terminal and never shown, and afterwards the terminal shows keys again', async (t) => {
  const tools = need(t, ['script']);
  if (!tools) return;
  await using cli = await runningCli();
  const on = (args: string, typed: readonly (readonly [string, string])[]): Promise<string> =>
    onTerminal(t, tools.script, cli, args, typed);

  const made = await on('user create anna --role operator', [
    ['New password of anna: ', `${PASSWORD}${ENTER}`],
    ['Once more: ', `${PASSWORD}${ENTER}`],
  ]);
  assert.match(made, /status=0/);
  const login = await on(`login ${cli.api.url} --user anna`, [['Password', `${PASSWORD}${ENTER}`]]);
  assert.match(login, /anna \(operator\) at http/);
  assert.match(login, /status=0/);
  const left = await on(`login ${cli.api.url} --user anna`, [['Password', `corr${CTRL_C}`]]);
  assert.doesNotMatch(left, /status=0/);
  const tokens = await on(`login ${cli.api.url} --token`, [['oken', `${cli.api.tokens.viewer}${ENTER}`]]);
  assert.match(tokens, /status=0/);
  for (const shown of [made, login, left, tokens]) {
    assert.doesNotMatch(shown, /corr|horse|ingot_/, shown);
    assert.match(shown, /status=\d+/, 'it ended, and the shell went on');
    assert.match(shown, / echo /, 'the terminal shows keys again');
    assert.match(shown, / icanon /);
  }
});
