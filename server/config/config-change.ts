import type { Config } from './config.ts';

/** What a running daemon takes from a new configuration, by the path people write. */
const AT_RUNTIME: readonly string[] = ['log', 'interfaces', 'subnets', 'dhcp', 'boot.advertise'];

/** Settings that are looked at one by one; others are compared whole. */
const INNER = ['boot', 'tftp', 'machine', 'api', 'images', 'traces'] as const satisfies readonly (keyof Config)[];

export type ConfigChange = {
  /** Paths that change at once. */
  readonly now: readonly string[];
  /** Paths that change when the daemon starts anew. */
  readonly afterRestart: readonly string[];
};

/** What differs between two configurations. */
export function configChange(before: Config, after: Config): ConfigChange {
  const paths = changedPaths(before, after);
  return {
    now: paths.filter((path) => AT_RUNTIME.includes(path)),
    afterRestart: paths.filter((path) => !AT_RUNTIME.includes(path)),
  };
}

/** The running configuration with what can be changed at runtime taken from the new one. */
export const withRuntimeSettings = (before: Config, after: Config): Config => ({
  ...before,
  log: after.log,
  interfaces: after.interfaces,
  subnets: after.subnets,
  dhcp: after.dhcp,
  boot: { ...before.boot, advertise: after.boot.advertise },
});

function changedPaths(before: Config, after: Config): readonly string[] {
  const isInner = (key: string): boolean => INNER.some((one) => one === key);
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => key !== 'file');
  return keys.flatMap((key) => {
    const [old, next]: readonly unknown[] = [entryOf(before, key), entryOf(after, key)];
    if (isEqual(old, next)) return [];
    if (!isInner(key)) return [key];
    const parts = [...new Set([...namesOf(old), ...namesOf(next)])];
    return parts.filter((part) => !isEqual(entryOf(old, part), entryOf(next, part))).map((part) => `${key}.${part}`);
  });
}

const namesOf = (value: unknown): readonly string[] => (typeof value === 'object' && value ? Object.keys(value) : []);
const entryOf = (value: unknown, name: string): unknown =>
  Object.entries(typeof value === 'object' && value ? value : {}).find(([key]) => key === name)?.[1];

/** Values of a configuration: no cycles, and undefined is as good as absent. */
function isEqual(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || !one || !other) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  return [...new Set([...namesOf(one), ...namesOf(other)])].every((name) =>
    isEqual(entryOf(one, name), entryOf(other, name)),
  );
}
