import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { EXIT } from '#machines/contract/exit-status.ts';
import { spokenName } from '../spoken-name.ts';
import { DEFAULT_URL } from '../where.ts';
import { writeSimulatedAgentImage } from './agent-image.ts';
import { demoConfiguration } from './configuration.ts';
import { operatorOf } from './operator.ts';
import { type Part, startPart } from './process.ts';

const SIMULATED = '[simulated]';

export type DemoOptions = {
  readonly machines: number;
  /** Of the page and the API; 0 takes a free one. */
  readonly port: number;
  readonly dataDir: string;
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
  /** Ends both processes. */
  readonly signal: AbortSignal;
};

/**
 * A daemon and a simulated rack, each a process of its own, until the signal aborts. Gives the exit status. No root, no
 * real network: all of it happens on loopback, and its data lie apart.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { port, dataDir, error, signal } = options;
  if (port !== 0 && (await isTaken(port))) {
    error(`127.0.0.1:${port} is in use: another demo, or an Ingot? End it, or take another port:`);
    error(`  ${spokenName()} demo --port ${port + 10}`);
    return EXIT.badInput;
  }
  await mkdir(dataDir, { recursive: true });
  const parts: Part[] = [];
  const start: Starter = (...args) => {
    const part = startPart(...args);
    parts.push(part);
    return part;
  };
  try {
    return await untilStopped(signal, showRack(options, start));
  } catch (cause) {
    if (signal.aborted) return EXIT.done;
    if (!(cause instanceof PartFailed)) throw cause;
    error(cause.message);
    return EXIT.failed;
  } finally {
    await Promise.all(parts.map((part) => part.stop()));
  }
}

type Starter = typeof startPart;

/** A process of the demo ended when it should not have. */
class PartFailed extends Error {
  constructor(what: string, part: Part) {
    super(`${what}:\n${part.output().trimEnd()}`);
    this.name = 'PartFailed';
  }
}

/** Serves until the daemon ends, which it does by itself only when something is wrong. */
async function showRack({ machines, port, dataDir, out, error, signal }: DemoOptions, start: Starter): Promise<never> {
  const config = join(dataDir, 'ingot.yaml');
  const logFile = join(dataDir, 'ingot.log');
  const rackDir = join(dataDir, 'rack');
  await writeFile(config, demoConfiguration(port));
  await writeFile(logFile, '');
  await writeSimulatedAgentImage(dataDir);
  const count = String(machines);
  const prepared = start({ program: 'rack', args: ['prepare', '--dir', rackDir, '--machines', count] });
  const daemon = start({ program: 'daemon', args: ['serve', '--config', config], logFile });
  const ready = await readyLineOf(daemon);
  if ((await prepared.ended) !== 0) throw new PartFailed('the rack could not be prepared', prepared);

  const at = (name: string): string => new RegExp(` ${name}=([^\\s,]+)`).exec(ready)?.[1] ?? '';
  const token = await readFile(join(dataDir, 'operator.token'), 'utf8');
  const operator = operatorOf({ api: at('api'), token: token.trim() });
  const password = await readFile(join(rackDir, 'bmc-password'), 'utf8');
  await operator.setCredential('rack', { username: 'admin', password: password.trim() });
  await operator.apply(JSON.parse(prepared.output()) as readonly unknown[]);
  await operator.adopt('sim-r1-u08');
  if (machines >= BLANK_FROM) await operator.foreseeInstall('sim-r1-u09');
  const url = await operator.pageUrl();
  for (const line of welcome({ machines, dataDir, logFile, url, api: at('api') })) out(line);
  const rack = start({
    program: 'rack',
    args: [
      ...['run', '--bmcs', '--dir', rackDir, '--machines', count],
      ...['--dhcp', at('dhcp'), '--tftp-port', at('tftp').split(':').at(-1) ?? ''],
    ],
    onLine: (line) => out(line.startsWith(SIMULATED) ? line : `${SIMULATED} ${line}`),
  });
  const complain = async (): Promise<void> => {
    const status = await rack.ended;
    if (status !== 0 && !signal.aborted) error(`${SIMULATED} the rack ended with status ${status}`);
  };
  void complain();
  await daemon.ended;
  throw new PartFailed('the daemon ended', daemon);
}

/** The first of the rack's blank machines. */
const BLANK_FROM = 9;

const installLines = (ingot: string): readonly string[] => [
  `               ${ingot} inspect sim-r1-u09 --wait       the agent looks at it`,
  `               ${ingot} install sim-r1-u09 --plan       what would be written to which disk`,
  `               ${ingot} install sim-r1-u09 --wait`,
];

const clusterLines = (ingot: string): readonly string[] => [
  `               ${ingot} inspect sim-r1-u09 sim-r1-u10 --wait`,
  `               ${ingot} cluster create home --control-plane sim-r1-u09 --worker sim-r1-u10 --wait`,
  '                                                        a cluster of (simulated) Talos, and both its files',
];

const welcome = (to: {
  readonly machines: number;
  readonly dataDir: string;
  readonly logFile: string;
  readonly url: string;
  readonly api: string;
}): readonly string[] => {
  const elsewhere = to.api === DEFAULT_URL ? '' : ` --url ${to.api}`;
  const ingot = `${spokenName()} --data ${to.dataDir}${elsewhere}`;
  return [
    `${SIMULATED} A rack of ${to.machines} machines in software, on loopback: nothing real is touched.`,
    '',
    `  Look at it   ${to.url}   (opens once)`,
    `  or say       ${ingot} machine list`,
    `               ${ingot} trace sim-r1-u07          why does it not boot?`,
    `               ${ingot} machine accept m-525400000006`,
    `               ${ingot} power cycle sim-r1-u01      by its simulated BMC`,
    ...(to.machines < BLANK_FROM ? [] : installLines(ingot)),
    ...(to.machines > BLANK_FROM ? clusterLines(ingot) : []),
    `  Log          ${to.logFile}`,
    '  End          Ctrl-C',
    '',
  ];
};

async function readyLineOf(daemon: Part): Promise<string> {
  const line = await daemon.firstLine((one) => one.startsWith('ready '));
  if (line === undefined) throw new PartFailed('the daemon did not start', daemon);
  return line;
}

async function untilStopped<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
    // Whatever it was doing fails when its processes are stopped.
    work.catch(() => {});
  }
}

async function isTaken(port: number): Promise<boolean> {
  const probe = createServer();
  try {
    probe.listen(port, '127.0.0.1');
    await once(probe, 'listening');
    return false;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE') return true;
    throw cause;
  } finally {
    probe.close();
  }
}
