import { terminal as escaped } from '#machines/values/escape.ts';
import { nearest } from '#services/yaml/known-keys.ts';
import { namesFrom } from './completion/names.ts';
import { NAME_SOURCES } from './completion/decide/candidates.ts';
import type { Daemon } from './daemon.ts';

/** Where the names of a kind are listed. */
const LISTS: Readonly<Record<string, string>> = {
  machine: 'ingot machine list',
  profile: 'ingot get profiles',
  class: 'ingot get classes',
  image: 'ingot image list',
  network: 'ingot get networks',
  subnet: 'ingot get subnets',
  cluster: 'ingot get clusters',
  job: 'ingot job list',
  token: 'ingot token list',
  credential: 'ingot bmc credentials list',
};

/**
 * What to say after "there is no machine r1-u6": the name that is nearest to it, and where all of them are listed.
 * Nothing where the daemon cannot be asked.
 */
export async function hintFor(message: string, daemon: Daemon): Promise<string | undefined> {
  const [, kind = '', name = ''] = /there is no ([a-z]+) (\S+)$/.exec(message) ?? [];
  const list = LISTS[kind];
  if (list === undefined) return undefined;
  const of = NAME_SOURCES.find((one) => one === kind);
  const known = of === undefined || of === 'job' ? [] : await namesFrom(daemon, of, '').catch(() => []);
  const close = nearest(
    name,
    known.map(({ word }) => word),
  );
  return close === undefined ? `  next: ${list}` : `  did you mean ${escaped(close)}? all of them: ${list}`;
}
