import { ignitionFiles } from '../network/ignition.ts';
import type { NetworkFile } from '../network/networkd.ts';
import { isObject, type Json, type JsonObject } from './layers.ts';

/** Understood by Flatcar since 3185 and by every Fedora CoreOS of these years. */
const VERSION = '3.3.0';

/** An operator’s Ignition config with the machine’s host name and network in it. A file that he writes himself stays his. */
export function ignitionConfig(parts: {
  readonly own: JsonObject | undefined;
  readonly hostname: string;
  readonly network: readonly NetworkFile[];
}): JsonObject {
  const { own = {}, hostname, network } = parts;
  const ignition = isObject(own['ignition']) ? own['ignition'] : {};
  const storage = isObject(own['storage']) ? own['storage'] : {};
  const files: readonly Json[] = Array.isArray(storage['files']) ? (storage['files'] as readonly Json[]) : [];
  const taken = new Set(files.map((file) => (isObject(file) ? file['path'] : undefined)));
  const made = ignitionFiles([{ path: '/etc/hostname', mode: 0o644, text: `${hostname}\n` }, ...network]);
  return {
    ...own,
    ignition: { version: VERSION, ...ignition },
    storage: { ...storage, files: [...files, ...made.filter(({ path }) => !taken.has(path))] },
  };
}
