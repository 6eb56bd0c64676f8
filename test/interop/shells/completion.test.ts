import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { ROOT } from '#test/project/source-files.ts';
import { runningCli } from '#test/cli/running-cli.ts';

/** How each shell is started without anybody's settings, and taught to complete. All of them ask for words with `READY`. */
const SHELLS = {
  bash: { args: ['--norc', '--noprofile', '-i'], teach: 'PS1="REA""DY "; eval "$(ingot completion bash)"\n' },
  zsh: {
    args: ['-f', '-i'],
    teach: 'PS1="REA""DY "; autoload -U compinit; compinit -u -D; source <(ingot completion zsh)\n',
  },
  fish: {
    args: ['--no-config', '-i'],
    teach: 'function fish_prompt; echo -n REA"DY "; end; ingot completion fish | source\n',
  },
} as const;

/** What is typed, with tabs, and what the command gets. */
const TYPED = [
  ['mach\tacc\tr1-u1\t', ['machine', 'accept', 'r1-u12']],
  ['get profi\t--out\t js\t', ['get', 'profiles', '--output', 'json']],
  ['boot r1-u12 -p zeb\t', ['boot', 'r1-u12', '-p', 'zebra-live']],
  ['apply -f rack\t', ['apply', '-f', 'rack.yaml']],
] as const;

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  test(`${shell} completes commands, options, names and files`, async (t) => {
    const tools = need(t, shell === 'bash' ? ['script'] : ['script', shell]);
    if (!tools) return;
    await using cli = await runningCli();
    await cli.done('machine', 'add', 'r1-u12');
    await cli.run(['apply', '-f', '-'], { input: 'kind: Profile\nname: zebra-live\nos: disk\n' });
    await writeFile(join(cli.cwd, 'rack.yaml'), '');
    await mkdir(join(cli.cwd, 'bin'));
    const record = join(cli.cwd, 'record');
    // What is asked for completion is the real program; what is run at the end is written down.
    const program = join(cli.cwd, 'bin/ingot');
    await writeFile(
      program,
      `#!/bin/sh
case "$1" in
  complete | completion) exec "${process.execPath}" "${join(ROOT, 'cli/main.ts')}" "$@" ;;
  *) printf '%s\\n' "$@" > "${record}.new"; mv "${record}.new" "${record}" ;;
esac
`,
    );
    await chmod(program, 0o755);
    const { args, teach } = SHELLS[shell];
    const child = spawn(tools.script, ['-qec', `stty rows 24 cols 120; exec ${shell} ${args.join(' ')}`, '/dev/null'], {
      cwd: cli.cwd,
      env: {
        PATH: `${join(cli.cwd, 'bin')}:${process.env['PATH'] ?? ''}`,
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
    let text = '';
    let wake = Promise.withResolvers<void>();
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        wake.resolve();
        wake = Promise.withResolvers();
      });
    const prompts = async (count: number): Promise<void> => {
      while (text.split('READY ').length - 1 < count) {
        const over = await Promise.race([wake.promise.then(() => false), ended.then(() => true)]);
        if (over) assert.fail(`${shell} ended: ${text}`);
      }
    };
    child.stdin.write(teach);
    await prompts(1);
    for (const [typed, want] of TYPED) {
      const before = text.length;
      await writeFile(record, '');
      // A key at a time, as a hand does it: a shell takes many at once for a paste.
      for (const key of `ingot ${typed}`) {
        child.stdin.write(key);
        await new Promise((resolve) => setImmediate(resolve));
      }
      child.stdin.write('\r');
      let got = '';
      while ((got = await readFile(record, 'utf8')) === '') await Promise.race([wake.promise, ended]);
      assert.deepEqual(got.trimEnd().split('\n'), want, text.slice(before));
    }
    child.stdin.end('exit\r');
    await ended;
  });
}
