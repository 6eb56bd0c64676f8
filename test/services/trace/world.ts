import { machineDocument } from '#machines/contract/documents.ts';
import type { Acceptance, Machine } from '#machines/contract/machine.ts';
import type { TraceBody } from '#machines/contract/trace.ts';
import { type MacAddress, parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import type { Registry, RegistryChange } from '#services/registry/contract.ts';
import { openRecorder, type RecorderParts, type RunningRecorder } from '#services/trace/recorder.ts';
import type { Subject } from '#services/trace/contract.ts';
import { atSecond, type Step } from '#test/machines/decide/boots.ts';
import { memoryTraceStore } from './memory-trace-store.ts';

export const macNumber = (number: number): MacAddress =>
  sure(parseMacAddress(`5254${number.toString(16).padStart(8, '0')}`));

export const machine = (name: string, macs: readonly MacAddress[], acceptance: Acceptance = 'accepted'): Machine => ({
  document: machineDocument.parse({ kind: 'Machine', name, macs }),
  acceptance,
  service: 'none',
  locked: false,
  identifiers: { macs: [], uuids: [], serials: [] },
  facts: {},
  rev: 1,
});

/** As much of a registry as a recorder reads. */
export function memoryRegistry(): Pick<Registry, 'machine' | 'machineByMac' | 'watch'> & { put(one: Machine): void } {
  const machines = new Map<string, Machine>();
  const byMac = new Map<MacAddress, Machine>();
  const listeners = new Set<(change: RegistryChange) => void>();
  return {
    machine: (name) => machines.get(name),
    machineByMac: (mac) => byMac.get(mac),
    put(one) {
      machines.set(one.document.name, one);
      for (const mac of one.document.macs) byMac.set(mac, one);
      for (const listener of listeners) listener({ kind: 'machine', name: one.document.name, machine: one });
    },
    watch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

export type World = {
  readonly store: ReturnType<typeof memoryTraceStore>;
  readonly registry: ReturnType<typeof memoryRegistry>;
  readonly recorder: RunningRecorder;
  readonly errors: unknown[];
  /** Sets the clock, in seconds after the beginning. */
  readonly at: (second: number) => void;
  /** Records the steps of a boot, setting the clock for each; gives what `record` gave. */
  readonly play: (subject: Subject, steps: readonly Step[]) => readonly (string | undefined)[];
  /** The same store and registry, a new recorder. */
  readonly restart: () => Promise<World>;
};

export async function world(
  parts: Partial<Pick<RecorderParts, 'limits' | 'times'>> = {},
  kept = { store: memoryTraceStore(), registry: memoryRegistry(), second: 0 },
): Promise<World> {
  const { store, registry } = kept;
  let second = kept.second;
  let number = 0;
  const errors: unknown[] = [];
  const recorder = await openRecorder({
    store,
    registry,
    clock: { now: () => atSecond(second) },
    random: (size) => {
      const bytes = new Uint8Array(size);
      new DataView(bytes.buffer).setUint32(0, ++number + second * 1000);
      return bytes;
    },
    log: { error: (what: unknown) => errors.push(what), warn() {}, info() {} },
    ...parts,
  });
  return {
    store,
    registry,
    recorder,
    errors,
    at(to) {
      second = to;
    },
    play: (subject, steps) =>
      steps.map(([to, body]: readonly [number, TraceBody]) => {
        second = to;
        return recorder.record(subject, body);
      }),
    restart: () => world(parts, { store, registry, second }),
  };
}
