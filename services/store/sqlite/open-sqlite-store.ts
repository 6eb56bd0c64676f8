import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Grant, Machine } from '#machines/contract/machine.ts';
import type { Attempt, TraceEvent } from '#machines/contract/trace.ts';
import type { AccessKey, AuditEntry, Lease, Store, StoredDocument, TracedPacket } from '../contract.ts';
import { StoreError } from '../store-error.ts';
import { holdDirectory } from './directory-lock.ts';
import { failureOf } from './failure.ts';
import { openWriter, type Writer } from './writer.ts';

export const DATABASE_FILE = 'ingot.sqlite';

/**
 * The embedded store: one file in `dir`, one daemon at a time. Rejects with a `StoreError` that names the file and what
 * to do; a damaged database is never reset.
 */
export async function openSqliteStore({ dir }: { readonly dir: string }): Promise<Store> {
  await mkdir(dir, { recursive: true, mode: 0o750 });
  const hold = holdDirectory(dir);
  const file = join(dir, DATABASE_FILE);
  try {
    const writer = await openWriter(file);
    const db = openReader(file);
    return storeOver(db, writer, async () => {
      await writer.close();
      db.close();
      hold.release();
    });
  } catch (error) {
    hold.release();
    throw error;
  }
}

function openReader(file: string): Database.Database {
  try {
    return new Database(file, { readonly: true });
  } catch (error) {
    const { code, message } = failureOf(error, file);
    throw new StoreError(code, message, { cause: error });
  }
}

/** Rows hold JSON that this store wrote itself. */
const read = (row: unknown): unknown => JSON.parse(row as string);
const readOne = (row: unknown): unknown => (row === undefined ? undefined : read(row));

type LeaseRow = Omit<Lease, 'mac' | 'hostname'> & { readonly mac: string | null; readonly hostname: string | null };

function storeOver(db: Database.Database, writer: Writer, close: () => Promise<void>): Store {
  const write: Writer['write'] = (name, ...args) => writer.write(name, ...args);
  const allLeases = db.prepare(
    'SELECT site, subnet, address, key, mac, hostname, state, bound_at AS boundAt, expires_at AS expiresAt FROM leases',
  );
  const allMachines = db.prepare('SELECT body FROM machines').pluck();
  const allDocuments = db.prepare('SELECT body, rev, applied_from AS appliedFrom FROM documents');
  const recentGrants = db.prepare('SELECT body FROM grants WHERE spent_at IS NULL OR spent_at > ?').pluck();
  const attemptById = db.prepare('SELECT body FROM attempts WHERE id = ?').pluck();
  const eventsOf = db.prepare('SELECT body FROM events WHERE attempt = ? AND seq > ? ORDER BY seq LIMIT ?').pluck();
  const packetsOf = db.prepare('SELECT number, at, ends, payload FROM packets WHERE attempt = ? ORDER BY number');
  const keyByHash = db.prepare('SELECT body FROM access WHERE hash = ?').pluck();
  const allKeys = db.prepare('SELECT body FROM access').pluck();
  const auditTail = db.prepare('SELECT body FROM audit ORDER BY id DESC LIMIT ?').pluck();

  return {
    leases: {
      async all() {
        return (allLeases.all() as LeaseRow[]).map(
          ({ mac, hostname, ...lease }) =>
            ({ ...lease, ...(mac === null ? {} : { mac }), ...(hostname === null ? {} : { hostname }) }) as Lease,
        );
      },
      bind: (lease) => write('bindLease', lease),
      release: (site, address, key, at) => write('releaseLease', site, address, key, at),
      decline: (lease) => write('declineLease', lease),
      forget: (site, address) => write('forgetLease', site, address),
    },
    machines: {
      all: async () => allMachines.all().map(read) as readonly Machine[],
      put: (machine, expected, previousName) => write('putMachine', machine, expected, previousName),
      observe: (machine) => write('observeMachine', machine),
      remove: (name, expected) => write('removeMachine', name, expected),
    },
    documents: {
      async all() {
        type Row = { body: string; rev: number; appliedFrom: string | null };
        return (allDocuments.all() as Row[]).map((row) => ({
          document: JSON.parse(row.body) as StoredDocument['document'],
          rev: row.rev,
          ...(row.appliedFrom === null ? {} : { appliedFrom: row.appliedFrom }),
        }));
      },
      put: (entry, expected) => write('putDocument', entry, expected),
      remove: (kind, name, expected) => write('removeDocument', kind, name, expected),
    },
    grants: {
      recent: async (since) => recentGrants.all(since).map(read) as readonly Grant[],
      put: (grant) => write('putGrant', grant),
      voidAll: (at) => write('voidGrants', at),
    },
    traces: {
      append: (batch) => write('appendTrace', batch),
      async attempts({ machine, mac, before = Number.MAX_SAFE_INTEGER, limit }) {
        const filters = [
          ...(machine === undefined ? [] : (['machine = ?', machine] as const)),
          ...(mac === undefined ? [] : (['mac = ?', mac] as const)),
        ];
        const where = filters
          .filter((_, index) => index % 2 === 0)
          .map((condition) => ` AND ${condition}`)
          .join('');
        const values = filters.filter((_, index) => index % 2 === 1);
        const statement = db.prepare(
          `SELECT body FROM attempts WHERE started_at < ?${where} ORDER BY started_at DESC LIMIT ?`,
        );
        return statement
          .pluck()
          .all(before, ...values, limit)
          .map(read) as readonly Attempt[];
      },
      attempt: async (id) => readOne(attemptById.get(id)) as Attempt | undefined,
      events: async (attempt, after, limit) => eventsOf.all(attempt, after, limit).map(read) as readonly TraceEvent[],
      async packets(attempt) {
        type Row = {
          readonly number: number;
          readonly at: number;
          readonly ends: string;
          readonly payload: Uint8Array;
        };
        return (packetsOf.all(attempt) as Row[]).map(({ ends, payload, ...row }) => ({
          attempt,
          ...row,
          ...(JSON.parse(ends) as Pick<TracedPacket, 'source' | 'destination'>),
          payload: new Uint8Array(payload),
        }));
      },
      prune: ({ after, attempts }) => write('pruneTraces', after, attempts),
    },
    access: {
      byHash: async (hash) => readOne(keyByHash.get(hash)) as AccessKey | undefined,
      list: async () => allKeys.all().map(read) as readonly AccessKey[],
      put: (key) => write('putKey', key),
      take: (hash) => write('takeKey', hash),
      remove: (id) => write('removeKey', id),
    },
    audit: {
      append: (entry) => write('appendAudit', entry),
      list: async (limit) => auditTail.all(limit).map(read) as readonly AuditEntry[],
    },
    [Symbol.asyncDispose]: close,
  };
}
