import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { EXIT } from '#machines/contract/exit-status.ts';
import type { ClusterState } from '#machines/contract/api/cluster-resource.ts';
import type { Role } from '#machines/api/roles.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { confirm } from '../ask.ts';
import type { Daemon } from '../daemon.ts';
import { badInput, CommandFailure } from '../failure.ts';
import { count } from '../machine-names.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { type Column, pairs, table } from '../output/table.ts';
import { note, paint, say, type Terminal } from '../terminal.ts';
import { codeOf } from '../where.ts';

type FileOptions = { readonly out?: string; readonly force?: boolean; readonly hours?: string };

export async function listClusters(term: Terminal, daemon: Daemon, output: Format): Promise<void> {
  const { value } = await daemon.ask('listClusters');
  if (output !== 'table') return printDocuments(term, output, value.items);
  if (value.items.length === 0) {
    return note(term, 'there are no clusters', '  next: ingot cluster create NAME --control-plane MACHINE --plan');
  }
  const columns: readonly Column<(typeof value.items)[number]>[] = [
    { title: 'NAME', of: ({ name }) => name },
    { title: 'TALOS', of: ({ talos }) => talos },
    { title: 'KUBERNETES', of: ({ kubernetes }) => kubernetes },
    { title: 'CONTROL PLANE', of: ({ controlPlane }) => controlPlane.join(' ') },
    { title: 'WORKERS', of: ({ workers }) => workers.join(' ') },
    { title: 'ENDPOINT', of: ({ endpoint }) => endpoint },
  ];
  say(term, ...table(term, columns, value.items));
}

type Member = ClusterState['machines'][number];

const MEMBERS: readonly Column<Member>[] = [
  { title: 'MACHINE', of: ({ name }) => name },
  { title: 'ROLE', of: ({ role }) => (role === 'controlplane' ? 'control plane' : role) },
  { title: 'READY', of: ({ ready }) => (ready ? 'yes' : 'no'), style: ({ ready }) => (ready ? 'green' : 'red') },
  { title: 'STAGE', of: ({ stage }) => stage },
  { title: 'TALOS', of: ({ talos }) => talos },
  { title: 'ADDRESS', of: ({ address }) => address },
  { title: 'JOB', of: ({ job }) => job && `${job.kind}${job.step === undefined ? '' : `: ${job.step}`}` },
  { title: 'WHY', of: ({ because }) => because },
];

/** How its machines stand; the exit status says whether all of them are ready. */
export async function showCluster(term: Terminal, daemon: Daemon, name: string, output: Format): Promise<number> {
  const { value } = await daemon.ask('getClusterState', { params: { name } });
  const notReady = value.machines.filter(({ ready }) => !ready);
  if (output !== 'table') printDocuments(term, output, value);
  else {
    say(
      term,
      paint(term, 'bold', escaped(value.name)),
      ...pairs(term, [
        ['Talos', value.talos],
        ['Kubernetes', value.kubernetes],
        ['endpoint', value.endpoint],
        ['secrets', value.hasSecrets ? 'made, sealed' : 'none yet: made at first use'],
        ['etcd', value.etcd.length === 0 ? 'not bootstrapped' : `on ${value.etcd.join(', ')}`],
      ]),
      '',
      ...table(term, MEMBERS, value.machines),
    );
    if (notReady.length > 0) note(term, `${count(notReady.length)} not ready`);
  }
  return notReady.length === 0 ? EXIT.done : EXIT.failed;
}

const hoursOf = (text: string | undefined): { readonly hours?: number } => {
  if (text === undefined) return {};
  const hours = Number(text);
  if (Number.isInteger(hours) && hours >= 1 && hours <= 87_600) return { hours };
  throw badInput(`--hours: got ${text}, want a number from 1 to 87600`);
};

export async function writeTalosconfig(
  term: Terminal,
  daemon: Daemon,
  name: string,
  options: FileOptions & { readonly role?: readonly Role[] },
): Promise<void> {
  const roles = options.role === undefined ? {} : { roles: [...options.role] };
  const { value } = await daemon.ask('makeTalosconfig', {
    params: { name },
    body: { ...roles, ...hoursOf(options.hours) },
  });
  await hand(term, value.text, options, 'talosctl --talosconfig');
}

export async function writeKubeconfig(
  term: Terminal,
  daemon: Daemon,
  name: string,
  options: FileOptions,
): Promise<void> {
  const { value } = await daemon.ask('makeKubeconfig', { params: { name }, body: hoursOf(options.hours) });
  await hand(term, value.text, options, 'kubectl --kubeconfig');
}

async function hand(term: Terminal, text: string, { out, force }: FileOptions, use: string): Promise<void> {
  if (out === undefined) return void term.out.write(text);
  await writeSecretFile(term, out, text, force);
  note(term, `wrote ${escaped(out)}: ${use} ${escaped(out)}`);
}

/** For its owner's eyes; one that is there is replaced only where that was said. */
export async function writeSecretFile(
  term: Pick<Terminal, 'cwd'>,
  path: string,
  text: string,
  force: boolean | undefined,
): Promise<void> {
  try {
    await writeFile(resolve(term.cwd, path), text, { mode: 0o600, flag: force === true ? 'w' : 'wx' });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      throw new CommandFailure(EXIT.refused, `${path} is there already`, '  next: --force, or another --out');
    }
    throw new CommandFailure(EXIT.failed, `${path} could not be written: ${codeOf(error) ?? String(error)}`);
  }
}

export async function deleteCluster(
  term: Terminal,
  daemon: Daemon,
  name: string,
  yes: boolean | undefined,
): Promise<void> {
  const { value, rev } = await daemon.ask('getCluster', { params: { name } });
  const machines = value.controlPlane.length + value.workers.length;
  const what = `delete cluster ${name} at ${daemon.url}: its secrets are lost; ${count(machines)} run on, and only files that were handed out reach them.`;
  await confirm(term, what, yes);
  await daemon.ask('removeCluster', { params: { name }, ...(rev === undefined ? {} : { expected: rev }) });
  say(term, `cluster ${escaped(name)} is deleted`);
}
