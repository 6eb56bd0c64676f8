import type { Asked } from '#machines/contract/api/client.ts';
import { isOver } from '#machines/contract/job.ts';
import type { Daemon } from '../daemon.ts';
import type { Candidate, NameSource } from './decide/candidates.ts';

/** More than anybody reads; the next letter makes it fewer. */
const MOST = 200;

/** Names of the daemon that begin with what was typed. Throws whatever asking throws. */
export async function namesFrom(daemon: Daemon, of: NameSource, typed: string): Promise<readonly Candidate[]> {
  const found = await askFor(daemon, of, typed);
  return found.filter(({ word }) => word.startsWith(typed)).slice(0, MOST);
}

async function askFor(daemon: Daemon, of: NameSource, typed: string): Promise<readonly Candidate[]> {
  switch (of) {
    case 'machine': {
      const query: Asked<'listMachines'>['query'] = typed === '' ? { limit: MOST } : { search: typed, limit: MOST };
      const { value } = await daemon.ask('listMachines', { query });
      return value.items.map(({ name, status }) => ({
        word: name,
        about: [status.standing, status.attempt?.verdict.code].filter(Boolean).join(', '),
      }));
    }
    case 'profile': {
      const { value } = await daemon.ask('listProfiles');
      return value.items.map(({ name, os, when }) => ({ word: name, about: `${os}, ${when}` }));
    }
    case 'image': {
      const { value } = await daemon.ask('listImages');
      return value.items.map(({ name, arch }) => ({ word: name, about: arch }));
    }
    case 'class': {
      const { value } = await daemon.ask('listClasses');
      return value.items.map(({ name, profile }) => ({ word: name, about: profile }));
    }
    case 'network':
      return (await daemon.ask('listNetworks')).value.items.map(({ name }) => ({ word: name, about: '' }));
    case 'subnet':
      return (await daemon.ask('listSubnets')).value.items.map(({ name }) => ({ word: name, about: '' }));
    case 'credential':
      return (await daemon.ask('listCredentials')).value.items.map(({ name }) => ({ word: name, about: '' }));
    case 'cluster':
      return (await daemon.ask('listClusters')).value.items.map(({ name }) => ({ word: name, about: '' }));
    case 'user':
      return (await daemon.ask('listUsers')).value.items.map(({ name, role }) => ({ word: name, about: role }));
    case 'job': {
      const { value } = await daemon.ask('listJobs', { query: { limit: MOST } });
      // Those under way are meant most often.
      return value.items
        .toSorted((one, other) => Number(isOver(one.state)) - Number(isOver(other.state)))
        .map(({ id, kind, machine, state }) => ({ word: id, about: `${kind} ${machine}, ${state}` }));
    }
    case 'label':
      return conditions((await machinesToLookAt(daemon)).map(({ labels }) => labels));
    case 'fact':
      return conditions(
        (await machinesToLookAt(daemon)).map(({ status: { facts } }) =>
          Object.fromEntries(Object.entries(facts).map(([key, { value }]) => [key, String(value)])),
        ),
      );
    default:
      return of satisfies never;
  }
}

/** Of these many machines labels and facts are offered. */
const LOOKED_AT = 1000;

const machinesToLookAt = async (daemon: Daemon) =>
  (await daemon.ask('listMachines', { query: { limit: LOOKED_AT } })).value.items;

/** Words that a shell would take apart, or that end a condition, are typed by hand. */
const PLAIN = /^[\w./:@%+-]+$/;

/** `KEY=VALUE` as it stands somewhere, with how many have it, and those of most first. */
function conditions(of: readonly Readonly<Record<string, string>>[]): readonly Candidate[] {
  const counts = new Map<string, number>();
  for (const values of of) {
    for (const [key, value] of Object.entries(values)) {
      if (!PLAIN.test(key) || !PLAIN.test(value)) continue;
      const word = `${key}=${value}`;
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .map(([word, count]) => ({ word, about: `${count} machine${count === 1 ? '' : 's'}` }));
}
