import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sure } from '#machines/values/parsed.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { TFTP_LIMITS } from '#server/tftp/contract.ts';
import { diskFiles } from '#server/tftp/disk-files.ts';
import { tftpServer } from '#server/tftp/server.ts';
import { findUnpacked } from '#test/lab/cache.ts';
import { type BenchRow, formatRows } from './row.ts';

const run = promisify(execFile);
const FILE_BYTES = 20_000_000;
const ROUNDS = 9;
const LOOPBACK = sure(parseIpv4('127.0.0.1'));

/**
 * The same downloads over loopback from us and from tftpd-hpa, turn by turn, each figure the median of its turns: on
 * a machine that does other things too, neighbours in time share the weather. Rejects when a program is missing.
 */
export async function benchTftp(): Promise<readonly BenchRow[]> {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-bench-tftp-'));
  const stop = new AbortController();
  try {
    await writeFile(join(dir, 'file'), Buffer.alloc(FILE_BYTES, 'ingot'));
    const server = tftpServer({
      listen: [{ address: LOOPBACK, port: 0 }],
      files: diskFiles({ root: dir }),
      events: () => {},
      limits: { ...TFTP_LIMITS, mtu: 65536 },
    });
    const running = server.run(stop.signal);
    const [local] = await server.ready;
    const peer = await startTftpdHpa(dir, (local?.port ?? 0) ^ 1);
    try {
      return await rows({ ours: local?.port ?? 0, peer: peer.port });
    } finally {
      peer.process.kill();
      stop.abort();
      await running;
    }
  } finally {
    await rm(dir, { recursive: true });
  }
}

async function rows(ports: { readonly ours: number; readonly peer: number }): Promise<readonly BenchRow[]> {
  const curl = (blksize: number) => (port: number) =>
    run('curl', ['-sS', '--tftp-blksize', String(blksize), '-o', '/dev/null', `tftp://127.0.0.1:${port}/file`]);
  const eightCurls = (port: number) => Promise.all(Array.from({ length: 8 }, () => curl(1428)(port)));
  const windowed = (port: number) =>
    run('atftp', [
      '--option',
      'blksize 1428',
      '--option',
      'windowsize 16',
      '-g',
      '-r',
      'file',
      '-l',
      '/dev/null',
      '127.0.0.1',
      String(port),
    ]);
  const lockStep = curl(1428);
  return [
    await row({ what: 'TFTP, one file, blksize 512, lock-step', target: 0.85, ours: curl(512), peer: curl(512) }),
    await row({ what: 'TFTP, one file, blksize 1428, lock-step', target: 0.85, ours: lockStep, peer: lockStep }),
    await row({ what: 'TFTP, one file, blksize 8192, lock-step', target: 0.85, ours: curl(8192), peer: curl(8192) }),
    // tftpd-hpa knows no windowsize: our window is held against its lock-step.
    await row({ what: 'TFTP, one file, blksize 1428, windowsize 16', target: 6, ours: windowed, peer: lockStep }),
    await row({
      what: 'TFTP, 8 clients, blksize 1428, lock-step',
      target: 1,
      ours: eightCurls,
      peer: eightCurls,
      files: 8,
    }),
  ];

  async function row({
    what,
    target,
    ours,
    peer,
    files = 1,
  }: {
    readonly what: string;
    readonly target: number;
    readonly ours: (port: number) => Promise<unknown>;
    readonly peer: (port: number) => Promise<unknown>;
    readonly files?: number;
  }): Promise<BenchRow> {
    const figures: { readonly ours: number[]; readonly peer: number[] } = { ours: [], peer: [] };
    const megabytesPerSecond = async (work: () => Promise<unknown>) => {
      const start = performance.now();
      await work();
      return (files * FILE_BYTES) / 1000 / (performance.now() - start);
    };
    for (let round = 0; round < ROUNDS; round++) {
      figures.ours.push(await megabytesPerSecond(() => ours(ports.ours)));
      figures.peer.push(await megabytesPerSecond(() => peer(ports.peer)));
    }
    const [mine, theirs] = [median(figures.ours), median(figures.peer)];
    return {
      what,
      ours: mine,
      peer: theirs,
      peerName: 'tftpd-hpa',
      unit: 'MB/s',
      ratio: mine / theirs,
      target: { kind: 'ratio', atLeast: target },
    };
  }
}

const median = (figures: readonly number[]) => figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? 0;

async function startTftpdHpa(
  root: string,
  port: number,
): Promise<{ readonly process: ChildProcess; readonly port: number }> {
  const program = findUnpacked('tftpd-hpa', 'usr/sbin/in.tftpd');
  if (program === undefined) throw new Error('in.tftpd is missing: node test/lab/install.ts unpacks it');
  const args = ['-L', '-4', '--address', `127.0.0.1:${port}`, '-u', 'root', '-s', root];
  const process = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = once(process, 'exit').then(() => {
    throw new Error('in.tftpd ended: it needs root and a free port');
  });
  ended.catch(() => {});
  // It has no word for "ready": it is, once it answers.
  const answers = async () => {
    for (;;) {
      const one = ['-sS', '--connect-timeout', '1', '-r', '0-0', '-o', '/dev/null', `tftp://127.0.0.1:${port}/absent`];
      const error = await run('curl', one, { timeout: 2000 }).then(
        () => undefined,
        (failure: { readonly code?: unknown }) => failure.code,
      );
      if (error === NOT_FOUND) return;
    }
  };
  await Promise.race([answers(), ended]);
  return { process, port };
}

/** curl's exit status for "file not found", which only a listening server says. */
const NOT_FOUND = 68;

if (import.meta.main) process.stdout.write(`${formatRows(await benchTftp())}\n`);
