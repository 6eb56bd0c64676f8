import type { MacAddress } from '../../values/mac-address.ts';
import type { Uuid } from '../../values/uuid.ts';
import type { Host } from '../host.ts';
import { serialOf, uuidOf } from './decide/clean-text.ts';
import { readLinks } from './read-links.ts';
import { readSmbios, readSystem } from './read-system.ts';
import { openSource } from './source.ts';

/** What tells this machine from all others; placeholders are left out. */
export type MachineIdentity = {
  readonly uuid?: Uuid;
  readonly serial?: string;
  /** Permanent addresses of its physical NICs, where the kernel knows them, else those in use. */
  readonly macs: readonly MacAddress[];
};

/** Runs no tool but, where a NIC's address was changed, the one that tells the permanent one: milliseconds. */
export async function readIdentity(
  host: Host,
  signal: AbortSignal = new AbortController().signal,
): Promise<MachineIdentity> {
  const source = openSource({ host, signal });
  const smbios = await readSmbios(source);
  const [{ system }, links] = await Promise.all([readSystem(source, smbios), readLinks(source)]);
  const serial = serialOf(system.serial);
  const uuid = uuidOf(system.uuid);
  return {
    ...(uuid === undefined ? {} : { uuid }),
    ...(serial === undefined ? {} : { serial }),
    macs: [...new Set(links.map(({ mac, permanentMac }) => permanentMac ?? mac))],
  };
}
