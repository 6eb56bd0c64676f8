import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { RackEvent } from '#machines/rack/rack.ts';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { ROOT } from '#test/project/source-files.ts';
import { type BenchRow, formatRows } from './row.ts';

const RACK = join(ROOT, 'machines/rack/main.ts');
/** Linux counts processor time in hundredths of a second, whatever its own tick is (USER_HZ). */
const TICKS_PER_SECOND = 100;
const SUBNET = { cidr: '127.77.0.0/16', pools: ['127.77.1.0-127.77.250.255'] };
/** A storm is about packets and requests; the image benchmark is about bytes. */
const SIZES = ['--kernel-bytes', String(256 << 10), '--initrd-bytes', String(1 << 20)];

export type Storm = {
  readonly machines: number;
  /** Those that did not come to a running system. */
  readonly failed: number;
  readonly seconds: number;
  /** The daemon's processor time, per machine. */
  readonly cpuMsPerMachine: number;
  /** The daemon's largest resident memory so far. */
  readonly peakMb: number;
};

/** Powers on so many machines at once, in a process of their own, and waits until each has ended. */
export async function storm(daemon: Daemon, machines: number): Promise<Storm> {
  const rack = join(daemon.directory, 'rack');
  const rackArgs = ['--machines', String(machines), '--plain'];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [RACK, 'prepare', '--dir', rack, ...rackArgs, ...SIZES],
    { maxBuffer: 1 << 28 },
  );
  await daemon.apply(JSON.parse(stdout) as readonly unknown[]);
  const { dhcp, tftpPort } = daemon.sockets;
  const before = cpuSeconds(daemon.pid);
  const started = performance.now();
  const args = ['run', ...rackArgs, '--stagger', '0', '--self-test', '0', '--kernel-time', '0', '-o', 'json'];
  const child = spawn(
    process.execPath,
    [RACK, ...args, '--dhcp', `${dhcp.address}:${dhcp.port}`, '--tftp-port', String(tftpPort)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'close');
  let running = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('{')) continue;
    const event = JSON.parse(line) as RackEvent;
    if (event.kind === 'ended' && event.result.kind === 'running') running++;
  }
  await ended;
  const seconds = (performance.now() - started) / 1000;
  return {
    machines,
    failed: machines - running,
    seconds,
    cpuMsPerMachine: ((cpuSeconds(daemon.pid) - before) * 1000) / machines,
    peakMb: memoryMb(daemon.pid, 'VmHWM'),
  };
}

export const STORM_CONFIG = { subnets: [SUBNET], loaders: { dir: './rack/loaders' } };

/** Storms of 100 and of 1,000 machines, each on a fresh daemon; then a second start with 10,000 machines known. */
export async function benchStorm(): Promise<readonly BenchRow[]> {
  const hundred = await stormOnFresh(100);
  const thousand = await stormOnFresh(1000);
  return [...stormRows(hundred), ...stormRows(thousand, hundred), ...(await startRows())];
}

async function stormOnFresh(machines: number): Promise<Storm> {
  await using daemon = await startDaemon({ config: STORM_CONFIG });
  return await storm(daemon, machines);
}

function stormRows(one: Storm, smaller?: Storm): readonly BenchRow[] {
  const what = `boot storm, ${one.machines.toLocaleString('en')} machines at once`;
  return [
    { what: `${what}: failed`, ours: one.failed, unit: 'machines', target: { kind: 'at-most', value: 0 } },
    { what: `${what}: until the last runs`, ours: one.seconds, unit: 's' },
    {
      what: `${what}: processor time each`,
      ours: one.cpuMsPerMachine,
      unit: 'ms',
      ...(smaller && {
        peer: smaller.cpuMsPerMachine,
        peerName: `${smaller.machines} machines`,
        ratio: smaller.cpuMsPerMachine / one.cpuMsPerMachine,
        target: { kind: 'ratio', atLeast: 0.9 },
      }),
    },
    { what: `${what}: memory`, ours: one.peakMb, unit: 'MB', target: { kind: 'at-most', value: 400 } },
  ];
}

const KNOWN = 10_000;

async function startRows(): Promise<readonly BenchRow[]> {
  const directory = await mkdtemp(join(tmpdir(), 'ingot-known-'));
  try {
    {
      await using daemon = await startDaemon({ directory });
      await daemon.apply(Array.from({ length: KNOWN }, (_, index) => knownMachine(index)));
    }
    // The second start compiles nothing: what counts is what an operator sees at every restart.
    const starts: number[] = [];
    let idleMb = 0;
    for (let turn = 0; turn < 3; turn++) {
      await using daemon = await startDaemon({ directory });
      starts.push(daemon.readyMs / 1000);
      await setTimeout(IDLE_MS);
      idleMb = memoryMb(daemon.pid, 'VmRSS');
    }
    const what = `start with ${KNOWN.toLocaleString('en')} machines known`;
    return [
      { what, ours: median(starts), unit: 's', target: { kind: 'at-most', value: 1 } },
      { what: `${what}: memory when idle`, ours: idleMb, unit: 'MB', target: { kind: 'at-most', value: 150 } },
    ];
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Idle is what it is after the start has been forgotten. */
const IDLE_MS = 5000;

function knownMachine(index: number) {
  const hex = index.toString(16).padStart(6, '0');
  const number = String(index).padStart(5, '0');
  return {
    kind: 'Machine',
    name: `known-${number}`,
    labels: { rack: `r${Math.floor(index / 40)}` },
    macs: [`02:00:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4)}`],
    serial: `KNOWN${number}`,
  };
}

const median = (figures: readonly number[]): number => figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? 0;

function cpuSeconds(pid: number): number {
  // The name may hold blanks and parentheses: count from the last one. proc(5): utime is field 14, stime 15.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\)\s+/s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function memoryMb(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
}

if (import.meta.main) console.log(formatRows(await benchStorm()));
