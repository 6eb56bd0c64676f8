import type { NetworkIntent } from '#machines/contract/network.ts';
import { type Rendered } from '../network/devices.ts';
import { renderNetplan } from '../network/netplan.ts';
import type { JsonObject } from './layers.ts';

/** What cloud-init and Subiquity ask for below a seed’s URL (cloud-init, "NoCloud"). */
export const NOCLOUD_FILES = ['meta-data', 'user-data', 'vendor-data', 'network-config'] as const;
export type NocloudFile = (typeof NOCLOUD_FILES)[number];

/** A new `instance-id` is a new machine to cloud-init, which then runs everything of a first boot again. */
export const metaData = ({ instanceId, hostname }: { readonly instanceId: string; readonly hostname: string }) => ({
  'instance-id': instanceId,
  'local-hostname': hostname,
});

/**
 * User data: a cloud-config. With `autoinstall` it is meant for Ubuntu’s installer, which reads that key and leaves the
 * rest to the installer’s own cloud-init.
 */
export function userData(parts: {
  readonly cloudInit: JsonObject | undefined;
  readonly autoinstall: JsonObject | undefined;
}): JsonObject {
  const { cloudInit, autoinstall } = parts;
  return { ...cloudInit, ...(autoinstall === undefined ? {} : { autoinstall }) };
}

/** The first line makes it one (cloud-init, "User data formats"). */
export const CLOUD_CONFIG = '#cloud-config\n';

export const networkConfig = (intent: NetworkIntent): Rendered<JsonObject> => renderNetplan(intent);
