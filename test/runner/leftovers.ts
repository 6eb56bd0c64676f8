import { setTimeout } from 'node:timers/promises';
import type { MachineState } from './machine-state.ts';
import type { Result } from './result.ts';

const PROMISES = {
  processes: 'no process is left behind',
  services: 'no service is left behind',
  ports: 'no listening port is left behind',
  namespaces: 'no network namespace is left behind',
  bootEntries: 'no boot entry is left behind',
} as const satisfies Record<keyof MachineState, string>;

/** Compares the machine after a run with before; each promise counts as one test. */
export function findLeftovers(before: MachineState, after: MachineState): Result[] {
  return Object.entries(PROMISES).map(([kind, name]) => {
    const known = new Set(before[kind as keyof MachineState]);
    const left = after[kind as keyof MachineState].filter((line) => !known.has(line));
    return left.length === 0 ? { kind: 'passed', name } : { kind: 'failed', name, detail: left.join('\n') };
  });
}

const SETTLE_MS = 10_000;

/** Looks until nothing is left, or for as long as a program that was told to end may still take. */
export async function waitForNoLeftovers(before: MachineState, read: () => MachineState): Promise<Result[]> {
  const end = performance.now() + SETTLE_MS;
  for (;;) {
    const results = findLeftovers(before, read());
    if (performance.now() > end || results.every((result) => result.kind === 'passed')) return results;
    await setTimeout(200);
  }
}
