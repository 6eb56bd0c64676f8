import { access, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { type ClusterDocument, clusterDocument } from '#machines/contract/cluster.ts';
import type { ProfileDocument } from '#machines/contract/documents.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import type { TalosDocument } from '#machines/os/talos/documents.ts';
import { defaultKubernetes } from '#machines/os/talos/validate.ts';
import { parseTalosVersion, type TalosVersion, talosVersionText } from '#machines/os/talos/version.ts';
import { ARCHITECTURES } from '#machines/values/architecture.ts';
import { terminal as escaped } from '#machines/values/escape.ts';
import { readPatch } from '#services/talos/layers.ts';
import { formatYamlIssue } from '#services/yaml/read-yaml.ts';
import type { Daemon } from '../daemon.ts';
import { badInput, CommandFailure } from '../failure.ts';
import { nameOf } from '../machine-names.ts';
import { expandNames } from '../ranges.ts';
import { note, type Terminal } from '../terminal.ts';
import { codeOf } from '../where.ts';
import { writeSecretFile } from './cluster.ts';
import { type JobOptions, plannedOf } from './job.ts';

export type CreateOptions = JobOptions & {
  readonly controlPlane: readonly string[];
  readonly worker?: readonly string[];
  readonly talos?: string;
  readonly kubernetes?: string;
  readonly endpoint?: string;
  readonly patch?: readonly string[];
  readonly patchControlPlane?: readonly string[];
  readonly patchWorker?: readonly string[];
  readonly out: string;
};

/** What a cluster gets where nothing says otherwise; its configurations were checked by Talos' own code. */
const TALOS = 'v1.13.9';
const API_PORT = 6443;

/** Document, profile, plan, install, bootstrap and both files: a cluster without a line of YAML. */
export async function createCluster(
  term: Terminal,
  daemon: Daemon,
  name: string,
  options: CreateOptions,
): Promise<number> {
  const machinesOf = (words: readonly string[]) =>
    words.length === 0 ? [] : Promise.all(expandNames(words).map((word) => nameOf(daemon, word)));
  const [controlPlane, workers] = [await machinesOf(options.controlPlane), await machinesOf(options.worker ?? [])];
  const machines: MachineResource[] = [];
  for (const machine of [...controlPlane, ...workers]) {
    machines.push((await daemon.ask('getMachine', { params: { name: machine } })).value);
  }
  const known = await daemon.attempt('getCluster', { params: { name } });
  if (!('problem' in known)) {
    throw new CommandFailure(
      EXIT.refused,
      `cluster ${name} is there already`,
      `  next: ingot cluster show ${name}, or ingot install MACHINE for those that are new in it`,
    );
  }
  const patches = {
    all: await readPatches(term, options.patch),
    controlPlane: await readPatches(term, options.patchControlPlane),
    workers: await readPatches(term, options.patchWorker),
  };
  const version = versionOf(options.talos ?? TALOS);
  const cluster = read({
    kind: 'Cluster',
    name,
    talos: talosVersionText(version),
    kubernetes: options.kubernetes ?? defaultKubernetes(version),
    endpoint: options.endpoint ?? endpointOf(term, machines[0]),
    controlPlane,
    workers,
    patches,
  });
  const files = {
    talosconfig: join(options.out, `${name}.talosconfig`),
    kubeconfig: join(options.out, `${name}.kubeconfig`),
  };
  for (const file of Object.values(files)) {
    // Better told now than when the machines are at work.
    const isThere = await access(resolve(term.cwd, file)).then(
      () => true,
      () => false,
    );
    if (isThere)
      throw new CommandFailure(EXIT.refused, `${file} is there already`, '  next: move it away, or --out DIR');
  }
  const profile = options.profile ?? (await profileFor(term, daemon, version, machines));
  let revision = 0;
  const status = await plannedOf(
    term,
    daemon,
    {
      kind: 'install',
      names: [...controlPlane, ...workers],
      cluster,
      async confirmed() {
        const made = await daemon.ask('putCluster', { params: { name }, body: cluster, expected: 0 });
        revision = made.rev ?? 0;
        const [talosconfig, kubeconfig] = [
          await daemon.ask('makeTalosconfig', { params: { name }, body: {} }),
          await daemon.ask('makeKubeconfig', { params: { name }, body: {} }),
        ];
        await writeSecretFile(term, files.talosconfig, talosconfig.value.text, false);
        await writeSecretFile(term, files.kubeconfig, kubeconfig.value.text, false);
        note(term, `wrote ${escaped(files.talosconfig)} and ${escaped(files.kubeconfig)}`);
      },
    },
    { ...options, profile },
  );
  if (revision > 0 && options.wait === true && status === EXIT.done) {
    note(term, `  next: kubectl --kubeconfig ${escaped(files.kubeconfig)} get nodes`);
  } else if (revision > 0 && options.wait !== true) note(term, `  next: ingot cluster show ${name}`);
  return status;
}

function versionOf(text: string): TalosVersion {
  const version = parseTalosVersion(text);
  if (version.ok) return version.value;
  throw badInput(`--talos: ${version.because}`);
}

function read(document: object): ClusterDocument {
  const result = clusterDocument.safeParse(document);
  if (result.success) return result.data;
  throw badInput(...result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`));
}

/** Patches of files, whose mistakes are told with their line before anything is asked of the daemon. */
async function readPatches(term: Terminal, files: readonly string[] = []): Promise<readonly TalosDocument[]> {
  const found: TalosDocument[] = [];
  for (const file of files) {
    let text: string;
    try {
      text = await readFile(resolve(term.cwd, file), 'utf8');
    } catch (error) {
      throw badInput(`${file}: ${codeOf(error) ?? 'cannot be read'}`);
    }
    const layer = readPatch({ file, text });
    if (!layer.ok) throw badInput(...layer.issues.map(formatYamlIssue));
    found.push(...layer.layer.documents.map(({ value }) => value));
  }
  return found;
}

function endpointOf(term: Terminal, first: MachineResource | undefined): string {
  const address = first?.address ?? first?.status.attempt?.address;
  if (first === undefined || address === undefined) {
    throw badInput(
      `--endpoint: want where Kubernetes is to be reached, for no address of ${first?.name ?? 'the first control plane'} is known`,
    );
  }
  const url = `https://${address.includes(':') ? `[${address}]` : address}:${API_PORT}`;
  note(term, `endpoint ${url}, which is ${first.name} itself; --endpoint names one that outlives it`);
  return url;
}

/** The one that the machines name, one that is named for the release, or one that is made from the catalog. */
async function profileFor(
  term: Terminal,
  daemon: Daemon,
  version: TalosVersion,
  machines: readonly MachineResource[],
): Promise<string> {
  const { value } = await daemon.ask('listProfiles');
  const ofTalos = value.items.filter(({ os }) => os === 'talos');
  const named = new Set(machines.map(({ profile }) => profile));
  const [own, another] = ofTalos.filter((one) => named.has(one.name));
  if (own && !another && named.size === 1) return own.name;
  const name = `talos-${talosVersionText(version)}`;
  if (ofTalos.some((one) => one.name === name)) return name;
  const minor = new RegExp(`(^|[^0-9])${version.major}[.-]${version.minor}($|[^0-9])`);
  const [same, other] = ofTalos.filter((one) => minor.test(one.name));
  if (same && !other) return same.name;
  const [only, more] = ofTalos;
  if (only && !more) {
    note(term, `boots profile ${only.name}, the only one of Talos`);
    return only.name;
  }
  if (more) {
    throw badInput(`--profile: want one of ${ofTalos.map((one) => one.name).join(', ')}`);
  }
  return await madeProfile(term, daemon, { name, version, machines });
}

async function madeProfile(
  term: Terminal,
  daemon: Daemon,
  {
    name,
    version,
    machines,
  }: { readonly name: string; readonly version: TalosVersion; readonly machines: readonly MachineResource[] },
): Promise<string> {
  const said = new Set(machines.map(({ status }) => status.facts['arch']?.value ?? 'x86_64'));
  const [arch] = ARCHITECTURES.filter((one) => said.has(one));
  if (arch === undefined || said.size > 1) {
    throw badInput(
      `--profile: the machines are ${[...said].join(' and ')}: want a profile for each, and ingot install for the others`,
    );
  }
  const { value: image } = await daemon.ask('addCatalogImage', {
    body: { reference: `talos@${talosVersionText(version)}`, arch },
  });
  const body = {
    kind: 'Profile',
    name,
    os: 'talos',
    image: image.name,
    args: [...image.args],
  } satisfies Partial<ProfileDocument>;
  await daemon.ask('putProfile', { params: { name }, body, expected: 0 });
  note(
    term,
    `added image ${escaped(image.name)} and profile ${escaped(name)}; nothing boots them without a confirmed plan`,
    ...image.pulls.map(({ what, from }) => `  the machines will pull ${escaped(what)} from ${escaped(from)}`),
  );
  return name;
}
