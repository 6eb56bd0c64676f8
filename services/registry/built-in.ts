import { RESCUE_ARGUMENT } from '#machines/contract/agent.ts';
import { type ProfileDocument, profileDocument } from '#machines/contract/documents.ts';

const builtIn = (
  one: Pick<ProfileDocument, 'name' | 'os' | 'when'> & Partial<Pick<ProfileDocument, 'args'>>,
): ProfileDocument =>
  profileDocument.parse({ kind: 'Profile', writes: 'none', labels: { 'ingot/built-in': 'true' }, ...one });

/** What strangers get where discovery is `agent`, and what jobs boot. */
export const AGENT_PROFILE = builtIn({ name: 'agent', os: 'agent', when: 'once' });

/** The agent's image without the agent: a shell on each console, for a person. What jobs of kind rescue boot. */
export const RESCUE_PROFILE = builtIn({ name: 'rescue-shell', os: 'agent', when: 'once', args: [RESCUE_ARGUMENT] });

/** Profiles that are always there and cannot be changed. */
export const BUILT_IN_PROFILES: readonly ProfileDocument[] = [
  AGENT_PROFILE,
  RESCUE_PROFILE,
  builtIn({ name: 'disk', os: 'disk', when: 'always' }),
  builtIn({ name: 'menu', os: 'menu', when: 'once' }),
];
