import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Grant, Machine } from '#machines/contract/machine.ts';
import type { Attempt, TraceEvent } from '#machines/contract/trace.ts';
import type { Inventory } from '#machines/contract/inventory.ts';
import type { Approval } from '#machines/contract/approval.ts';
import type { Job, JobEvent } from '#machines/contract/job.ts';
import type {
  AccessKey,
  AuditEntry,
  BmcRecord,
  ChainedEntry,
  Delivery,
  Lease,
  Store,
  StoredDocument,
  TracedPacket,
  User,
} from '../contract.ts';
import { holdDirectory } from './directory-lock.ts';
import { inPages, openReader, PAGE, type Reader } from './reader.ts';
import { openWriter, type Writer } from './writer.ts';

export const DATABASE_FILE = 'ingot.sqlite';
/** An attempt may have a thousand events, and leases wait for the transaction that removes them. */
const PRUNED_AT_ONCE = 10;

/**
 * The embedded store: one file in `dir`, one daemon at a time. Rejects with a `StoreError` that names the file and what
 * to do; a damaged database is never reset.
 */
export async function openSqliteStore({ dir }: { readonly dir: string }): Promise<Store> {
  await mkdir(dir, { recursive: true, mode: 0o750 });
  const hold = holdDirectory(dir);
  const file = join(dir, DATABASE_FILE);
  // Its log gets the same rights from SQLite. What is wrong with the file is said by who opens it next.
  await open(file, 'a', 0o640).then(
    (made) => made.close(),
    () => {},
  );
  try {
    const writer = await openWriter(file);
    try {
      const reader = openReader(file);
      return storeOver(reader, writer, async () => {
        // The writer goes last: who closes the last connection folds the log into the file.
        reader.close();
        await writer.close();
        hold.release();
      });
    } catch (error) {
      await writer.close();
      throw error;
    }
  } catch (error) {
    hold.release();
    throw error;
  }
}

type LeaseRow = Omit<Lease, 'mac' | 'hostname'> & { readonly mac: string | null; readonly hostname: string | null };

function leaseOf({ mac, hostname, ...lease }: LeaseRow): Lease {
  return { ...lease, ...(mac === null ? {} : { mac }), ...(hostname === null ? {} : { hostname }) } as Lease;
}

type DocumentRow = { readonly body: string; readonly rev: number; readonly appliedFrom: string | null };

function documentOf({ body, rev, appliedFrom }: DocumentRow): StoredDocument {
  const document = JSON.parse(body) as StoredDocument['document'];
  return { document, rev, ...(appliedFrom === null ? {} : { appliedFrom }) };
}

type ChainedRow = Pick<ChainedEntry, 'seq' | 'previous' | 'hash'> & { readonly body: string };

const chainedOf = ({ body, ...row }: ChainedRow): ChainedEntry => ({ ...(JSON.parse(body) as AuditEntry), ...row });

type PacketRow = Pick<TracedPacket, 'number' | 'at' | 'payload'> & { readonly ends: string };

const packetOf = (attempt: string, { ends, payload, ...row }: PacketRow): TracedPacket => ({
  attempt,
  ...row,
  ...(JSON.parse(ends) as Pick<TracedPacket, 'source' | 'destination'>),
  payload: new Uint8Array(payload),
});

function storeOver({ rows, bodies }: Reader, writer: Writer, close: () => Promise<void>): Store {
  const write: Writer['write'] = (name, ...args) => writer.write(name, ...args);
  const leases = rows<LeaseRow>(
    `SELECT site, subnet, address, key, mac, hostname, state, bound_at AS boundAt, expires_at AS expiresAt FROM leases
     WHERE (site, address) > (?, ?) ORDER BY site, address LIMIT ?`,
  );
  const machines = bodies<Machine>('SELECT body FROM machines WHERE name > ? ORDER BY name LIMIT ?');
  const documents = rows<DocumentRow>('SELECT body, rev, applied_from AS appliedFrom FROM documents');
  const grants = bodies<Grant>('SELECT body FROM grants WHERE spent_at IS NULL OR spent_at > ?');
  const attempts = attemptQueries(bodies);
  const attempt = bodies<Attempt>('SELECT body FROM attempts WHERE id = ?');
  const events = bodies<TraceEvent>('SELECT body FROM events WHERE attempt = ? AND seq > ? ORDER BY seq LIMIT ?');
  const packets = rows<PacketRow>('SELECT number, at, ends, payload FROM packets WHERE attempt = ? ORDER BY number');
  const keyByHash = bodies<AccessKey>('SELECT body FROM access WHERE hash = ?');
  const keyById = bodies<AccessKey>('SELECT body FROM access WHERE id = ?');
  const keys = bodies<AccessKey>('SELECT body FROM access');
  const userByName = bodies<User>('SELECT body FROM users WHERE name = ?');
  const users = bodies<User>('SELECT body FROM users ORDER BY name');
  const audit = rows<ChainedRow>(
    'SELECT id AS seq, body, previous, hash FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?',
  );
  const auditAfter = rows<ChainedRow>(
    'SELECT id AS seq, body, previous, hash FROM audit WHERE id > ? ORDER BY id LIMIT ?',
  );
  const inventories = inventoryQueries(bodies);
  const bmcs = bodies<BmcRecord>('SELECT body FROM bmcs ORDER BY address');
  const secret = rows<{ readonly body: string }>('SELECT body FROM secrets WHERE name = ?');
  const secretNames = rows<{ readonly name: string }>('SELECT name FROM secrets ORDER BY name');
  const jobs = jobQueries(bodies);
  const approvalById = bodies<Approval>('SELECT body FROM approvals WHERE id = ?');
  const approvals = bodies<Approval>('SELECT body FROM approvals ORDER BY id');
  const deliveries = deliveryQueries(bodies);
  let closing: Promise<void> | undefined;

  return {
    leases: {
      async all() {
        const page = (last: LeaseRow | undefined) => leases(last?.site ?? '', last?.address ?? '', PAGE);
        return (await inPages(page)).map(leaseOf);
      },
      bind: (lease) => write('bindLease', lease),
      release: (site, address, key, at) => write('releaseLease', site, address, key, at),
      decline: (lease) => write('declineLease', lease),
      forget: (site, address) => write('forgetLease', site, address),
    },
    machines: {
      all: () => inPages<Machine>((last) => machines(last?.document.name ?? '', PAGE)),
      put: (machine, expected, previousName) => write('putMachine', machine, expected, previousName),
      observe: (machine) => write('observeMachine', machine),
      remove: (name, expected) => write('removeMachine', name, expected),
    },
    documents: {
      all: async () => (await documents()).map(documentOf),
      put: (entry, expected) => write('putDocument', entry, expected),
      remove: (kind, name, expected) => write('removeDocument', kind, name, expected),
    },
    grants: {
      recent: (since) => grants(since),
      put: (grant) => write('putGrant', grant),
      voidAll: (at) => write('voidGrants', at),
    },
    traces: {
      append: (batch) => write('appendTrace', batch),
      attempts,
      attempt: async (id) => (await attempt(id))[0],
      events: (id, after, limit) => events(id, after, limit),
      packets: async (id) => (await packets(id)).map((row) => packetOf(id, row)),
      async prune(keep) {
        let all = 0;
        for (;;) {
          const removed = await write('pruneTraces', keep.after, keep.attempts, PRUNED_AT_ONCE);
          if (removed === 0) return all;
          all += removed;
        }
      },
    },
    access: {
      byHash: async (hash) => (await keyByHash(hash))[0],
      get: async (id) => (await keyById(id))[0],
      list: () => keys(),
      put: (key) => write('putKey', key),
      take: (hash) => write('takeKey', hash),
      remove: (id) => write('removeKey', id),
    },
    users: {
      get: async (name) => (await userByName(name))[0],
      list: () => users(),
      put: (user) => write('putUser', user),
      remove: (name) => write('removeUser', name),
    },
    audit: {
      append: (entry) => write('appendAudit', entry),
      list: async (limit, before = Number.MAX_SAFE_INTEGER) => (await audit(before, limit)).map(chainedOf),
      after: async (seq, limit) => (await auditAfter(seq, limit)).map(chainedOf),
    },
    inventories: {
      put: (machine, inventory) => write('putInventory', machine, inventory),
      ...inventories,
      move: (from, to) => write('moveInventories', from, to),
      remove: (machine) => write('removeInventories', machine),
    },
    bmcs: {
      all: () => bmcs(),
      put: (record) => write('putBmc', record),
      remove: (address) => write('removeBmc', address),
    },
    secrets: {
      get: async (name) => (await secret(name))[0]?.body,
      names: async () => (await secretNames()).map(({ name }) => name),
      put: (name, sealed) => write('putSecret', name, sealed),
      remove: (name) => write('removeSecret', name),
    },
    jobs: {
      put: (job, expected, of = []) => write('putJob', job, expected, of),
      ...jobs,
    },
    approvals: {
      put: (approval, expected) => write('putApproval', approval, expected),
      get: async (id) => (await approvalById(id))[0],
      all: () => approvals(),
    },
    answers: {
      claim: (answer) => write('claimAnswer', answer),
      finish: (answer) => write('finishAnswer', answer),
      release: (key) => write('releaseAnswer', key),
      prune: (before) => write('pruneAnswers', before),
    },
    deliveries: {
      put: (delivery) => write('putDelivery', delivery),
      list: deliveries,
      prune: (keep) => write('pruneDeliveries', keep),
    },
    [Symbol.asyncDispose]: () => (closing ??= close()),
  };
}

/** By machine, by MAC, by both or all of them: each has an index of its own. */
function attemptQueries(bodies: Reader['bodies']): Store['traces']['attempts'] {
  const queries = (than: '<' | '>', order: 'ASC' | 'DESC') => {
    const query = (where: string) =>
      bodies<Attempt>(
        `SELECT body FROM attempts WHERE (started_at, id) ${than} (?, ?)${where}
         ORDER BY started_at ${order}, id ${order} LIMIT ?`,
      );
    return {
      all: query(''),
      ofMachine: query(' AND machine = ?'),
      ofMac: query(' AND mac = ?'),
      ofBoth: query(' AND machine = ? AND mac = ?'),
    };
  };
  const [newest, oldest] = [queries('<', 'DESC'), queries('>', 'ASC')];
  return async ({ machine, mac, before, beforeId = '', oldestFirst = false, limit }) => {
    const { all, ofMachine, ofMac, ofBoth } = oldestFirst ? oldest : newest;
    const last = [before ?? (oldestFirst ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER), beforeId] as const;
    if (machine === undefined) return mac === undefined ? await all(...last, limit) : await ofMac(...last, mac, limit);
    return mac === undefined ? await ofMachine(...last, machine, limit) : await ofBoth(...last, machine, mac, limit);
  };
}

function inventoryQueries(bodies: Reader['bodies']): Pick<Store['inventories'], 'latest' | 'history'> {
  const latest = bodies<Inventory>(
    `SELECT body FROM inventories WHERE id IN (SELECT MAX(id) FROM inventories WHERE machine = ? GROUP BY source)
     ORDER BY source`,
  );
  const history = bodies<Inventory>('SELECT body FROM inventories WHERE machine = ? ORDER BY id DESC LIMIT ?');
  return { latest: (machine) => latest(machine), history: (machine, limit) => history(machine, limit) };
}

function jobQueries(bodies: Reader['bodies']): Omit<Store['jobs'], 'put'> {
  const get = bodies<Job>('SELECT body FROM jobs WHERE id = ?');
  const unfinished = bodies<Job>('SELECT body FROM jobs WHERE over = 0 ORDER BY created_at, id');
  const queries = (than: '<' | '>', order: 'ASC' | 'DESC') => {
    const query = (where: string) =>
      bodies<Job>(
        `SELECT body FROM jobs WHERE (created_at, id) ${than} (?, ?)${where} ORDER BY created_at ${order}, id ${order} LIMIT ?`,
      );
    // As the index has it.
    const ofBatch = " AND body ->> '$.batch.id' = ?";
    return {
      all: query(''),
      ofMachine: query(' AND machine = ?'),
      ofBatch: query(ofBatch),
      ofBoth: query(` AND machine = ?${ofBatch}`),
    };
  };
  const [newest, oldest] = [queries('<', 'DESC'), queries('>', 'ASC')];
  const events = bodies<JobEvent>('SELECT body FROM job_events WHERE job = ? AND seq > ? ORDER BY seq LIMIT ?');
  return {
    get: async (id) => (await get(id))[0],
    unfinished: () => unfinished(),
    list({ machine, batch, before, beforeId = '', oldestFirst = false, limit }) {
      const { all, ofMachine, ofBatch, ofBoth } = oldestFirst ? oldest : newest;
      const last = [before ?? (oldestFirst ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER), beforeId] as const;
      if (machine !== undefined && batch !== undefined) return ofBoth(...last, machine, batch, limit);
      if (batch !== undefined) return ofBatch(...last, batch, limit);
      return machine === undefined ? all(...last, limit) : ofMachine(...last, machine, limit);
    },
    events: (job, after, limit) => events(job, after, limit),
  };
}

function deliveryQueries(bodies: Reader['bodies']): Store['deliveries']['list'] {
  const query = (where: string) =>
    bodies<Delivery>(`SELECT body FROM deliveries WHERE (at, id) < (?, ?)${where} ORDER BY at DESC, id DESC LIMIT ?`);
  const all = query('');
  const inState = query(' AND state = ?');
  return ({ state, before = Number.MAX_SAFE_INTEGER, beforeId = '', limit }) =>
    state === undefined ? all(before, beforeId, limit) : inState(before, beforeId, state, limit);
}
