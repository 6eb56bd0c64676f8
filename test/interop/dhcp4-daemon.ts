// The DHCP server as a program, for tests that need it in a network namespace: the daemon without everything else.
// `node dhcp4-daemon.ts FILE`, where FILE is JSON of DaemonSettings. Prints `ready {…}`, then a line for each event.
import { readFileSync } from 'node:fs';
import type { MachineDocument } from '#machines/contract/documents.ts';
import { configFile } from '#server/config/schema.ts';
import type { Dhcp4Limits } from '#server/dhcp4/contract.ts';
import { dhcp4Server } from '#server/dhcp4/server.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { runTogether } from '#server/task.ts';
import { machineOf, parts, subnetOf } from '#test/server/dhcp4/world.ts';

export type DaemonSettings = {
  /** As in ingot.yaml. */
  readonly interfaces?: readonly Readonly<Record<string, unknown>>[];
  readonly subnets?: readonly Readonly<Record<string, unknown>>[];
  readonly dhcp?: Readonly<Record<string, unknown>>;
  readonly machines?: readonly (Partial<MachineDocument> & Readonly<Record<string, unknown>>)[];
  readonly limits?: Partial<Dhcp4Limits>;
  /** Directory of a store on disk; absent: leases are kept in memory. */
  readonly storeDir?: string;
  /** Print only that it is ready. */
  readonly quiet?: boolean;
};

if (import.meta.main) {
  const settings = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as DaemonSettings;
  const store = settings.storeDir === undefined ? undefined : await openSqliteStore({ dir: settings.storeDir });
  const { interfaces, dhcp } = configFile.parse({ interfaces: settings.interfaces ?? [], dhcp: settings.dhcp ?? {} });
  const { parts: made } = parts({
    config: { interfaces, dhcp, subnets: (settings.subnets ?? []).map(subnetOf) },
    machines: (settings.machines ?? []).map((document, index) => machineOf({ name: `m${index + 1}`, ...document })),
    ...(store ? { leases: store.leases } : {}),
    ...(settings.limits ? { limits: settings.limits } : {}),
  });
  const say = (kind: string, value: unknown): void => {
    if (!settings.quiet || kind === 'ready' || kind === 'error') console.log(`${kind} ${JSON.stringify(value)}`);
  };
  const server = dhcp4Server({
    ...made,
    recorder: {
      record(subject, body) {
        say('event', { ...subject, ...body });
        return made.recorder.record(subject, body);
      },
    },
    log: {
      isLevelEnabled: () => !settings.quiet,
      debug: (...what: readonly unknown[]) => say('debug', what),
      info: (...what: readonly unknown[]) => say('info', what),
      warn: (...what: readonly unknown[]) => say('warn', what),
      error: (...what: readonly unknown[]) => say('error', what.map(String)),
    },
  });
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort());
  const running = runTogether(stop.signal, [server]);
  say('ready', await Promise.race([server.ready, running]));
  await running;
  await store?.[Symbol.asyncDispose]();
}
