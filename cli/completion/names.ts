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
    default:
      return of satisfies never;
  }
}
