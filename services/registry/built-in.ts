import { type ProfileDocument, profileDocument } from '#machines/contract/documents.ts';

const builtIn = (one: Pick<ProfileDocument, 'name' | 'os' | 'when'>): ProfileDocument =>
  profileDocument.parse({ kind: 'Profile', writes: 'none', labels: { 'ingot/built-in': 'true' }, ...one });

/** What strangers get where discovery is `agent`, and what jobs boot. */
export const AGENT_PROFILE = builtIn({ name: 'agent', os: 'agent', when: 'once' });

/** Profiles that are always there and cannot be changed. */
export const BUILT_IN_PROFILES: readonly ProfileDocument[] = [
  AGENT_PROFILE,
  builtIn({ name: 'disk', os: 'disk', when: 'always' }),
  builtIn({ name: 'menu', os: 'menu', when: 'once' }),
];
