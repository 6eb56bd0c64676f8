import { stringify } from 'yaml';
import type { z } from 'zod';
import type { MachineConfig } from '#machines/contract/config.ts';
import type { PlannedDisk } from '#machines/contract/job.ts';
import { classOf } from '#machines/decide/classes.ts';
import type { ConfigItem } from '#machines/decide/config-path.ts';
import { scriptNames } from '#machines/decide/jobs/make-plan.ts';
import { bottlerocketFiles } from '#machines/os/bottlerocket/files.ts';
import { autoinstall, DISK_PLACEHOLDER } from '#machines/os/config/autoinstall.ts';
import { type Configuration, configurationOf, defaultIntent } from '#machines/os/config/configuration.ts';
import { ec2At, ec2Tree } from '#machines/os/config/ec2.ts';
import { ignitionConfig } from '#machines/os/config/ignition.ts';
import { installerData } from '#machines/os/config/installer-data.ts';
import type { JsonObject } from '#machines/os/config/layers.ts';
import { type ConfigValues, type Filled, fillLine, fillTree } from '#machines/os/config/machine-values.ts';
import { CLOUD_CONFIG, metaData, networkConfig, type NocloudFile, userData } from '#machines/os/config/nocloud.ts';
import { renderAlpine } from '#machines/os/network/alpine.ts';
import { renderBottlerocket } from '#machines/os/network/bottlerocket.ts';
import type { Rendered } from '#machines/os/network/devices.ts';
import { renderKickstart } from '#machines/os/network/kickstart.ts';
import { renderNetworkManager } from '#machines/os/network/network-manager.ts';
import { renderNetworkd } from '#machines/os/network/networkd.ts';
import { renderPreseed } from '#machines/os/network/preseed.ts';
import type { Registry } from '#services/registry/contract.ts';
import { TemplateError } from '#services/templates/engine.ts';
import type { Templates } from '#services/templates/templates.ts';
import { alpineOverlay } from './alpine-overlay.ts';
import type { Metadata, NotServed, Reader, Served, TalosConfigs } from './contract.ts';

export function openMetadata(parts: {
  readonly registry: Pick<Registry, 'classes' | 'network'>;
  readonly templates: Pick<Templates, 'render'>;
  /** Absent: this daemon makes no Talos configuration. */
  readonly talos?: TalosConfigs;
}): Metadata {
  const { registry, templates, talos } = parts;

  function known(reader: Reader): Known {
    const { machine, profile, attempt, job } = reader;
    const configuration = configurationOf({
      machine,
      profile,
      ofClass: classOf(machine, registry.classes()),
      network: (name) => registry.network(name),
    });
    const { name } = machine.document;
    return {
      ...configuration,
      values: { machine, profile: profile.name, attempt, data: configuration.data },
      hostname: name,
      instanceId: `ingot-${name}-${job?.id ?? attempt}`,
      intent: configuration.network?.intent ?? defaultIntent(machine),
    };
  }

  return {
    async read(item, reader) {
      const of = known(reader);
      switch (item.kind) {
        case 'nocloud':
          return item.file === 'user-data' && reader.profile.os === 'installer'
            ? ubuntu(of, reader, templates)
            : nocloud(item.file, of);
        case 'autoinstall':
          return reader.profile.os === 'installer' ? ubuntu(of, reader, templates) : nocloud('user-data', of);
        case 'apkovl':
          return alpine(of, reader, templates);
        case 'ec2':
          return ec2(item, of, reader);
        case 'ec2-token':
          // The path holds the token already: what comes back only has to look like one.
          return text(of.instanceId);
        case 'ignition':
          return reader.profile.os === 'installer' ? coreos(of, reader, templates) : ignition(of, reader);
        case 'bottlerocket':
          return bottlerocket(of);
        case 'preseed':
        case 'kickstart':
          return installer(item.kind, of, reader, templates);
        case 'talos': {
          if (!talos) return none('this daemon makes no Talos configuration');
          const found = await talos.configOf(reader.machine, reader.profile, reader.job);
          if (found.kind === 'none') return found;
          return {
            kind: 'served',
            contentType: 'application/yaml',
            body: found.yaml,
            secrets: found.isControlPlane ? 'control-plane' : 'own',
          };
        }
        default:
          return item satisfies never;
      }
    },
  };
}

type Known = Configuration & {
  readonly values: ConfigValues;
  readonly hostname: string;
  readonly instanceId: string;
  readonly intent: Configuration['network'] extends infer N
    ? (N extends { intent: infer I } ? I : never) | undefined
    : never;
};

const none = (because: string): NotServed => ({ kind: 'none', because });
const text = (body: string, contentType = 'text/plain; charset=utf-8'): Served => ({
  kind: 'served',
  contentType,
  body,
  secrets: 'own',
});
const YAML = 'text/yaml; charset=utf-8';

/** Lines as they are, whatever their length: cloud-init’s readers of older YAML fold differently. */
const yaml = (tree: object): string => stringify(tree, { lineWidth: 0, version: '1.1' });

function nocloud(file: NocloudFile, of: Known): Served | NotServed {
  switch (file) {
    case 'meta-data':
      return text(yaml(metaData(of)), YAML);
    case 'vendor-data':
      return of.config.vendorData === undefined ? text('') : filled(of, 'vendorData', cloudConfig);
    case 'network-config': {
      // Without it cloud-init asks for an address by every card, and the machine keeps its defaults.
      if (!of.network) return none('nothing is said of its network');
      return fromRendered(networkConfig(of.network.intent), (tree) => text(yaml(tree), YAML));
    }
    case 'user-data': {
      const cloudInit = fill(of, 'cloudInit');
      if (cloudInit && !cloudInit.ok) return refused('cloudInit', cloudInit);
      // Ubuntu’s installer would write a disk by it: that is done under a plan, by a profile of `os: installer`.
      if (of.config.autoinstall !== undefined) return none('config.autoinstall wants a profile of os: installer');
      return cloudConfig(userData({ cloudInit: cloudInit?.value, autoinstall: undefined }));
    }
    default:
      return file satisfies never;
  }
}

const cloudConfig = (tree: JsonObject): Served => text(`${CLOUD_CONFIG}${yaml(tree)}`, YAML);

type TreeKey = {
  [K in keyof MachineConfig]-?: NonNullable<MachineConfig[K]> extends readonly unknown[] ? never : K;
}[keyof MachineConfig];

function fill({ config, values }: Known, key: TreeKey): Filled<JsonObject> | undefined {
  const tree = config[key];
  return tree === undefined ? undefined : fillTree(tree, values);
}

function filled(of: Known, key: TreeKey, serve: (tree: JsonObject) => Served): Served | NotServed {
  const tree = fill(of, key);
  if (!tree) return none(`nothing is configured as config.${key}`);
  return tree.ok ? serve(tree.value) : refused(key, tree);
}

const refused = (key: string, { path, because }: Extract<Filled<unknown>, { ok: false }>): NotServed =>
  none(`config.${key}${path === '' ? '' : `.${path}`}: ${because}`);

function fromRendered<T>(result: Rendered<T>, serve: (value: T) => Served | NotServed): Served | NotServed {
  if (result.kind === 'rendered') return serve(result.value);
  return none(result.refusals.map(({ key, because }) => `network.${key}: ${because}`).join('; '));
}

function ec2(item: Extract<ConfigItem, { kind: 'ec2' }>, of: Known, { address, machine }: Reader): Served | NotServed {
  if (item.path === undefined) return text('1.0\n2009-04-04\nlatest');
  const user = nocloud('user-data', of);
  if (user.kind === 'none') return user;
  if (typeof user.body !== 'string') return none('user data are a text');
  const data = dataOf(of);
  if (data.kind === 'none') return data;
  const tree = ec2Tree({
    instanceId: of.instanceId,
    hostname: of.hostname,
    address,
    mac: machine.document.macs[0] ?? machine.identifiers.macs[0],
    publicKeys: data.value.sshKeys,
    userData: user.body,
  });
  const found = ec2At(tree, item.path);
  return found === undefined ? none(`EC2 metadata has no ${item.path.join('/')}`) : text(found);
}

/** Flatcar runs systemd-networkd, Fedora CoreOS NetworkManager: `data.networkManager` says which. */
function ignition(of: Known, { machine }: Reader): Served | NotServed {
  const own = fill(of, 'ignition');
  if (own && !own.ok) return refused('ignition', own);
  const data = dataOf(of);
  if (data.kind === 'none') return data;
  const intent = of.network?.intent;
  const files =
    intent === undefined ? undefined : (data.value.networkManager ? renderNetworkManager : renderNetworkd)(intent);
  const serve = (network: Parameters<typeof ignitionConfig>[0]['network']): Served => {
    const tree = ignitionConfig({ own: own?.value, hostname: machine.document.name, network });
    return text(JSON.stringify(tree), 'application/vnd.coreos.ignition+json');
  };
  return files === undefined ? serve([]) : fromRendered(files, serve);
}

/** The user data of its private partition; what else lies there is written with the image. */
function bottlerocket(of: Known): Served | NotServed {
  const own = fill(of, 'bottlerocket');
  if (own && !own.ok) return refused('bottlerocket', own);
  const data = dataOf(of);
  if (data.kind === 'none') return data;
  if (!of.intent) return none('it has no network, and its MAC is not known');
  return fromRendered(renderBottlerocket(of.intent), (network) => {
    const made = bottlerocketFiles({
      settings: own?.value ?? {},
      network,
      hostname: of.hostname,
      adminKeys: data.value.sshKeys,
    });
    if (!made.ok) return none(made.problems.map(({ key, because }) => `${key}: ${because}`).join('; '));
    const file = made.files.find(({ path }) => path === 'user-data.toml');
    return file ? text(new TextDecoder().decode(file.content), 'application/toml') : none('there is no user data');
  });
}

function dataOf({
  data,
}: Known): { readonly kind: 'found'; readonly value: z.output<typeof installerData> } | NotServed {
  const read = installerData.safeParse(data);
  if (read.success) return { kind: 'found', value: read.data };
  const [issue] = read.error.issues;
  return none(`data.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not understood'}`);
}

/** What every installer that writes a disk begins with: a confirmed plan’s disk, and the operator’s data. */
type Begun = { readonly kind: 'found'; readonly disk: PlannedName; readonly data: z.output<typeof installerData> };

function begun(of: Known, { job }: Reader): Begun | NotServed {
  const disk = plannedDisk(job);
  if (disk.kind === 'none') return disk;
  const data = dataOf(of);
  return data.kind === 'none' ? data : { kind: 'found', disk: disk.name, data: data.value };
}

/** Ubuntu’s installer takes its answers from the user data, beside what is meant for its own cloud-init. */
function ubuntu(of: Known, reader: Reader, templates: Pick<Templates, 'render'>): Served | NotServed {
  const start = begun(of, reader);
  if (start.kind === 'none') return start;
  const { disk, data } = start;
  const cloudInit = fill(of, 'cloudInit');
  if (cloudInit && !cloudInit.ok) return refused('cloudInit', cloudInit);
  const own = fill(of, 'autoinstall');
  if (own && !own.ok) return refused('autoinstall', own);
  const intent = of.network?.intent;
  return rendering(() => {
    const findDisk = templates.render('config/autoinstall', { disk, eol: '', placeholder: DISK_PLACEHOLDER });
    const answers = (network: JsonObject | undefined): Served | NotServed => {
      const made = autoinstall({
        ...data,
        own: own?.value,
        hostname: of.hostname,
        mirrorUrl: data.mirror.url,
        network,
        findDisk,
        reportUrl: reader.reportUrl,
      });
      if (!made.ok) return refused('autoinstall', made);
      return cloudConfig(userData({ cloudInit: cloudInit?.value, autoinstall: made.value }));
    };
    return intent === undefined ? answers(undefined) : fromRendered(networkConfig(intent), answers);
  });
}

const TARGET_IGNITION = '/etc/ingot/target.ign';
const INSTALL_SCRIPT = '/etc/ingot/install';

/**
 * Fedora CoreOS and Flatcar, booted live, write themselves to the disk: this is the Ignition config of the live system,
 * and the one of the system that it installs lies in it as a file.
 */
function coreos(of: Known, reader: Reader, templates: Pick<Templates, 'render'>): Served | NotServed {
  const start = begun(of, reader);
  if (start.kind === 'none') return start;
  const target = ignition(of, reader);
  if (target.kind === 'none') return target;
  const { disk, data } = start;
  return rendering(() => {
    const script = templates.render('config/coreos', {
      ...data,
      disk,
      eol: '',
      hostname: of.hostname,
      target: TARGET_IGNITION,
      reportUrl: reader.reportUrl,
    });
    const own = {
      systemd: { units: [{ name: 'ingot-install.service', enabled: true, contents: INSTALL_UNIT }] },
    } satisfies JsonObject;
    const files = [
      { path: TARGET_IGNITION, mode: 0o600, text: target.body.toString() },
      { path: INSTALL_SCRIPT, mode: 0o700, text: script },
    ];
    const tree = ignitionConfig({ own, hostname: of.hostname, network: files });
    return text(JSON.stringify(tree), 'application/vnd.coreos.ignition+json');
  });
}

/** By name of the shell: what lies in /etc may not be run as a program under SELinux. */
const INSTALL_UNIT = `[Unit]
Description=Ingot: writes this system to the planned disk
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=/bin/bash ${INSTALL_SCRIPT}
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
`;

/** Alpine unpacks it over its root: a script that runs once the network is there. */
function alpine(of: Known, reader: Reader, templates: Pick<Templates, 'render'>): Served | NotServed {
  const start = begun(of, reader);
  if (start.kind === 'none') return start;
  const { disk, data } = start;
  if (data.user.passwordHash !== '!') return none('data.user.passwordHash: setup-alpine takes none; want sshKeys');
  if (data.sshKeys.length > 1) return none('data.sshKeys: setup-alpine takes one key');
  if (of.intent === undefined) return none('it has no network, and its MAC is not known');
  return fromRendered(renderAlpine(of.intent), ({ interfaces, dns }) =>
    rendering(() => {
      const script = templates.render('config/alpine', {
        ...data,
        disk,
        eol: '',
        hostname: of.hostname,
        network: interfaces,
        dns,
        reportUrl: reader.reportUrl,
      });
      const body = alpineOverlay({ hostname: of.hostname, script });
      return { kind: 'served', contentType: 'application/gzip', body, secrets: 'own' };
    }),
  );
}

function rendering(make: () => Served | NotServed): Served | NotServed {
  try {
    return make();
  } catch (error) {
    if (error instanceof TemplateError) return none(error.message);
    throw error;
  }
}

/** Text for a network installer. It writes a disk, so it is given only under a plan, and names that plan’s disk. */
function installer(
  kind: 'preseed' | 'kickstart',
  of: Known,
  reader: Reader,
  templates: Pick<Templates, 'render'>,
): Served | NotServed {
  const start = begun(of, reader);
  if (start.kind === 'none') return start;
  const { disk, data } = start;
  const lines: string[] = [];
  for (const [index, line] of (of.config[kind] ?? []).entries()) {
    const one = fillLine(line, of.values, `[${index}]`);
    if (!one.ok) return none(`config.${kind}${one.path}: ${one.because}`);
    lines.push(one.value);
  }
  if (of.intent === undefined) return none('it has no network, and its MAC is not known');
  const network: Rendered<readonly string[]> =
    kind === 'preseed' ? netcfgLines(of.intent, of.hostname) : renderKickstart(of.intent, of.hostname);
  // A preseed file has its scripts on one line, which is continued.
  const eol = kind === 'preseed' ? ' \\' : '';
  return fromRendered(network, (networkLines) =>
    rendering(() => {
      const { reportUrl } = reader;
      const shown = { ...data, hostname: of.hostname, network: networkLines, disk, eol, lines, reportUrl };
      return text(templates.render(`config/${kind}`, shown));
    }),
  );
}

function netcfgLines(...about: Parameters<typeof renderPreseed>): Rendered<readonly string[]> {
  const result = renderPreseed(...about);
  return result.kind === 'refused' ? result : { kind: 'rendered', value: result.value.lines };
}

/** The disk that a confirmed plan writes, by what cannot change. It goes into a shell script: plain words only. */
function plannedDisk(job: Reader['job']): { readonly kind: 'found'; readonly name: PlannedName } | NotServed {
  const plan = job?.plan;
  if (!plan || job.confirmed?.digest !== plan.digest) return none('no confirmed plan names a disk');
  const [disk, another] = plan.disks.filter(({ act }) => act === 'write');
  if (!disk || another) return none('the plan does not name exactly one disk to write');
  const name = nameOf(disk);
  return name ? { kind: 'found', name } : none(`${disk.name} has no serial or WWN that a script can name`);
}

type PlannedName = { readonly serial: string; readonly wwn: string; readonly bytes: number };

function nameOf(disk: PlannedDisk): PlannedName | undefined {
  const names = scriptNames(disk);
  return names && { ...names, bytes: disk.bytes };
}
