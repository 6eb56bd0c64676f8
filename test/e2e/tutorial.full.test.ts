import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '#test/project/source-files.ts';
import { consoleSteps, missingLine, type Step } from '#test/docs/console-blocks.ts';

const MAIN = join(ROOT, 'cli/main.ts');
/** What is asked may not have happened yet: the verdict of step 3 takes twenty seconds. */
const ASKS = /^npx ingot (?:machine (?:list|show)|trace|explain|power status|job list) /;
const PATIENCE_MS = 60_000;
const BETWEEN_MS = 500;

test('what is printed is compared line by line', () => {
  assert.equal(missingLine(['a  …  c', '…', 'd'], 'x\na b   c\ny\nd\n'), undefined);
  assert.equal(missingLine(['a …'], 'a\n'), undefined, 'any text may be none');
  assert.equal(missingLine(['a', 'b'], 'b\na\n'), 'b', 'in this order');
  assert.equal(missingLine(['a.c'], 'abc\n'), 'a.c', 'a dot is a dot');
});

test('the tutorial works, line by line', { timeout: 300_000 }, async (t) => {
  const page = await readFile(join(ROOT, 'docs/tutorial.md'), 'utf8');
  const steps = consoleSteps(page);
  assert.ok(steps.length > 15, `${steps.length} commands`);
  const home = await mkdtemp(join(tmpdir(), 'ingot-tutorial-'));
  // A checkout has it by npm; here it is the one that is tested.
  await mkdir(join(home, 'bin'));
  await writeFile(join(home, 'bin/npx'), `#!/bin/sh\nshift\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  await chmod(join(home, 'bin/npx'), 0o755);
  const env = { ...process.env, PATH: `${join(home, 'bin')}:${process.env['PATH'] ?? ''}`, NO_COLOR: '1' };
  let demo: Demo | undefined;
  t.after(async () => {
    await demo?.end();
    await rm(home, { recursive: true, force: true });
  });

  for (const step of steps) {
    const where = `docs/tutorial.md:${step.line}: ${step.command}`;
    if (step.command === 'npm install') continue;
    if (step.command === 'npm start') {
      demo = await startDemo(home, env);
      assert.equal(missingLine(step.want, demo.printed()), undefined, `${where}\n${demo.printed()}`);
      continue;
    }
    assert.ok(demo, `${where}: nothing is started yet`);
    const before = performance.now();
    await runStep(step, where, { cwd: home, env: { ...env, INGOT_URL: demo.url } });
    t.diagnostic(`${Math.round(performance.now() - before)} ms: ${step.command}`);
  }
});

async function runStep(
  step: Step,
  where: string,
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const { status, out, error } = await run(step.command, options);
    const missing = status === 0 ? missingLine(step.want, out) : `exit status ${status}`;
    if (missing === undefined) return;
    if (!ASKS.test(`${step.command} `) || Date.now() > until)
      assert.fail(`${where}\nwants: ${missing}\n${out}${error}`);
    await sleep(BETWEEN_MS);
  }
}

async function run(command: string, options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }) {
  const child = spawn('/bin/sh', ['-c', command], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, error] = [printedBy(child.stdout), printedBy(child.stderr)];
  const [status] = (await once(child, 'close')) as [number];
  return { status, out: out(), error: error() };
}

function printedBy(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return () => text;
}

type Demo = { readonly url: string; printed(): string; end(): Promise<void> };

/** `npm start`, with a free port for the page. */
async function startDemo(cwd: string, env: NodeJS.ProcessEnv): Promise<Demo> {
  const child: ChildProcess = spawn(process.execPath, [MAIN, 'demo', '--port', '0'], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  assert.ok(child.stdout && child.stderr);
  const [out, error] = [printedBy(child.stdout), printedBy(child.stderr)];
  const end = async (): Promise<void> => {
    child.kill('SIGINT');
    await ended;
  };
  for (;;) {
    const [, url] = /(http:\/\/127\.0\.0\.1:\d+)\/\?code=/.exec(out()) ?? [];
    if (url !== undefined && out().includes('Ctrl-C')) return { url, printed: out, end };
    const over = await Promise.race([once(child.stdout, 'data').then(() => false), ended.then(() => true)]);
    if (over) assert.fail(`the demo ended: ${out()}${error()}`);
  }
}
