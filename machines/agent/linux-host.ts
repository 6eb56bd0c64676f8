import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants, open, statfs, writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Host, HostAddress, ToolResult } from './host.ts';

/** Of a tool's answer: more than any has to say; a mad one must not eat the memory. */
const OUTPUT_BYTES = 16 << 20;
/** A record of `/dev/kmsg` is read whole or not at all; the kernel makes none longer. */
const RECORD_BYTES = 16_384;
const KERNEL_LOG_POLL_MS = 250;
const SYSRQ_MS = 15_000;

/** The machine that this program runs on, which is Linux with busybox, and the program root on it. */
export function linuxHost(): Host {
  return {
    root: '/',
    now: () => Date.now(),
    // CLOCK_MONOTONIC, as the kernel's log has it.
    uptimeMs: () => Number(process.hrtime.bigint() / 1000n) / 1000,
    randomBytes,
    async setClock(ms) {
      const { status, stderr } = await runTool('busybox', ['date', '-u', '-s', `@${Math.round(ms / 1000)}`]);
      if (status !== 0) throw new Error(`date: status ${status}: ${stderr.trim()}`);
    },
    run: runTool,
    addresses,
    hostname,
    setHostname: (name) => writeFile('/proc/sys/kernel/hostname', name),
    kernelLog,
    async space(mountPoint) {
      try {
        const { bsize, blocks, bavail } = await statfs(mountPoint);
        return { size: blocks * bsize, available: bavail * bsize };
      } catch {
        return undefined;
      }
    },
    restart,
  };
}

async function runTool(
  tool: string,
  args: readonly string[],
  options: Parameters<Host['run']>[2] = {},
): Promise<ToolResult> {
  options.signal?.throwIfAborted();
  const child = spawn(tool, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', ...options.environment },
  });
  const kill = () => void child.kill('SIGKILL');
  options.signal?.addEventListener('abort', kill);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  const keepIn = (kept: Buffer[]) => {
    let bytes = 0;
    return (piece: Buffer) => {
      bytes += piece.length;
      if (bytes <= OUTPUT_BYTES) kept.push(piece);
    };
  };
  child.stdout.on('data', keepIn(stdout));
  child.stderr.on('data', keepIn(stderr));
  const { promise, resolve } = Promise.withResolvers<{ status: number; because?: string }>();
  child.on('error', (cause) => resolve({ status: 127, because: cause.message }));
  child.on('close', (status, signal) =>
    resolve(status === null ? { status: 128, because: `ended by ${signal}` } : { status }),
  );
  try {
    const { status, because } = await promise;
    options.signal?.throwIfAborted();
    return {
      status,
      stdout: Buffer.concat(stdout).toString(),
      stderr: because ?? Buffer.concat(stderr).toString(),
    };
  } finally {
    options.signal?.removeEventListener('abort', kill);
  }
}

const addresses = (): readonly HostAddress[] =>
  Object.entries(networkInterfaces()).flatMap(([link, infos = []]) =>
    infos
      .filter(({ internal }) => !internal)
      .map(({ address, cidr, family }) => ({
        link,
        address,
        prefixLength: Number(cidr?.split('/')[1] ?? (family === 'IPv4' ? 32 : 128)),
        family: family === 'IPv4' ? 'inet4' : 'inet6',
      })),
  );

/** Each read gives one record. EPIPE: the oldest were overwritten meanwhile, and the next read goes on with what is left. */
async function* kernelLog(signal: AbortSignal): AsyncGenerator<string, void, undefined> {
  await using file = await open('/dev/kmsg', constants.O_RDONLY | constants.O_NONBLOCK);
  const record = Buffer.alloc(RECORD_BYTES);
  while (!signal.aborted) {
    try {
      const { bytesRead } = await file.read(record, 0, record.length, null);
      yield record.toString('utf8', 0, bytesRead);
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
      if (code === 'EAGAIN') await sleep(KERNEL_LOG_POLL_MS, undefined, { signal }).catch(() => {});
      else if (code !== 'EPIPE' && code !== 'EINVAL') throw cause;
    }
  }
}

/** There is no init that would do it in order, and no file system but the one in memory. */
async function restart(how: 'reboot' | 'shutdown'): Promise<void> {
  await runTool('busybox', ['sync']);
  const done = await runTool('busybox', how === 'reboot' ? ['reboot', '-f'] : ['poweroff', '-f']);
  // Comes here only where busybox could not: the kernel's own way (Documentation/admin-guide/sysrq).
  await writeFile('/proc/sys/kernel/sysrq', '1').catch(() => {});
  await writeFile('/proc/sysrq-trigger', how === 'reboot' ? 'b' : 'o');
  // Powering off goes on by itself after the write.
  await sleep(SYSRQ_MS);
  throw new Error(`${how}: busybox said ${done.status} ${done.stderr.trim()}, and the kernel did nothing either`);
}
