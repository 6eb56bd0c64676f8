import { isObject, type Json, type JsonObject } from './layers.ts';

/** Stands in the answers for the disk until the installer has looked for it; no device has such a name. */
export const DISK_PLACEHOLDER = '/dev/ingot-planned-disk';

export type AutoinstallAnswer =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly path: string; readonly because: string };

/**
 * Answers of Ubuntu's installer (Subiquity, "Autoinstall configuration reference", version 1): an operator's own, with
 * host name, user, keys and network where he says nothing of them, and the disk, of which he may not.
 */
export function autoinstall(parts: {
  readonly own: JsonObject | undefined;
  readonly hostname: string;
  readonly locale: string;
  readonly keyboard: string;
  readonly timezone: string;
  readonly packages: readonly string[];
  readonly sshKeys: readonly string[];
  readonly user: { readonly name: string; readonly passwordHash: string };
  readonly proxy: string;
  readonly mirrorUrl: string | undefined;
  /** netplan's form. */
  readonly network: JsonObject | undefined;
  /** Shell that puts the planned disk into the place of `DISK_PLACEHOLDER`, or fails. */
  readonly findDisk: string;
  readonly reportUrl: string;
}): AutoinstallAnswer {
  const { own = {}, user, network, proxy, mirrorUrl } = parts;
  const storage = own['storage'];
  const layout = isObject(storage) ? storage['layout'] : undefined;
  const others = isObject(storage) ? Object.keys(storage).find((key) => key !== 'layout' && key !== 'swap') : undefined;
  if (others !== undefined) return { ok: false, path: `storage.${others}`, because: ONE_DISK };
  if (isObject(layout) && layout['match'] !== undefined)
    return { ok: false, path: 'storage.layout.match', because: ONE_DISK };
  const interactive = own['interactive-sections'];
  if (interactive !== undefined && !(Array.isArray(interactive) && interactive.length === 0)) {
    return { ok: false, path: 'interactive-sections', because: 'a person at the machine could choose another disk' };
  }
  return {
    ok: true,
    value: {
      version: 1,
      locale: parts.locale,
      keyboard: { layout: parts.keyboard },
      // Its schema has a list of zones, with this one under another name.
      timezone: parts.timezone === 'Etc/UTC' ? 'UTC' : parts.timezone,
      identity: { hostname: parts.hostname, username: user.name, password: user.passwordHash },
      ssh: { 'install-server': true, 'allow-pw': false, 'authorized-keys': [...parts.sshKeys] },
      ...(network === undefined ? {} : { network }),
      ...(proxy === '' ? {} : { proxy }),
      ...(mirrorUrl === undefined ? {} : { apt: { primary: [{ arches: ['default'], uri: mirrorUrl }] } }),
      packages: [...parts.packages],
      ...own,
      storage: {
        ...(isObject(storage) ? storage : {}),
        layout: { name: 'direct', ...(isObject(layout) ? layout : {}), match: { path: DISK_PLACEHOLDER } },
      },
      'early-commands': [['sh', '-c', parts.findDisk], ...listOf(own['early-commands'])],
      'late-commands': [
        ...listOf(own['late-commands']),
        `curl -s -o /dev/null -d installed ${parts.reportUrl} || true`,
      ],
    },
  };
}

const ONE_DISK = 'the plan names the disk; want storage.layout.name, and no other';
const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);
