import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { startDaemon } from '#test/harness/daemon.ts';
import { need } from '#test/lab/need.ts';

type Line = { readonly command: string; readonly wanted: string };

/** The commands of all ```console blocks, with what is said to come of each. */
function commandsOf(markdown: string): readonly Line[] {
  return [...markdown.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(([, block = '']) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...wanted] = part.trimEnd().split('\n');
        return { command, wanted: wanted.join('\n') };
      }),
  );
}

const END = '<<end of answer>>';

/** All in one shell, as they are typed; what each wrote. */
async function typed(commands: readonly string[], env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const shell = spawn('bash', ['--noprofile', '--norc'], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  let complaints = '';
  shell.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  shell.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  for (const command of commands) shell.stdin.write(`${command}\nprintf '%s' '${END}'\n`);
  shell.stdin.end();
  await once(shell, 'close');
  assert.equal(complaints, '');
  return out.split(END).slice(0, commands.length);
}

const patternOf = (wanted: string): RegExp =>
  new RegExp(
    `^${wanted
      .split('…')
      .map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
      .join('[\\s\\S]*?')}$`,
  );

describe('docs/api.md', () => {
  it('does line by line what it says', async (t) => {
    if (!need(t, ['curl'])) return;
    const lines = commandsOf(await readFile(new URL('../../../docs/api.md', import.meta.url), 'utf8'));
    assert.ok(lines.length > 25);
    const hook = createServer((_request, response) => response.writeHead(204).end());
    hook.listen(0, '127.0.0.1');
    await once(hook, 'listening');
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`;
    process.env['INGOT_TEST_HOOK'] = 'a secret of sixteen or more';
    try {
      await using daemon = await startDaemon({
        config: { webhooks: [{ url, secret: { env: 'INGOT_TEST_HOOK' }, events: ['job'] }] },
      });
      const env = { PATH: process.env['PATH'], INGOT: daemon.ready.api, TOKEN: daemon.token, HOOK: url };
      const answers = await typed(
        lines.map(({ command }) => command),
        env,
      );
      for (const [index, { command, wanted }] of lines.entries()) {
        assert.match((answers[index] ?? '').trim(), patternOf(wanted), `$ ${command}`);
      }
    } finally {
      delete process.env['INGOT_TEST_HOOK'];
      hook.closeAllConnections();
      hook.close();
    }
  });
});
