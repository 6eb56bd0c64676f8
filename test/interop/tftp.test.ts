import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { need } from '#test/lab/need.ts';
import { runningTftp, sampleBytes } from '#test/server/tftp/running-server.ts';

const run = promisify(execFile);
const LIMIT = { timeout: 20_000 };

/** Sizes that end inside a block, at its end, and after more blocks than a 512-byte block number can count. */
const SIZES = [0, 1, 512 * 20, 1428 * 30, 300_001];

async function serving(t: TestContext, size: number) {
  const file = sampleBytes(size);
  // One loopback MTU, so that large blocks are granted; a real network is cut to its own.
  const server = await runningTftp(t, { files: { file }, limits: { times: PATIENT } });
  const dir = await mkdtemp(join(tmpdir(), 'ingot-tftp-'));
  t.after(() => rm(dir, { recursive: true }));
  const local = join(dir, 'out');
  return {
    port: String(server.port),
    dir,
    local,
    server,
    cameWhole: async (): Promise<void> => {
      assert.ok((await readFile(local)).equals(file), 'other bytes came than were served');
      assert.deepEqual([(await server.event('sent')).bytes], [size]);
    },
  };
}

/** On a busy machine a retransmission would be right; here it would blur what is asked of the client. */
const PATIENT = { firstTimeoutMs: 5000, longestTimeoutMs: 8000, firstRetries: 3, retries: 6, gapPatienceMs: 10 };

describe('files come whole to', { timeout: 120_000 }, () => {
  for (const options of [
    ['--tftp-no-options'],
    ...['8', '512', '1428', '8192', '65464'].map((n) => ['--tftp-blksize', n]),
  ]) {
    test(`curl ${options.join(' ')}`, async (t) => {
      const tools = need(t, ['curl']);
      if (!tools) return;
      for (const size of options.includes('8') ? [8 * 100] : SIZES) {
        const { port, local, cameWhole, server } = await serving(t, size);
        await run(tools.curl, ['-sS', ...options, '-o', local, `tftp://127.0.0.1:${port}/file`], LIMIT);
        // curl makes no file when nothing came.
        if (size > 0) await cameWhole();
        else assert.equal((await server.event('sent')).bytes, 0);
        const sent = await server.event('sent');
        assert.equal(sent.blksize, options[1] === undefined ? 512 : Number(options[1]));
      }
    });
  }

  test('tftp-hpa', async (t) => {
    const tools = need(t, ['tftp']);
    if (!tools) return;
    for (const size of SIZES) {
      const { port, local, cameWhole } = await serving(t, size);
      await run(tools.tftp, ['-m', 'binary', '127.0.0.1', port, '-c', 'get', 'file', local], LIMIT);
      await cameWhole();
    }
  });

  test('tftp-hpa in netascii, which it turns back', async (t) => {
    const tools = need(t, ['tftp']);
    if (!tools) return;
    const text = Buffer.from('one\ntwo\rthree\r\n'.repeat(100));
    const server = await runningTftp(t, { files: { text }, limits: { times: PATIENT } });
    const { local } = await serving(t, 0);
    const args = ['-m', 'ascii', '127.0.0.1', String(server.port), '-c', 'get', 'text', local];
    await run(tools.tftp, args, LIMIT);
    assert.equal((await readFile(local)).toString(), text.toString());
  });

  for (const options of [
    [],
    ['blksize 1428'],
    ['blksize 8192'],
    ['blksize 1428', 'windowsize 4'],
    ['blksize 1428', 'windowsize 16'],
    ['tsize 0', 'timeout 3', 'windowsize 64'],
  ]) {
    test(`atftp ${options.join(', ')}`, async (t) => {
      const tools = need(t, ['atftp']);
      if (!tools) return;
      for (const size of SIZES) {
        const { port, local, cameWhole, server } = await serving(t, size);
        const args = [
          ...options.flatMap((option) => ['--option', option]),
          '-g',
          '-r',
          'file',
          '-l',
          local,
          '127.0.0.1',
          port,
        ];
        await run(tools.atftp, args, LIMIT);
        await cameWhole();
        const asked = options.find((option) => option.startsWith('windowsize'))?.split(' ')[1] ?? '1';
        assert.equal((await server.event('sent')).windowsize, Math.min(16, Number(asked)));
      }
    });
  }

  for (const blksize of [undefined, '1468']) {
    test(`busybox tftp ${blksize === undefined ? '' : `-b ${blksize}`}`, async (t) => {
      const tools = need(t, ['busybox']);
      if (!tools) return;
      for (const size of SIZES) {
        const { port, local, cameWhole } = await serving(t, size);
        const block = blksize === undefined ? [] : ['-b', blksize];
        await run(tools.busybox, ['tftp', ...block, '-g', '-r', 'file', '-l', local, '127.0.0.1', port], LIMIT);
        await cameWhole();
      }
    });
  }

  for (const windowSize of [1, 4, 8]) {
    test(`the npm client with a window of ${windowSize}`, async (t) => {
      for (const size of SIZES) {
        const { port, local, cameWhole } = await serving(t, size);
        // In a process of its own, as it ends its process on a packet that it does not like.
        const program = `require(process.argv[1]).createClient({ host: '127.0.0.1', port: ${port}, windowSize: ${windowSize} })
          .get('file', process.argv[2], (error) => { if (error) throw error; });`;
        const client = createRequire(import.meta.url).resolve('tftp');
        await run(process.execPath, ['--no-deprecation', '-e', program, client, local], LIMIT);
        await cameWhole();
      }
    });
  }
});

describe('what is refused is told to', { timeout: 60_000 }, () => {
  test('curl: exit status 68 for a missing file', async (t) => {
    const tools = need(t, ['curl']);
    if (!tools) return;
    const { port } = await serving(t, 1);
    await assert.rejects(run(tools.curl, ['-sS', `tftp://127.0.0.1:${port}/absent`], LIMIT), { code: 68 });
  });

  test('curl: exit status 69 for a write', async (t) => {
    const tools = need(t, ['curl']);
    if (!tools) return;
    const { port } = await serving(t, 1);
    const args = ['-sS', '-T', process.execPath, `tftp://127.0.0.1:${port}/written`];
    await assert.rejects(run(tools.curl, args, LIMIT), { code: 69 });
  });

  test('tftp-hpa: the reason in its words', async (t) => {
    const tools = need(t, ['tftp']);
    if (!tools) return;
    const { port, local } = await serving(t, 1);
    const { stdout } = await run(
      tools.tftp,
      ['-m', 'binary', '127.0.0.1', port, '-c', 'get', 'a/../../b', local],
      LIMIT,
    );
    assert.match(stdout, /leads out of the root/);
  });
});

test('a curl that is ended half-way frees its transfer', { timeout: 60_000 }, async (t) => {
  const tools = need(t, ['curl']);
  if (!tools) return;
  const { port, server } = await serving(t, 20_000_000);
  const client = execFile(tools.curl, [
    '-sS',
    '--limit-rate',
    '100k',
    '-o',
    '/dev/null',
    `tftp://127.0.0.1:${port}/file`,
  ]);
  await server.event('asked');
  client.stdout?.resume();
  client.kill('SIGKILL');
  const ended = await Promise.race([server.event('aborted-by-client'), server.event('timed-out')]);
  assert.notEqual(ended.bytes, 20_000_000);
});
