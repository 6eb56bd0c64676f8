import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { StoreError } from '../store-error.ts';
import { adviceOn, failureOf } from './failure.ts';
import type { WriteRequest, WriteResult, WriterInput, WriterOutput } from './protocol.ts';
import { migrate } from './schema.ts';
import { sqliteWrites } from './writes.ts';

// The only writing connection. What has queued up while one transaction was being synced is the next transaction, so the
// price of durability is shared by all that wait for it.
const { file } = workerData as { readonly file: string };
const port = parentPort;
if (!port) throw new Error('this is a worker thread');
const say = (output: WriterOutput): void => port.postMessage(output);

function open(): Database.Database {
  const db = new Database(file, { timeout: 5000 });
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  // A WAL of a few MiB is checkpointed by the commit that fills it; larger ones make that one commit slow.
  db.pragma('wal_autocheckpoint = 2000');
  migrate(db, file);
  checkTables(db);
  return db;
}

/** What must be right is read through once; traces, which may be large, are not. A few ms for 10,000 machines. */
function checkTables(db: Database.Database): void {
  for (const table of ['leases', 'machines', 'machine_macs', 'documents', 'grants', 'access']) {
    const said = db.pragma(`quick_check(${table})`, { simple: true });
    if (said !== 'ok') throw new StoreError('corrupt', `${String(said)}${adviceOn('corrupt', file)}`);
  }
}

function start(): void {
  let db: Database.Database;
  try {
    db = open();
  } catch (error) {
    return say({ kind: 'failed', failure: failureOf(error, file) });
  }
  const writes = sqliteWrites(db);
  const one = db.transaction(({ id, name, args }: WriteRequest): WriteResult => {
    const write = writes[name] as (...values: readonly unknown[]) => unknown;
    return { id, ok: true, value: write(...args) };
  });
  // One transaction for all, a savepoint for each: a write that fails takes nobody with it.
  const all = db.transaction((requests: readonly WriteRequest[]): readonly WriteResult[] =>
    requests.map((request) => {
      try {
        return one(request);
      } catch (error) {
        if (!db.inTransaction) throw error;
        return { id: request.id, ok: false, failure: failureOf(error, file) };
      }
    }),
  );

  function commit(requests: readonly WriteRequest[]): readonly WriteResult[] {
    try {
      return all.immediate(requests);
    } catch (error) {
      const failure = failureOf(error, file);
      return requests.map(({ id }) => ({ id, ok: false, failure }));
    }
  }

  port?.on('message', (input: WriterInput) => {
    if (input.kind === 'writes') return say({ kind: 'results', results: commit(input.requests) });
    db.close();
    say({ kind: 'closed' });
    port?.close();
  });
  say({ kind: 'open' });
}

start();
