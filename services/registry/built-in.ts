import { type ProfileDocument, profileDocument } from '#machines/contract/documents.ts';

/** Profiles that are always there and cannot be changed. */
export const BUILT_IN_PROFILES: readonly ProfileDocument[] = [
  { name: 'disk', os: 'disk', when: 'always' },
  { name: 'menu', os: 'menu', when: 'once' },
].map((one) =>
  profileDocument.parse({ kind: 'Profile', writes: 'none', labels: { 'ingot/built-in': 'true' }, ...one }),
);
