import type { SeedWork } from '#machines/api/messages/agent.ts';
import { PRIVATE_LABEL, PRIVATE_TYPE } from '../bottlerocket/layout.ts';
import type { BottlerocketFile } from '../bottlerocket/files.ts';

/** What cloud-init is given, each as the text of its file. */
export type CloudInitTexts = {
  readonly userData: string;
  readonly vendorData: string | undefined;
  /** netplan's format; NoCloud only. */
  readonly networkConfig: string | undefined;
  readonly instanceId: string;
  readonly hostname: string;
};

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const file = (path: string, text: string | undefined) =>
  text === undefined ? [] : [{ path, content: bytes(text), mode: 0 }];

/** cloud-init's NoCloud data source: four files in the root. `meta-data` must be there, and names the instance. */
export const nocloudSeed = (texts: CloudInitTexts): SeedWork => ({
  volume: { label: 'cidata' },
  files: [
    ...file('meta-data', `${JSON.stringify({ 'instance-id': texts.instanceId, 'local-hostname': texts.hostname })}\n`),
    ...file('user-data', texts.userData),
    ...file('vendor-data', texts.vendorData),
    ...file('network-config', texts.networkConfig),
  ],
});

/** OpenStack's config drive, version 2. The network is told in a format of its own, see network-data.ts. */
export const configDriveSeed = (texts: CloudInitTexts, networkData: object | undefined): SeedWork => ({
  volume: { label: 'config-2' },
  files: [
    ...file(
      'openstack/latest/meta_data.json',
      `${JSON.stringify({ uuid: texts.instanceId, name: texts.hostname, hostname: texts.hostname })}\n`,
    ),
    ...file('openstack/latest/user_data', texts.userData),
    // It is JSON there, and a text in it is what cloud-init runs.
    ...file(
      'openstack/latest/vendor_data.json',
      texts.vendorData === undefined ? undefined : `${JSON.stringify({ 'cloud-init': texts.vendorData })}\n`,
    ),
    ...file('openstack/latest/network_data.json', networkData && `${JSON.stringify(networkData)}\n`),
  ],
});

/** Where coreos-installer puts it: read on the first boot, and then removed with what else is of that boot. */
export const ignitionSeed = (config: object): SeedWork => ({
  existing: { label: 'boot', type: '' },
  files: [{ path: 'ignition/config.ign', content: bytes(JSON.stringify(config)), mode: 0o600 }],
});

export const bottlerocketSeed = (files: readonly BottlerocketFile[]): SeedWork => ({
  existing: { label: PRIVATE_LABEL, type: PRIVATE_TYPE },
  files,
});

/** As the agent makes them (machines/agent/disks), each at a whole MiB, and at their end the copy of the GPT. */
const VOLUME_BYTES = 17 << 20;

/** What a disk must have more than the image: seeds in volumes of their own lie behind it. */
export const roomBeside = ({ seeds = [] }: { readonly seeds?: readonly SeedWork[] }): number =>
  seeds.filter(({ volume }) => volume).length * VOLUME_BYTES;
