import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { findLeftovers } from './leftovers.ts';
import { type MachineState, RUN_MARK, readMachineState } from './machine-state.ts';

const RUN = `self-test-${process.pid}`;
const ON_LINUX = { skip: process.platform === 'linux' ? false : 'what a machine runs is only read on Linux' };

/** A process that listens on one port and writes its number. */
async function startListener(t: TestContext, mark: NodeJS.ProcessEnv): Promise<{ port: string }> {
  const program = `const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))`;
  const child: ChildProcess = spawn(process.execPath, ['-e', program], {
    env: { ...process.env, ...mark },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  t.after(async () => {
    child.kill();
    await exited;
  });
  assert.ok(child.stdout);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { port: line.toString().trim() };
}

const failed = (before: MachineState, after: MachineState) =>
  findLeftovers(before, after).flatMap((result) =>
    result.kind === 'failed' ? [`${result.name}: ${result.detail}`] : [],
  );

test('a process of the run that still listens is found, with its port', ON_LINUX, async (t) => {
  const before = readMachineState(RUN);
  const { port } = await startListener(t, { [RUN_MARK]: RUN });
  const found = failed(before, readMachineState(RUN)).join('\n');
  assert.match(found, /no process is left behind/);
  assert.match(found, new RegExp(`no listening port is left behind: tcp ${port} `));
});

test("another user's listener is not held against the run", ON_LINUX, async (t) => {
  const before = readMachineState(RUN);
  const { port } = await startListener(t, { [RUN_MARK]: 'another' });
  assert.doesNotMatch(failed(before, readMachineState(RUN)).join('\n'), new RegExp(`tcp ${port} `));
});

test('what was there before is not a leftover, what is new is named', () => {
  const nothing = { processes: [], services: [], ports: [], namespaces: [], bootEntries: [] };
  const before = { ...nothing, services: ['enabled: cron'], bootEntries: ['/boot/a 1 1'] };
  const after = { ...nothing, services: ['enabled: cron', 'enabled: dnsmasq'], bootEntries: ['/boot/a 2 2'] };
  assert.deepEqual(failed(before, after), [
    'no service is left behind: enabled: dnsmasq',
    'no boot entry is left behind: /boot/a 2 2',
  ]);
});
