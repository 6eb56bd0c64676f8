export type LogSeverity = 'OK' | 'Warning' | 'Critical';

/** One line, as IPMI's SEL keeps it and as Redfish tells it. */
export type LogEntry = {
  /** 1 and up; ids are not used again before the log is cleared. */
  readonly id: number;
  /** By the BMC's clock, milliseconds since the epoch. */
  readonly at: number;
  readonly severity: LogSeverity;
  readonly text: string;
  /** IPMI 2.0 table 42-3. */
  readonly sensorType: number;
  readonly sensor: number;
  /** Event data 1: the offset in the sensor's list. */
  readonly offset: number;
};

const CAPACITY = 512;

export type EventLog = {
  readonly capacity: number;
  entries(): readonly LogEntry[];
  add(entry: Omit<LogEntry, 'id' | 'at'>): void;
  clear(): void;
  /** Milliseconds since the epoch, by the BMC's clock. */
  readonly changed: { readonly addedAt: () => number; readonly clearedAt: () => number };
};

export function openEventLog(clock: () => number): EventLog {
  let entries: LogEntry[] = [];
  let nextId = 1;
  let addedAt = 0;
  let clearedAt = 0;
  return {
    capacity: CAPACITY,
    entries: () => entries,
    add(entry) {
      addedAt = clock();
      entries.push({ ...entry, id: nextId++, at: addedAt });
      if (entries.length > CAPACITY) entries.shift();
    },
    clear() {
      entries = [];
      nextId = 1;
      clearedAt = clock();
    },
    changed: { addedAt: () => addedAt, clearedAt: () => clearedAt },
  };
}
