import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * How much is run: `fast` needs neither root nor packages, and opens no daemon: under a minute; `usual` (npm test) adds
 * daemons, agents and BMCs on real sockets, real programs and real firmware, each path once; `full` adds the whole
 * matrices.
 */
export const TIERS = ['fast', 'usual', 'full'] as const;
export type Tier = (typeof TIERS)[number];

const OUTSIDE_PROGRAMS = ['test/interop/', 'test/e2e/', 'test/web/browser/'];
/** Whose tests open a whole daemon, API, agent or BMC: seconds each. */
const WORLDS =
  /^test\/(?:cli|server\/(?:api|backup|bmc|jobs|machine)|server(?=\/[^/]+$)|machines\/(?:agent|rack)|services\/bmc)\//;
const PURE = [/\/(decide|wire)\//, /^test\/machines\/(api|contract|values)\//];

/** The lowest tier that runs a test file, known from its path relative to the root. */
export function tierOf(file: string): Tier {
  if (file.endsWith('.full.test.ts')) return 'full';
  return needsLab(file) || (WORLDS.test(file) && !isInner(file)) ? 'usual' : 'fast';
}

/** Whether a test file works with programs from system packages, and so wants them installed. */
export function needsLab(file: string): boolean {
  return OUTSIDE_PROGRAMS.some((folder) => file.startsWith(folder));
}

/** Whether a test file may share the machine with another: those with real programs would slow each other down. */
export function sharesMachine(file: string): boolean {
  return tierOf(file) !== 'full' && !needsLab(file);
}

/** Whether a test file is of rings 0 and 1: it opens nothing and waits for nothing, so many may share a process. */
export function isPure(file: string): boolean {
  return tierOf(file) === 'fast' && isInner(file);
}

const isInner = (file: string): boolean => PURE.some((place) => place.test(file));

/** All test files of a repository, sorted, with paths relative to its root. */
export function findTestFiles(root: string): string[] {
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
    .map((name) => `test/${name}`)
    .sort();
}

/** The files of a tier; with `added`, only those which the tier below does not run. */
export function filesOfTier(files: readonly string[], tier: Tier, added = false): string[] {
  const level = TIERS.indexOf(tier);
  return files.filter((file) => {
    const own = TIERS.indexOf(tierOf(file));
    return added ? own === level : own <= level;
  });
}
