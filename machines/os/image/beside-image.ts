import type { SeedWork, WriteImageWork } from '#machines/api/messages/agent.ts';
import type { ClassDocument, NetworkDocument, ProfileDocument } from '#machines/contract/documents.ts';
import { type InstallOptions, installOptions } from '#machines/contract/install-options.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { NetworkIntent } from '#machines/contract/network.ts';
import { bottlerocketFiles } from '../bottlerocket/files.ts';
import { type Configuration, configurationOf, defaultIntent } from '../config/configuration.ts';
import { ignitionConfig } from '../config/ignition.ts';
import type { JsonObject } from '../config/layers.ts';
import { fillTree } from '../config/machine-values.ts';
import { CLOUD_CONFIG, userData } from '../config/nocloud.ts';
import { renderBottlerocket } from '../network/bottlerocket.ts';
import type { Rendered } from '../network/devices.ts';
import { renderNetplan } from '../network/netplan.ts';
import { renderNetworkManager } from '../network/network-manager.ts';
import { yamlText } from '../talos/yaml-text.ts';
import { renderNetworkData } from './network-data.ts';
import { bottlerocketSeed, type CloudInitTexts, configDriveSeed, ignitionSeed, nocloudSeed } from './seeds.ts';

/** What the agent does beside the image: the rest of the request that writes it. */
export type BesideImage = Required<Pick<WriteImageWork, 'grow' | 'seeds' | 'efi_entry'>>;
export type BesideImageAnswer =
  | { readonly ok: true; readonly work: BesideImage }
  | { readonly ok: false; readonly problems: readonly { readonly key: string; readonly because: string }[] };

type Known = {
  readonly machine: Machine;
  readonly ofClass: ClassDocument | undefined;
  readonly profile: ProfileDocument;
  readonly network: (name: string) => NetworkDocument | undefined;
  /** The job: to cloud-init each installation is a new machine. */
  readonly job: string;
};

/** A problem that was met on the way; caught where the answer is made. */
class Unsaid extends Error {
  readonly problems: readonly { readonly key: string; readonly because: string }[];
  constructor(problems: readonly { readonly key: string; readonly because: string }[]) {
    super(problems.map(({ key, because }) => `${key}: ${because}`).join('; '));
    this.problems = problems;
  }
}

/** What the documents say of a machine, as the agent is told it; or each key of theirs that cannot be said so. */
export function besideImage(known: Known): BesideImageAnswer {
  const options = known.profile.install ?? installOptions.parse({});
  try {
    const seeds = known.profile.os === 'bottlerocket' ? [bottlerocket(known, options)] : seedsOf(known, options);
    return {
      ok: true,
      work: {
        grow: options.grow === undefined ? null : { partition: options.grow === 'last' ? '' : options.grow },
        seeds,
        efi_entry: options.efiEntry ? { label: known.profile.image ?? known.profile.name } : null,
      },
    };
  } catch (error) {
    if (error instanceof Unsaid) return { ok: false, problems: error.problems };
    throw error;
  }
}

function seedsOf(known: Known, { seed }: InstallOptions): readonly SeedWork[] {
  if (seed === undefined) return [];
  const configuration = configurationOf(known);
  const intent = intentOf(known, configuration);
  const { machine } = known;
  const { config } = configuration;
  const own = (tree: object | undefined): JsonObject | undefined =>
    tree === undefined ? undefined : filled(known, configuration, tree);
  if (seed === 'ignition') {
    const network = intent === undefined ? [] : sure(renderNetworkManager(intent));
    const { name: hostname } = machine.document;
    return [ignitionSeed(ignitionConfig({ own: own(config.ignition), hostname, network }))];
  }
  const vendor = own(config.vendorData);
  const texts: CloudInitTexts = {
    userData: CLOUD_CONFIG + yamlText(userData({ cloudInit: own(config.cloudInit), autoinstall: undefined })),
    vendorData: vendor && CLOUD_CONFIG + yamlText(vendor),
    networkConfig: seed === 'nocloud' && intent !== undefined ? yamlText(sure(renderNetplan(intent))) : undefined,
    instanceId: `ingot-${machine.document.name}-${known.job}`,
    hostname: machine.document.name,
  };
  if (seed === 'nocloud') return [nocloudSeed(texts)];
  return [configDriveSeed(texts, intent === undefined ? undefined : sure(renderNetworkData(intent)))];
}

function bottlerocket(known: Known, { adminContainer }: InstallOptions): SeedWork {
  const configuration = configurationOf(known);
  const intent = intentOf(known, configuration);
  const { bottlerocket: settings } = configuration.config;
  const answer = bottlerocketFiles({
    settings: settings === undefined ? {} : filled(known, configuration, settings),
    network: intent === undefined ? undefined : sure(renderBottlerocket(intent)),
    hostname: known.machine.document.name,
    adminKeys: adminContainer?.authorizedKeys,
    kernelArguments: known.profile.args,
  });
  if (!answer.ok) throw new Unsaid(answer.problems);
  return bottlerocketSeed(answer.files);
}

/** What is said of its network, or all of its cards by DHCP. */
const intentOf = ({ machine }: Known, { network }: Configuration): NetworkIntent | undefined =>
  network?.intent ?? defaultIntent(machine);

function filled({ machine, profile, job }: Known, { data }: Configuration, tree: object): JsonObject {
  // Documents are JSON by their schema.
  const answer = fillTree(tree as JsonObject, { machine, profile: profile.name, attempt: job, data });
  if (!answer.ok) throw new Unsaid([{ key: answer.path, because: answer.because }]);
  return answer.value;
}

function sure<T>(answer: Rendered<T>): T {
  if (answer.kind === 'rendered') return answer.value;
  throw new Unsaid(answer.refusals.map(({ key, because }) => ({ key: `network ${key}`, because })));
}
