import { STARTING, type Standing } from './decide/standing.ts';

/** How it stands with this machine, for screens and heartbeats. */
export type StandingBoard = {
  current(): Standing;
  /** A key that is given as undefined is taken off. */
  change(parts: { readonly [Key in keyof Standing]?: Standing[Key] | undefined }): void;
  /** Called at each change until the returned function is called. */
  onChange(listener: (now: Standing, before: Standing) => void): () => void;
};

export function openStandingBoard(): StandingBoard {
  let current = STARTING;
  const listeners = new Set<(now: Standing, before: Standing) => void>();
  return {
    current: () => current,
    change(parts) {
      const before = current;
      const kept = Object.entries({ ...before, ...parts }).filter(([, value]) => value !== undefined);
      current = { ...STARTING, ...Object.fromEntries(kept) };
      for (const listener of listeners) listener(current, before);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
