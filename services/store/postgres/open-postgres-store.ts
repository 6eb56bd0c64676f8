import pg, { type PoolClient } from 'pg';
import type { Grant, Machine } from '#machines/contract/machine.ts';
import type { Attempt, TraceEvent } from '#machines/contract/trace.ts';
import type { Inventory } from '#machines/contract/inventory.ts';
import type { Approval } from '#machines/contract/approval.ts';
import { isOver, type Job, type JobEvent } from '#machines/contract/job.ts';
import { chained } from '../audit-chain.ts';
import {
  type AccessKey,
  type AuditEntry,
  type BmcRecord,
  type ChainedEntry,
  type Delivery,
  type KeptAnswer,
  type Conflict,
  KEPT_INVENTORIES,
  type Lease,
  type Store,
  type StoredDocument,
  type TracedPacket,
  type User,
} from '../contract.ts';
import { StoreError, type StoreErrorCode } from '../store-error.ts';
import { migrate } from './schema.ts';

/** PostgreSQL commits what arrives together as one write by itself, if enough connections bring it. */
const CONNECTIONS = 12;
const CONNECT_MS = 10_000;
/** Any fixed number: entries of the audit log are written one after the other. */
const AUDIT_LOCK = 4_680_002;

/** The store in a PostgreSQL database, shared by several daemons. Rejects with a `StoreError`. */
export async function openPostgresStore({ url }: { readonly url: string }): Promise<Store> {
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'ingot',
  });
  // An idle connection that breaks is replaced at its next use; whoever used it has been told.
  pool.on('error', () => {});
  try {
    await withClient(pool, (client) => migrate(client));
  } catch (error) {
    await pool.end();
    throw storeError(error);
  }
  return storeOver(pool);
}

/** SQLSTATE classes, PostgreSQL's appendix A. */
const CODES: readonly (readonly [RegExp, StoreErrorCode])[] = [
  [/^53[12]00$/, 'full'],
  [/^XX00[12]$/, 'corrupt'],
];

const stateOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/**
 * Two daemons were in each other's way: a deadlock, or both inserted what only one may. Nothing was changed, and who asks
 * again sees what the other did.
 */
const wasRace = (error: unknown): boolean => /^(40001|40P01|23505)$/.test(stateOf(error));
const TRIES = 5;

function storeError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const state = stateOf(error);
  const code = CODES.find(([pattern]) => pattern.test(state))?.[1] ?? 'broken';
  return new StoreError(
    code,
    `PostgreSQL: ${error instanceof Error ? error.message : String(error)}${state === '' ? '' : ` (${state})`}`,
    { cause: error },
  );
}

/** PostgreSQL's text has neither NUL nor half of a surrogate pair; what clients claim may hold both. */
const storable = (text: string): string => text.replaceAll('\0', '\ufffd').toWellFormed();
const json = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? storable(part) : part));

async function withClient<T>(pool: pg.Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    return await work(client);
  } finally {
    client.release();
  }
}

/** All or nothing. */
async function inTransaction<T>(pool: pg.Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  return await withClient(pool, async (client) => {
    await client.query('BEGIN');
    try {
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    }
  });
}

type LeaseRow = {
  site: string;
  subnet: string;
  address: string;
  key: string;
  mac: string | null;
  hostname: string | null;
  state: string;
  bound_at: string;
  expires_at: string;
};

/**
 * The address is taken by an insert that its unique index may turn into an update, and the update has a condition: of two
 * daemons that ask at the same moment one gets no row back.
 */
const BIND = `
  WITH taken AS (
    INSERT INTO leases (site, subnet, address, key, mac, hostname, state, bound_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, 'bound', $7, $8)
    ON CONFLICT (site, address) DO UPDATE SET subnet = excluded.subnet, key = excluded.key, mac = excluded.mac,
      hostname = excluded.hostname, state = 'bound', bound_at = excluded.bound_at, expires_at = excluded.expires_at
      WHERE leases.expires_at <= excluded.bound_at OR leases.state = 'released'
        OR (leases.state = 'bound' AND leases.key = excluded.key)
    RETURNING key
  ), others AS (
    UPDATE leases SET state = 'released'
    WHERE site = $1 AND subnet = $2 AND key = $4 AND address <> $3 AND state = 'bound' AND EXISTS (SELECT 1 FROM taken)
  )
  SELECT key FROM taken`;

function storeOver(pool: pg.Pool): Store {
  let closing: Promise<void> | undefined;
  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      if (closing) throw new StoreError('closed', 'the store is closed');
      try {
        return await work();
      } catch (error) {
        if (tries < TRIES && wasRace(error)) continue;
        throw storeError(error);
      }
    }
  }
  const rows = (sql: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> =>
    guarded(async () => (await pool.query<Record<string, unknown>>(sql, [...values])).rows);
  const changed = (sql: string, values: readonly unknown[]): Promise<number> =>
    guarded(async () => (await pool.query(sql, [...values])).rowCount ?? 0);
  const bodies = async (sql: string, values: readonly unknown[] = []): Promise<readonly unknown[]> =>
    (await rows(sql, values)).map(({ body }) => body);
  const revOf = async (client: PoolClient, sql: string, values: readonly unknown[]): Promise<number | undefined> =>
    (await client.query<{ rev: number }>(sql, [...values])).rows[0]?.rev;
  const stale = (rev: number | undefined): Conflict => ({ kind: 'stale', rev: rev ?? 0 });

  return {
    leases: {
      all: async () => (await rows('SELECT * FROM leases')).map((row) => leaseOf(row as LeaseRow)),
      async bind(lease) {
        const { site, subnet, address, key, mac, hostname, boundAt, expiresAt } = lease;
        const bound = await rows(BIND, [
          site,
          subnet,
          address,
          key,
          mac ?? null,
          hostname === undefined ? null : storable(hostname),
          boundAt,
          expiresAt,
        ]);
        if (bound.length > 0) return { kind: 'bound' };
        const [holder] = await rows('SELECT key, state FROM leases WHERE site = $1 AND address = $2', [site, address]);
        return {
          kind: 'taken',
          by: holder?.['state'] === 'declined' || typeof holder?.['key'] !== 'string' ? 'declined' : holder['key'],
        };
      },
      release: async (site, address, key, at) =>
        (await changed(
          "UPDATE leases SET state = 'released', expires_at = $4 WHERE site = $1 AND address = $2 AND key = $3 AND state = 'bound'",
          [site, address, key, at],
        )) > 0,
      async decline({ site, subnet, address, key, mac, hostname, boundAt, expiresAt }) {
        await changed(
          `INSERT INTO leases (site, subnet, address, key, mac, hostname, state, bound_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, 'declined', $7, $8)
           ON CONFLICT (site, address) DO UPDATE SET state = 'declined', bound_at = excluded.bound_at, expires_at = excluded.expires_at`,
          [
            site,
            subnet,
            address,
            key,
            mac ?? null,
            hostname === undefined ? null : storable(hostname),
            boundAt,
            expiresAt,
          ],
        );
      },
      forget: async (site, address) =>
        (await changed('DELETE FROM leases WHERE site = $1 AND address = $2', [site, address])) > 0,
    },
    machines: {
      all: async () => (await bodies('SELECT body FROM machines')) as readonly Machine[],
      put: (machine, expected, previousName) =>
        guarded(() =>
          inTransaction(pool, async (client) => {
            const { name, macs, location } = machine.document;
            const old = previousName ?? name;
            // A name that is not there yet has no row to lock.
            await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`machine ${old}`]);
            const before = await revOf(client, 'SELECT rev FROM machines WHERE name = $1 FOR UPDATE', [old]);
            if ((before ?? 0) !== expected) return stale(before);
            if (
              old !== name &&
              (await revOf(client, 'SELECT rev FROM machines WHERE name = $1', [name])) !== undefined
            ) {
              return { kind: 'exists', what: `machine ${name}`, holder: name };
            }
            const owners = await client.query<{ mac: string; machine: string }>(
              'SELECT mac, machine FROM machine_macs WHERE site = $1 AND mac = ANY ($2) AND machine <> $3 AND machine <> $4',
              [location.site, macs, name, old],
            );
            const owner = owners.rows[0];
            if (owner) return { kind: 'exists', what: `MAC ${owner.mac}`, holder: owner.machine };
            if (old !== name) await client.query('DELETE FROM machines WHERE name = $1', [old]);
            const value = { ...machine, rev: expected + 1 };
            await client.query(
              `INSERT INTO machines (name, site, body, rev) VALUES ($1, $2, $3, $4)
               ON CONFLICT (name) DO UPDATE SET site = excluded.site, body = excluded.body, rev = excluded.rev`,
              [name, location.site, json(value), value.rev],
            );
            await client.query('DELETE FROM machine_macs WHERE machine = $1', [name]);
            await client.query(
              'INSERT INTO machine_macs (site, mac, machine) SELECT $1, mac, $3 FROM unnest($2::text[]) AS mac',
              [location.site, [...new Set(macs)], name],
            );
            return { kind: 'stored', value };
          }),
        ),
      async observe({ document, identifiers, facts, firstSeen, lastSeen }) {
        await changed('UPDATE machines SET body = body || $2::jsonb WHERE name = $1', [
          document.name,
          json({ identifiers, facts, firstSeen, lastSeen }),
        ]);
      },
      remove: (name, expected) => removed(pool, guarded, 'machines', 'name = $1', [name], expected),
    },
    documents: {
      async all() {
        const all = await rows('SELECT body, rev, applied_from FROM documents');
        return all.map(({ body, rev, applied_from: from }) => ({
          document: body as StoredDocument['document'],
          rev: Number(rev),
          ...(typeof from === 'string' ? { appliedFrom: from } : {}),
        }));
      },
      put: ({ document, appliedFrom }, expected) =>
        guarded(() =>
          inTransaction(pool, async (client) => {
            const { kind, name } = document;
            await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`${kind} ${name}`]);
            const before = await revOf(client, 'SELECT rev FROM documents WHERE kind = $1 AND name = $2', [kind, name]);
            if ((before ?? 0) !== expected) return stale(before);
            const rev = expected + 1;
            await client.query(
              `INSERT INTO documents (kind, name, body, rev, applied_from) VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body, rev = excluded.rev, applied_from = excluded.applied_from`,
              [kind, name, json(document), rev, appliedFrom ?? null],
            );
            return { kind: 'stored', value: { document, rev, ...(appliedFrom === undefined ? {} : { appliedFrom }) } };
          }),
        ),
      remove: (kind, name, expected) =>
        removed(pool, guarded, 'documents', 'kind = $1 AND name = $2', [kind, name], expected),
    },
    grants: {
      recent: async (since) =>
        (await bodies('SELECT body FROM grants WHERE spent_at IS NULL OR spent_at > $1', [since])) as readonly Grant[],
      async put(grant) {
        await changed(
          'INSERT INTO grants (id, body, spent_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET body = excluded.body, spent_at = excluded.spent_at',
          [grant.id, json(grant), grant.spentAt ?? null],
        );
      },
      voidAll: (at) =>
        changed(
          "UPDATE grants SET spent_at = $1, body = (body - 'attempt') || jsonb_build_object('spentAt', $1::bigint) WHERE spent_at IS NULL",
          [at],
        ),
    },
    traces: {
      append: ({ attempts, events, packets = [] }) =>
        guarded(() =>
          inTransaction(pool, async (client) => {
            await client.query(
              `INSERT INTO attempts (id, machine, mac, started_at, last_at, body)
               SELECT body ->> 'id', body ->> 'machine', body ->> 'mac', (body ->> 'startedAt')::bigint, (body ->> 'lastAt')::bigint, body
               FROM (SELECT DISTINCT ON (value ->> 'id') value AS body FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY ORDER BY value ->> 'id', ordinality DESC) AS newest
               ON CONFLICT (id) DO UPDATE SET machine = excluded.machine, mac = excluded.mac, last_at = excluded.last_at, body = excluded.body`,
              [json(attempts)],
            );
            await client.query(
              `INSERT INTO events (attempt, seq, body)
               SELECT DISTINCT ON (1, 2) value ->> 'attempt', (value -> 'event' ->> 'seq')::integer, value -> 'event' FROM jsonb_array_elements($1::jsonb)
               WHERE EXISTS (SELECT 1 FROM attempts WHERE id = value ->> 'attempt')
               ON CONFLICT (attempt, seq) DO UPDATE SET body = excluded.body`,
              [json(events)],
            );
            for (const { attempt, number, at, source, destination, payload } of packets) {
              await client.query(
                `INSERT INTO packets (attempt, number, at, ends, payload) SELECT $1, $2, $3, $4, $5
                 WHERE EXISTS (SELECT 1 FROM attempts WHERE id = $1) ON CONFLICT (attempt, number) DO NOTHING`,
                [attempt, number, at, json({ source, destination }), Buffer.from(payload)],
              );
            }
          }),
        ),
      async attempts({ machine, mac, before, beforeId, oldestFirst = false, limit }) {
        const { than, order, end } = direction(oldestFirst);
        return (await bodies(
          `SELECT body FROM attempts WHERE (started_at, id COLLATE "C") ${than} ($1, $2)
           AND ($3::text IS NULL OR machine = $3) AND ($4::text IS NULL OR mac = $4)
           ORDER BY started_at ${order}, id COLLATE "C" ${order} LIMIT $5`,
          [before ?? end, beforeId ?? '', machine ?? null, mac ?? null, limit],
        )) as readonly Attempt[];
      },
      attempt: async (id) => (await bodies('SELECT body FROM attempts WHERE id = $1', [id]))[0] as Attempt | undefined,
      events: async (attempt, after, limit) =>
        (await bodies('SELECT body FROM events WHERE attempt = $1 AND seq > $2 ORDER BY seq LIMIT $3', [
          attempt,
          after,
          limit,
        ])) as readonly TraceEvent[],
      async packets(attempt) {
        type Row = Pick<TracedPacket, 'number' | 'payload'> & {
          at: string;
          ends: Pick<TracedPacket, 'source' | 'destination'>;
        };
        const all = await rows('SELECT number, at, ends, payload FROM packets WHERE attempt = $1 ORDER BY number', [
          attempt,
        ]);
        return (all as readonly unknown[] as readonly Row[]).map(({ number, at, ends, payload }) => ({
          attempt,
          number,
          at: Number(at),
          ...ends,
          payload: new Uint8Array(payload),
        }));
      },
      prune: async ({ after, attempts }) =>
        (await changed('DELETE FROM attempts WHERE last_at < $1', [after])) +
        (await changed(
          'DELETE FROM attempts WHERE id IN (SELECT id FROM attempts ORDER BY started_at DESC OFFSET $1)',
          [attempts],
        )),
    },
    access: {
      byHash: async (hash) =>
        (await bodies('SELECT body FROM access WHERE hash = $1', [hash]))[0] as AccessKey | undefined,
      get: async (id) => (await bodies('SELECT body FROM access WHERE id = $1', [id]))[0] as AccessKey | undefined,
      list: async () => (await bodies('SELECT body FROM access')) as readonly AccessKey[],
      put: async (key) =>
        (await changed(
          // The lock keeps its parent there until this is written.
          `INSERT INTO access (id, hash, body, parent) SELECT $1, $2, $3::jsonb, $4::text
           WHERE $4::text IS NULL OR EXISTS (SELECT 1 FROM access WHERE id = $4 FOR KEY SHARE)
           ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, body = excluded.body, parent = excluded.parent`,
          [key.id, key.hash, json(key), key.parent ?? null],
        )) > 0,
      take: async (hash) =>
        (await bodies('DELETE FROM access WHERE hash = $1 RETURNING body', [hash]))[0] as AccessKey | undefined,
      remove: async (id) =>
        (
          await rows(
            `WITH RECURSIVE made (id) AS (
             SELECT id FROM access WHERE id = $1 UNION SELECT access.id FROM access JOIN made ON access.parent = made.id)
           DELETE FROM access USING made WHERE access.id = made.id RETURNING access.id`,
            [id],
          )
        ).map(({ id: gone }) => String(gone)),
    },
    users: {
      get: async (name) => (await bodies('SELECT body FROM users WHERE name = $1', [name]))[0] as User | undefined,
      list: async () => (await bodies('SELECT body FROM users ORDER BY name COLLATE "C"')) as readonly User[],
      async put(user) {
        await changed(
          'INSERT INTO users (name, body) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET body = excluded.body',
          [user.name, json(user)],
        );
      },
      remove: async (name) => (await changed('DELETE FROM users WHERE name = $1', [name])) > 0,
    },
    audit: {
      append: (entry) =>
        guarded(() =>
          inTransaction(pool, async (client) => {
            // One after the other, by whatever daemon: each has to know the hash of the one before.
            await client.query('SELECT pg_advisory_xact_lock($1)', [AUDIT_LOCK]);
            const newest = await client.query<{ seq: string; hash: string }>(
              'SELECT id AS seq, hash FROM audit ORDER BY id DESC LIMIT 1',
            );
            const last = newest.rows[0];
            const text = json(entry);
            // What is hashed is what will be read again.
            const { seq, previous, hash } = chained(
              JSON.parse(text) as AuditEntry,
              last && { seq: Number(last.seq), hash: last.hash },
            );
            await client.query('INSERT INTO audit (id, at, body, previous, hash) VALUES ($1, $2, $3, $4, $5)', [
              seq,
              entry.at,
              text,
              previous,
              hash,
            ]);
          }),
        ),
      list: async (limit, before = Number.MAX_SAFE_INTEGER) =>
        (
          await rows('SELECT id, body, previous, hash FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2', [
            before,
            limit,
          ])
        ).map(chainedOf),
      after: async (seq, limit) =>
        (await rows('SELECT id, body, previous, hash FROM audit WHERE id > $1 ORDER BY id LIMIT $2', [seq, limit])).map(
          chainedOf,
        ),
    },
    inventories: {
      put: (machine, inventory) =>
        guarded(() =>
          inTransaction(pool, async (client) => {
            await client.query('INSERT INTO inventories (machine, source, at, body) VALUES ($1, $2, $3, $4)', [
              machine,
              inventory.source,
              inventory.at,
              json(inventory),
            ]);
            await client.query(
              `DELETE FROM inventories WHERE machine = $1 AND source = $2 AND id NOT IN (
                 SELECT id FROM inventories WHERE machine = $1 AND source = $2 ORDER BY id DESC LIMIT $3)`,
              [machine, inventory.source, KEPT_INVENTORIES],
            );
          }),
        ),
      latest: async (machine) =>
        (await bodies('SELECT DISTINCT ON (source) body FROM inventories WHERE machine = $1 ORDER BY source, id DESC', [
          machine,
        ])) as readonly Inventory[],
      history: async (machine, limit) =>
        (await bodies('SELECT body FROM inventories WHERE machine = $1 ORDER BY id DESC LIMIT $2', [
          machine,
          limit,
        ])) as readonly Inventory[],
      async move(from, to) {
        await changed('UPDATE inventories SET machine = $2 WHERE machine = $1', [from, to]);
      },
      async remove(machine) {
        await changed('DELETE FROM inventories WHERE machine = $1', [machine]);
      },
    },
    bmcs: {
      all: async () => (await bodies('SELECT body FROM bmcs ORDER BY address')) as readonly BmcRecord[],
      async put(record) {
        await changed(
          'INSERT INTO bmcs (address, body) VALUES ($1, $2) ON CONFLICT (address) DO UPDATE SET body = excluded.body',
          [record.address, json(record)],
        );
      },
      remove: async (address) => (await changed('DELETE FROM bmcs WHERE address = $1', [address])) > 0,
    },
    secrets: {
      get: async (name) => (await bodies('SELECT body FROM secrets WHERE name = $1', [name]))[0] as string | undefined,
      names: async () => (await rows('SELECT name FROM secrets ORDER BY name')).map(({ name }) => String(name)),
      async put(name, sealed) {
        await changed(
          'INSERT INTO secrets (name, body) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET body = excluded.body',
          [name, sealed],
        );
      },
      remove: async (name) => (await changed('DELETE FROM secrets WHERE name = $1', [name])) > 0,
    },
    jobs: {
      put: (job, expected, events = []) =>
        guarded(() =>
          inTransaction(pool, async (client) => {
            await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`job ${job.id}`]);
            const before = await revOf(client, 'SELECT rev FROM jobs WHERE id = $1', [job.id]);
            if ((before ?? 0) !== expected) return stale(before);
            const value = { ...job, rev: expected + 1 };
            await client.query(
              `INSERT INTO jobs (id, machine, created_at, over, body, rev) VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (id) DO UPDATE SET machine = excluded.machine, over = excluded.over, body = excluded.body, rev = excluded.rev`,
              [job.id, job.machine, job.createdAt, isOver(job.state), json(value), value.rev],
            );
            await client.query(
              `INSERT INTO job_events (job, seq, body) SELECT $1, (value ->> 'seq')::integer, value FROM jsonb_array_elements($2::jsonb)
               ON CONFLICT (job, seq) DO UPDATE SET body = excluded.body`,
              [job.id, json(events)],
            );
            return { kind: 'stored', value };
          }),
        ),
      get: async (id) => (await bodies('SELECT body FROM jobs WHERE id = $1', [id]))[0] as Job | undefined,
      unfinished: async () =>
        (await bodies('SELECT body FROM jobs WHERE NOT over ORDER BY created_at, id')) as readonly Job[],
      async list({ machine, batch, before, beforeId, oldestFirst = false, limit }) {
        const { than, order, end } = direction(oldestFirst);
        // Said only where it is wanted: behind an OR its index is not used.
        const ofBatch = batch === undefined ? '' : `AND body #>> '{batch,id}' = $5`;
        return (await bodies(
          `SELECT body FROM jobs WHERE (created_at, id COLLATE "C") ${than} ($1, $2) AND ($3::text IS NULL OR machine = $3)
           ${ofBatch} ORDER BY created_at ${order}, id COLLATE "C" ${order} LIMIT $4`,
          [before ?? end, beforeId ?? '', machine ?? null, limit, ...(batch === undefined ? [] : [batch])],
        )) as readonly Job[];
      },
      events: async (job, after, limit) =>
        (await bodies('SELECT body FROM job_events WHERE job = $1 AND seq > $2 ORDER BY seq LIMIT $3', [
          job,
          after,
          limit,
        ])) as readonly JobEvent[],
    },
    approvals: {
      put: (approval, expected) =>
        guarded(() =>
          inTransaction(pool, async (client) => {
            await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [`approval ${approval.id}`]);
            const before = await revOf(client, 'SELECT rev FROM approvals WHERE id = $1', [approval.id]);
            if ((before ?? 0) !== expected) return stale(before);
            const value = { ...approval, rev: expected + 1 };
            await client.query(
              `INSERT INTO approvals (id, body, rev) VALUES ($1, $2, $3)
               ON CONFLICT (id) DO UPDATE SET body = excluded.body, rev = excluded.rev`,
              [approval.id, json(value), value.rev],
            );
            return { kind: 'stored', value };
          }),
        ),
      get: async (id) => (await bodies('SELECT body FROM approvals WHERE id = $1', [id]))[0] as Approval | undefined,
      all: async () => (await bodies('SELECT body FROM approvals ORDER BY id COLLATE "C"')) as readonly Approval[],
    },
    answers: {
      claim: (answer) =>
        guarded(async () => {
          const taken = await changed(
            'INSERT INTO answers (key, at, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
            [answer.key, answer.at, json(answer)],
          );
          if (taken > 0) return { kind: 'claimed' };
          const [known] = await bodies('SELECT body FROM answers WHERE key = $1', [answer.key]);
          // Released in between: whoever comes second asks again.
          return { kind: 'known', answer: known === undefined ? answer : (known as KeptAnswer) };
        }),
      async finish(answer) {
        await changed(
          `INSERT INTO answers (key, at, body) VALUES ($1, $2, $3)
           ON CONFLICT (key) DO UPDATE SET at = excluded.at, body = excluded.body`,
          [answer.key, answer.at, json(answer)],
        );
      },
      async release(key) {
        await changed('DELETE FROM answers WHERE key = $1', [key]);
      },
      prune: (before) => changed('DELETE FROM answers WHERE at < $1', [before]),
    },
    deliveries: {
      async put(delivery) {
        await changed(
          `INSERT INTO deliveries (id, at, state, body) VALUES ($1, $2, $3, $4)
           ON CONFLICT (id) DO UPDATE SET state = excluded.state, body = excluded.body`,
          [delivery.id, delivery.at, delivery.state, json(delivery)],
        );
      },
      list: async ({ state, before, beforeId, limit }) =>
        (await bodies(
          `SELECT body FROM deliveries WHERE (at, id) < ($1, $2) AND ($3::text IS NULL OR state = $3)
           ORDER BY at DESC, id DESC LIMIT $4`,
          [before ?? Number.MAX_SAFE_INTEGER, beforeId ?? '', state ?? null, limit],
        )) as readonly Delivery[],
      prune: (keep) =>
        changed(
          `DELETE FROM deliveries WHERE state <> 'waiting' AND id NOT IN (
             SELECT id FROM deliveries WHERE state <> 'waiting' ORDER BY at DESC, id DESC LIMIT $1)`,
          [keep],
        ),
    },
    [Symbol.asyncDispose]: () => (closing ??= pool.end()),
  };
}

/** Of a list by time: what follows the last one seen, and where it begins. */
const direction = (oldestFirst: boolean) =>
  oldestFirst
    ? ({ than: '>', order: 'ASC', end: Number.MIN_SAFE_INTEGER } as const)
    : ({ than: '<', order: 'DESC', end: Number.MAX_SAFE_INTEGER } as const);

async function removed(
  pool: pg.Pool,
  guarded: <T>(work: () => Promise<T>) => Promise<T>,
  table: 'machines' | 'documents',
  where: string,
  values: readonly unknown[],
  expected: number | undefined,
): Promise<boolean | Conflict> {
  return await guarded(() =>
    inTransaction(pool, async (client) => {
      const found = await client.query<{ rev: number }>(`SELECT rev FROM ${table} WHERE ${where} FOR UPDATE`, [
        ...values,
      ]);
      const rev = found.rows[0]?.rev;
      if (rev === undefined) return false;
      if (expected !== undefined && expected !== rev) return { kind: 'stale', rev };
      await client.query(`DELETE FROM ${table} WHERE ${where}`, [...values]);
      return true;
    }),
  );
}

const chainedOf = ({ id, body, previous, hash }: Record<string, unknown>): ChainedEntry => ({
  ...(body as AuditEntry),
  seq: Number(id),
  previous: String(previous),
  hash: String(hash),
});

function leaseOf({
  site,
  subnet,
  address,
  key,
  mac,
  hostname,
  state,
  bound_at: boundAt,
  expires_at: expiresAt,
}: LeaseRow): Lease {
  return {
    site,
    subnet,
    address,
    key,
    ...(mac === null ? {} : { mac }),
    ...(hostname === null ? {} : { hostname }),
    state,
    boundAt: Number(boundAt),
    expiresAt: Number(expiresAt),
  } as Lease;
}
