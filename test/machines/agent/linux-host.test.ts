import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { describe, it } from 'node:test';
import { readKernelRecord } from '#machines/agent/decide/kernel-log.ts';
import { linuxHost } from '#machines/agent/linux-host.ts';

describe('the host that is this machine', () => {
  const host = linuxHost();

  it('runs tools, and tells how they ended', async () => {
    const shell = (text: string) => host.run('sh', ['-c', text]);
    assert.deepEqual(await shell('echo out; echo err >&2; exit 3'), { status: 3, stdout: 'out\n', stderr: 'err\n' });
    assert.equal((await host.run('sh', ['-c', 'echo $A'], { environment: { A: 'b' } })).stdout, 'b\n');
    const absent = await host.run('there-is-no-such-tool', []);
    assert.equal(absent.status, 127);
    assert.match(absent.stderr, /ENOENT/);
    assert.deepEqual(await shell('kill -9 $$'), { status: 128, stdout: '', stderr: 'ended by SIGKILL' });
  });

  it('kills a tool when told to, with the reason', async () => {
    const stop = new AbortController();
    const running = host.run('sleep', ['600'], { signal: stop.signal });
    stop.abort(new Error('enough'));
    await assert.rejects(running, { message: 'enough' });
    await assert.rejects(host.run('true', [], { signal: stop.signal }), { message: 'enough' });
  });

  it('has a clock that does not jump, addresses, and space', async () => {
    const before = host.uptimeMs();
    assert.ok(before > 0 && host.uptimeMs() >= before);
    for (const { address, prefixLength } of host.addresses()) {
      assert.ok(!address.startsWith('127.') && prefixLength > 0);
    }
    const space = await host.space('/');
    assert.ok(space && space.size >= space.available);
    assert.equal(await host.space('/there/is/no/such/folder'), undefined);
  });

  it('reads the log of the kernel from its first record, and waits for more until it is told to end', async (t) => {
    if (!mayRead('/dev/kmsg')) return t.skip('needs to read /dev/kmsg');
    const stop = new AbortController();
    const lines = [];
    for await (const record of host.kernelLog(AbortSignal.any([stop.signal, AbortSignal.timeout(5000)]))) {
      lines.push(readKernelRecord(record));
      stop.abort();
    }
    if (lines.length === 0) return t.skip('needs a kernel that has something to say');
    assert.ok((lines[0]?.uptimeMs ?? -1) >= 0);
  });
});

function mayRead(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'));
    return true;
  } catch {
    return false;
  }
}
