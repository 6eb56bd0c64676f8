import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ended, type Program, startProgram } from './program.ts';

/** Which of the lab's namespaces a program runs in. */
export type Place = 'server' | 'client';

export type RunOptions = {
  /** Default: server. */
  readonly place?: Place | undefined;
  /** Shown in errors and used for the log's name; default: the program's. */
  readonly name?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly cwd?: string | undefined;
};

/**
 * A network of its own: a namespace with the bridge `br0` (192.168.77.1/24) for servers and guests, and one for clients
 * that is joined to it by a cable whose client end, `c0`, has no address.
 *
 * Everything in it, programs included, is gone after it is disposed of, and when this process is asked to end.
 */
export type Lab = AsyncDisposable & {
  readonly bridge: 'br0';
  readonly address: '192.168.77.1';
  /** The client end of the cable, in the client namespace. */
  readonly clientInterface: 'c0';
  /** For logs and other files; removed with the lab. */
  readonly folder: string;
  readonly namespaces: Readonly<Record<Place, string>>;
  /** Adds a port for a guest to the bridge and returns its name. */
  addTap(): string;
  /** Gives the client end of the cable an address of 192.168.77.0/24: a second server on the network. */
  giveAddress(address: string): void;
  /**
   * From now on loses this share of the frames (percent; 0 ends it) that an interface sends, and of those it receives.
   * `nft` is the program's path.
   */
  lose(options: {
    readonly nft: string;
    readonly place: Place;
    readonly interface: string;
    readonly percent: number;
  }): void;
  /** Starts a program that serves until it is stopped. */
  start(command: readonly [string, ...string[]], options?: RunOptions): Program;
  /** Runs a program to its end; it is stopped after the limit (ms). */
  run(
    command: readonly [string, ...string[]],
    limitMs: number,
    options?: RunOptions,
  ): Promise<Ended & { readonly output: string; readonly timedOut: boolean }>;
};

/** Opens a lab; needs root and network namespaces. Whoever opens it disposes of it. */
export function openLab(): Lab {
  removeAbandoned();
  const prefix = freePrefix();
  const namespaces = { server: `${prefix}-server`, client: `${prefix}-client` };
  const folder = mkdtempSync(join(tmpdir(), 'ingot-lab-'));
  const programs: Program[] = [];
  let taps = 0;

  const closeNow = () => {
    for (const program of programs) if (!program.hasEnded()) program.signal('SIGKILL');
    for (const name of Object.values(namespaces)) removeNamespace(name);
    rmSync(folder, { recursive: true, force: true });
  };
  const forget = closeOnSignals(closeNow);
  try {
    buildNetwork(namespaces);
  } catch (error) {
    forget();
    closeNow();
    throw error;
  }

  const lab: Lab = {
    bridge: 'br0',
    address: '192.168.77.1',
    clientInterface: 'c0',
    folder,
    namespaces,
    addTap() {
      const tap = `tap${taps++}`;
      ip('-n', namespaces.server, 'tuntap', 'add', tap, 'mode', 'tap');
      ip('-n', namespaces.server, 'link', 'set', tap, 'master', 'br0', 'up');
      return tap;
    },
    giveAddress(address) {
      ip('-n', namespaces.client, 'address', 'add', `${address}/24`, 'dev', 'c0');
    },
    lose({ nft, place, interface: name, percent }) {
      const rules = lossRules(name, percent);
      execute('ip', ['netns', 'exec', namespaces[place], nft, rules]);
    },
    start(command, options = {}) {
      const name = options.name ?? command[0].replace(/.*\//, '');
      const program = startProgram({
        ...options,
        name,
        command: ['ip', 'netns', 'exec', namespaces[options.place ?? 'server'], ...command],
        logFile: join(folder, `${programs.length}-${name}.log`),
      });
      programs.push(program);
      return program;
    },
    async run(command, limitMs, options) {
      const program = lab.start(command, options);
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        void program.stop();
      }, limitMs);
      const ended = await program.ended;
      clearTimeout(timer);
      return { ...ended, timedOut, output: program.output() };
    },
    async [Symbol.asyncDispose]() {
      forget();
      await Promise.all(programs.map((program) => program.stop()));
      closeNow();
    },
  };
  return lab;
}

function buildNetwork({ server, client }: Readonly<Record<Place, string>>): void {
  ip('netns', 'add', server);
  ip('netns', 'add', client);
  for (const namespace of [server, client]) ip('-n', namespace, 'link', 'set', 'lo', 'up');
  ip('-n', server, 'link', 'add', 'br0', 'type', 'bridge', 'stp_state', '0', 'forward_delay', '0');
  ip('-n', server, 'address', 'add', '192.168.77.1/24', 'dev', 'br0');
  ip('-n', server, 'link', 'set', 'br0', 'up');
  ip('-n', server, 'link', 'add', 's0', 'type', 'veth', 'peer', 'name', 'c0', 'netns', client);
  ip('-n', server, 'link', 'set', 's0', 'master', 'br0', 'up');
  ip('-n', client, 'link', 'set', 'c0', 'up');
}

/** By nftables, because tc's netem is missing from many small kernels. */
function lossRules(name: string, percent: number): string {
  const table = `netdev loss-${name}`;
  const share = Math.round(percent * 100);
  const chain = (hook: string) =>
    `add chain ${table} ${hook} { type filter hook ${hook} device "${name}" priority 0; };` +
    `add rule ${table} ${hook} numgen random mod 10000 <= ${share - 1} drop;`;
  const begin = `add table ${table}; delete table ${table};`;
  return share === 0 ? begin : `${begin} add table ${table}; ${chain('ingress')} ${chain('egress')}`;
}

/** `ingot-RUN-PID-N`: a run's check for leftovers knows its own by it, and a later lab those of a killed process. */
function freePrefix(): string {
  const mine = `ingot-${process.env['INGOT_TEST_RUN'] ?? 'none'}-${process.pid}-`;
  const taken = new Set(namespaceNames().map((name) => name.slice(mine.length).split('-')[0]));
  let number = 0;
  while (taken.has(String(number))) number++;
  return mine + number;
}

/** Namespaces of processes that were killed before they could tidy up. */
function removeAbandoned(): void {
  for (const name of namespaceNames()) {
    const pid = /^ingot-\w+-(?<pid>\d+)-\d+-(?:server|client)$/.exec(name)?.groups?.['pid'];
    if (pid !== undefined && !isRunning(Number(pid))) removeNamespace(name);
  }
}

function namespaceNames(): string[] {
  try {
    return readdirSync('/run/netns');
  } catch {
    return [];
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function removeNamespace(name: string): void {
  if (namespaceNames().includes(name)) ip('netns', 'delete', name);
}

/** Calls `close` when this process is told to end or ends by itself; returns how to take that back. */
function closeOnSignals(close: () => void): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const onSignal = (signal: NodeJS.Signals) => {
    forget();
    close();
    // Others that listen come first; when nobody does, the signal has its usual effect.
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  process.on('exit', close);
  function forget() {
    for (const signal of signals) process.off(signal, onSignal);
    process.off('exit', close);
  }
  return forget;
}

function ip(...args: readonly string[]): void {
  execute('ip', args);
}

function execute(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 10_000 });
}
