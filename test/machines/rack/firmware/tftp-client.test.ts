import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { tftpRead } from '#machines/rack/firmware/tftp-client.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import type { TftpEvent } from '#server/tftp/contract.ts';
import { TFTP_LIMITS } from '#server/tftp/contract.ts';
import { diskFiles } from '#server/tftp/disk-files.ts';
import { tftpServer } from '#server/tftp/server.ts';
import { waitFor } from '#test/lab/wait.ts';

const LOOPBACK = sure(parseIpv4('127.0.0.1'));
const MACHINE = sure(parseIpv4('127.77.1.1'));
const TIMES = { ...TFTP_LIMITS.times, firstTimeoutMs: 100, longestTimeoutMs: 100, retries: 3 };

describe('the rack’s TFTP', () => {
  const stop = new AbortController();
  const events: TftpEvent[] = [];
  let root: string;
  let port: number;
  let running: Promise<void>;
  const content = Buffer.alloc(20_000, 'loader');

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'ingot-rack-tftp-'));
    await writeFile(join(root, 'loader'), content);
    const server = tftpServer({
      listen: [{ address: LOOPBACK, port: 0 }],
      files: diskFiles({ root }),
      events: (event) => events.push(event),
      limits: { ...TFTP_LIMITS, times: TIMES },
    });
    running = server.run(stop.signal);
    port = (await server.ready)[0]?.port ?? 0;
  });
  after(async () => {
    stop.abort();
    await running;
    await rm(root, { recursive: true });
  });

  const read = (more: Partial<Parameters<typeof tftpRead>[0]> = {}) =>
    tftpRead({
      local: MACHINE,
      server: LOOPBACK,
      port,
      file: 'loader',
      blksize: 1456,
      probe: false,
      stallAfter: Number.POSITIVE_INFINITY,
      signal: AbortSignal.timeout(10_000),
      ...more,
    });

  it('reads a file whole, from the machine’s own address', async () => {
    const result = await read();
    assert.deepEqual(result, { kind: 'read', bytes: content });
    assert.ok(events.some((event) => event.kind === 'asked' && event.peer.address === MACHINE));
  });

  it('asks for the size and leaves, as EDK2 does', async () => {
    events.length = 0;
    assert.equal((await read({ probe: true })).kind, 'read');
    await waitFor('the abort', () => events.some((event) => event.kind === 'aborted-by-client' && event.probe), 5000);
  });

  it('tells what the server refused', async () => {
    const result = await read({ file: 'absent' });
    assert.equal(result.kind === 'refused' && result.code, 1);
  });

  it('goes on after a pause at the first block that comes again', async () => {
    assert.deepEqual(await read({ stallAfter: 2, resumes: true }), { kind: 'read', bytes: content });
  });

  it('stalls for good when its link died', async () => {
    const off = new AbortController();
    const stalled = assert.rejects(read({ stallAfter: 2, signal: off.signal }), { name: 'AbortError' });
    await waitFor('the timeout', () => events.some((one) => one.kind === 'timed-out' && one.bytes > 0), 5000);
    off.abort();
    await stalled;
  });
});
