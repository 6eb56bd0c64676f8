import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { commandOf } from './process-group.ts';

/** What a run must leave as it was: sets of lines that say, for a reader, what is there. */
export type MachineState = {
  readonly processes: readonly string[];
  readonly services: readonly string[];
  readonly ports: readonly string[];
  readonly namespaces: readonly string[];
  readonly bootEntries: readonly string[];
};

/** Carried by every process that a run starts, and by what those start, so that they are told from other people's. */
export const RUN_MARK = 'INGOT_TEST_RUN';

/** Looks at the machine. What cannot be read (another system, no right) is empty before and after. */
export function readMachineState(run: string): MachineState {
  const processes = readProcesses(run);
  return {
    processes: processes.filter((one) => one.ours).map((one) => `${one.name} (${one.pid})`),
    services: [...enabledServices(), ...runningServices()],
    ports: listeningPorts(processes),
    namespaces: list('/run/netns').filter((name) => !isOfOtherRun(name, run)),
    bootEntries: [
      ...bootFiles('/boot'),
      ...list('/sys/firmware/efi/efivars').filter((name) => name.startsWith('Boot')),
    ],
  };
}

/** The lab names its namespaces `ingot-RUN-…`; those of a run beside this one are none of ours. */
function isOfOtherRun(namespace: string, run: string): boolean {
  return namespace.startsWith('ingot-') && !namespace.startsWith(`ingot-${run}-`);
}

type Process = { readonly pid: string; readonly name: string; readonly ours: boolean };

function readProcesses(run: string): Process[] {
  return list('/proc')
    .filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
    .map((pid) => ({
      pid,
      name: commandOf(pid),
      ours: read(`/proc/${pid}/environ`).split('\0').includes(`${RUN_MARK}=${run}`),
    }));
}

/** Services that start at boot, by the links that make them. */
function enabledServices(): string[] {
  const wanted = list('/etc/systemd/system').filter((name) => name.endsWith('.wants'));
  const folders = ['/etc/rc2.d', ...wanted.map((name) => join('/etc/systemd/system', name))];
  return folders.flatMap((folder) => list(folder).map((name) => `enabled: ${join(folder, name)}`));
}

function runningServices(): string[] {
  const args = ['list-units', '--type=service', '--state=running', '--plain', '--no-legend'];
  const { status, stdout } = spawnSync('systemctl', args, { encoding: 'utf8' });
  if (status !== 0) return [];
  const units = stdout.split('\n').map((line) => line.split(' ')[0] ?? '');
  // A person who logs in meanwhile is not ours.
  return units.filter((unit) => unit !== '' && !/^(user|session)/.test(unit)).map((unit) => `running: ${unit}`);
}

/**
 * Ports that are listened on by this run or by a system service.
 *
 * A port whose process cannot be seen is another user's or another container's, since a run sees its own.
 */
function listeningPorts(processes: readonly Process[]): string[] {
  const owners = new Map<string, Process>();
  for (const process of processes) {
    const folder = `/proc/${process.pid}/fd`;
    for (const fd of list(folder)) {
      const inode = /^socket:\[(\d+)\]$/.exec(readLink(join(folder, fd)))?.[1];
      if (inode !== undefined) owners.set(inode, process);
    }
  }
  return ['tcp', 'tcp6', 'udp', 'udp6'].flatMap((protocol) =>
    boundSockets(protocol).flatMap(({ port, inode }) => {
      const owner = owners.get(inode);
      const counted = owner !== undefined && (owner.ours || isSystemService(owner.pid));
      return counted ? [`${protocol} ${port} (${owner.name})`] : [];
    }),
  );
}

function boundSockets(protocol: string): { readonly port: number; readonly inode: string }[] {
  const LISTEN = '0A';
  const rows = read(`/proc/net/${protocol}`).split('\n').slice(1);
  return rows.flatMap((row) => {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
    if (local === '' || (protocol.startsWith('tcp') && state !== LISTEN)) return [];
    return [{ port: Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16), inode }];
  });
}

function isSystemService(pid: string): boolean {
  return /system\.slice\/.*\.service/.test(read(`/proc/${pid}/cgroup`));
}

function bootFiles(folder: string): string[] {
  return list(folder).flatMap((name) => {
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return [];
    return stat.isDirectory() ? bootFiles(path) : [`${path} ${stat.size} ${stat.mtimeMs}`];
  });
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
