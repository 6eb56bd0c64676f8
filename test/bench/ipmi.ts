import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { SIM_USER, startIpmiSim } from '#test/interop/ipmi/ipmi-sim.ts';
import { findUnpacked } from '#test/lab/cache.ts';
import { type BenchRow, formatRows } from './row.ts';

const run = promisify(execFile);
const ROUNDS = 15;
const POLLS = 600;

/**
 * The power of one machine behind ipmi_sim: a session opened, read and closed by us, and by a process of ipmitool, turn
 * by turn; each figure the median. Then what it costs us to ask over a session that is kept. Rejects when a program is
 * missing.
 */
export async function benchIpmi(): Promise<readonly BenchRow[]> {
  const program = findUnpacked('openipmi', 'usr/bin/ipmi_sim');
  if (program === undefined) throw new Error('ipmi_sim is missing: node test/lab/install.ts unpacks it');
  await using sim = await startIpmiSim(program);
  const target = {
    type: 'ipmi',
    address: `127.0.0.1:${sim.port}`,
    credential: SIM_USER,
    learned: { suite: '3' },
  } as const;
  const signal = AbortSignal.timeout(300_000);
  const ours = async (): Promise<void> => {
    await using bmc = await openIpmi(target);
    await bmc.status(signal);
  };
  const peer = async (): Promise<void> => {
    const login = [
      '-I',
      'lanplus',
      '-C',
      '3',
      '-H',
      '127.0.0.1',
      '-p',
      String(sim.port),
      '-U',
      SIM_USER.username,
      '-E',
    ];
    await run('ipmitool', [...login, 'power', 'status'], { env: { ...process.env, IPMI_PASSWORD: SIM_USER.password } });
  };
  const figures: { readonly ours: number[]; readonly peer: number[] } = { ours: [], peer: [] };
  await ours();
  await peer();
  for (let round = 0; round < ROUNDS; round++) {
    figures.ours.push(await milliseconds(ours));
    figures.peer.push(await milliseconds(peer));
  }
  const [mine, theirs] = [median(figures.ours), median(figures.peer)];

  await using kept = await openIpmi(target);
  await kept.status(signal);
  const before = process.cpuUsage();
  for (let poll = 0; poll < POLLS; poll++) await kept.status(signal);
  const { user, system } = process.cpuUsage(before);
  const microsecondsEach = (user + system) / POLLS;

  return [
    {
      what: 'IPMI, power of a machine: log in, read, log out',
      ours: mine,
      peer: theirs,
      peerName: 'ipmitool',
      unit: 'ms',
      ratio: theirs / mine,
      target: { kind: 'ratio', atLeast: 1 },
    },
    {
      what: 'IPMI, power of 1,000 machines every 30 s',
      ours: (microsecondsEach * (1000 / 30)) / 1e6,
      unit: 'cores',
      target: { kind: 'at-most', value: 0.1 },
    },
  ];
}

async function milliseconds(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const median = (figures: readonly number[]) => figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? 0;

if (import.meta.main) process.stdout.write(`${formatRows(await benchIpmi())}\n`);
