import type { ProfileDocument } from '#machines/contract/documents.ts';
import type { Job } from '#machines/contract/job.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { ConfigItem } from '#machines/decide/config-path.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';

/** Who reads, in which boot. */
export type Reader = {
  readonly machine: Machine;
  readonly profile: ProfileDocument;
  /** The job that installs it, if one does. */
  readonly job: Job | undefined;
  readonly attempt: string;
  readonly address: IpAddress;
  /** Where the installed system says that it is up. */
  readonly reportUrl: string;
};

export type Served = {
  readonly kind: 'served';
  readonly contentType: string;
  readonly body: string | Uint8Array;
  /** Does it hold what gives power over a cluster? Such a thing goes in plain HTTP only where the profile says so. */
  readonly secrets: 'control-plane' | 'own';
};

/** `because` is for the operator: whoever asks is told nothing. */
export type NotServed = { readonly kind: 'none'; readonly because: string };

/** Renders what a machine reads of its configuration. Rejects only for a broken promise of ours. */
export type Metadata = { read(item: ConfigItem, reader: Reader): Promise<Served | NotServed> };

/** Machine configurations of Talos, made elsewhere: the text, and whether it is a control plane’s. */
export type TalosConfigs = {
  configOf(
    machine: Machine,
    profile: ProfileDocument,
    job: Job | undefined,
  ): Promise<
    | { readonly kind: 'found'; readonly yaml: string; readonly isControlPlane: boolean }
    | { readonly kind: 'none'; readonly because: string }
  >;
};
