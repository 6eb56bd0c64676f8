import type { PoolClient } from 'pg';
import { CHAIN_START, chainHash } from '../audit-chain.ts';
import type { AuditEntry } from '../contract.ts';
import { StoreError } from '../store-error.ts';

/** Forward only: a released step is never changed, a new one is added. Bodies are the JSON that the contract's types have. */
const MIGRATIONS: readonly (string | ((client: PoolClient) => Promise<void>))[] = [
  `
  CREATE TABLE leases (
    site text NOT NULL, address text NOT NULL, subnet text NOT NULL, key text NOT NULL, mac text, hostname text,
    state text NOT NULL, bound_at bigint NOT NULL, expires_at bigint NOT NULL, PRIMARY KEY (site, address)
  );
  CREATE INDEX leases_by_key ON leases (site, subnet, key);
  CREATE TABLE machines (name text PRIMARY KEY, site text NOT NULL, body jsonb NOT NULL, rev integer NOT NULL);
  CREATE TABLE machine_macs (
    site text NOT NULL, mac text NOT NULL, machine text NOT NULL REFERENCES machines (name) ON DELETE CASCADE,
    PRIMARY KEY (site, mac)
  );
  CREATE INDEX machine_macs_by_machine ON machine_macs (machine);
  CREATE TABLE documents (
    kind text NOT NULL, name text NOT NULL, body jsonb NOT NULL, rev integer NOT NULL, applied_from text,
    PRIMARY KEY (kind, name)
  );
  CREATE TABLE grants (id text PRIMARY KEY, body jsonb NOT NULL, spent_at bigint);
  CREATE INDEX grants_by_spending ON grants (spent_at);
  CREATE TABLE attempts (
    id text PRIMARY KEY, machine text, mac text, started_at bigint NOT NULL, last_at bigint NOT NULL, body jsonb NOT NULL
  );
  CREATE INDEX attempts_by_start ON attempts (started_at);
  CREATE INDEX attempts_by_machine ON attempts (machine, started_at);
  CREATE INDEX attempts_by_mac ON attempts (mac, started_at);
  CREATE TABLE events (
    attempt text NOT NULL REFERENCES attempts (id) ON DELETE CASCADE, seq integer NOT NULL, body jsonb NOT NULL,
    PRIMARY KEY (attempt, seq)
  );
  CREATE TABLE packets (
    attempt text NOT NULL REFERENCES attempts (id) ON DELETE CASCADE, number integer NOT NULL, at bigint NOT NULL,
    ends jsonb NOT NULL, payload bytea NOT NULL, PRIMARY KEY (attempt, number)
  );
  CREATE TABLE access (id text PRIMARY KEY, hash text NOT NULL UNIQUE, body jsonb NOT NULL);
  CREATE TABLE audit (id bigserial PRIMARY KEY, at bigint NOT NULL, body jsonb NOT NULL);
  `,
  `
  CREATE INDEX attempts_by_end ON attempts (last_at);
  ALTER TABLE packets ALTER COLUMN at TYPE double precision;
  `,
  `
  CREATE TABLE inventories (
    id bigserial PRIMARY KEY, machine text NOT NULL, source text NOT NULL, at double precision NOT NULL, body jsonb NOT NULL
  );
  CREATE INDEX inventories_by_machine ON inventories (machine, source, id);
  CREATE TABLE bmcs (address text PRIMARY KEY, body jsonb NOT NULL);
  CREATE TABLE secrets (name text PRIMARY KEY, body text NOT NULL);
  CREATE TABLE jobs (
    id text PRIMARY KEY, machine text NOT NULL, created_at bigint NOT NULL, over boolean NOT NULL, body jsonb NOT NULL, rev integer NOT NULL
  );
  CREATE INDEX jobs_by_creation ON jobs (created_at);
  CREATE INDEX jobs_by_machine ON jobs (machine, created_at);
  CREATE INDEX jobs_unfinished ON jobs (created_at) WHERE NOT over;
  CREATE TABLE job_events (
    job text NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, seq integer NOT NULL, body jsonb NOT NULL, PRIMARY KEY (job, seq)
  );
  `,
  `
  CREATE TABLE answers (key text PRIMARY KEY, at bigint NOT NULL, body jsonb NOT NULL);
  CREATE INDEX answers_by_time ON answers (at);
  CREATE TABLE deliveries (id text PRIMARY KEY, at bigint NOT NULL, state text NOT NULL, body jsonb NOT NULL);
  CREATE INDEX deliveries_by_time ON deliveries (at, id);
  CREATE INDEX deliveries_by_state ON deliveries (state, at, id);
  `,
  'CREATE TABLE users (name text PRIMARY KEY, body jsonb NOT NULL)',
  chainAudit,
  `
  ALTER TABLE access ADD COLUMN parent text REFERENCES access (id) ON DELETE CASCADE;
  CREATE INDEX access_by_parent ON access (parent);
  `,
  "CREATE INDEX jobs_by_batch ON jobs ((body #>> '{batch,id}'), created_at) WHERE body #>> '{batch,id}' IS NOT NULL",
  'CREATE TABLE approvals (id text PRIMARY KEY, body jsonb NOT NULL, rev integer NOT NULL)',
];

/** Any fixed number: daemons that start together on an empty database take turns. */
const MIGRATION_LOCK = 4_680_001;

export const POSTGRES_SCHEMAS = MIGRATIONS.length;

/** Brings a database to the newest schema, or to that of an earlier version; refuses one that a newer version has written. */
export async function migrate(client: PoolClient, to = MIGRATIONS.length): Promise<void> {
  await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
  try {
    await client.query('CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)');
    const { rows } = await client.query<{ version: number }>('SELECT version FROM schema_version');
    const version = rows[0]?.version ?? 0;
    if (version > MIGRATIONS.length) {
      throw new StoreError(
        'newer-schema',
        `the database has schema ${version}, this version knows ${MIGRATIONS.length}: start the newer Ingot again`,
      );
    }
    for (const [index, step] of MIGRATIONS.entries()) {
      if (index < version || index >= to) continue;
      await client.query('BEGIN');
      try {
        if (typeof step === 'string') await client.query(step);
        else await step(client);
        await client.query(`DELETE FROM schema_version; INSERT INTO schema_version VALUES (${index + 1}); COMMIT`);
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      }
    }
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
  }
}

/** Entries from before the chain are bound together as they lie there: from then on nobody changes them unseen. */
async function chainAudit(client: PoolClient): Promise<void> {
  await client.query(`
    ALTER TABLE audit ADD COLUMN previous text NOT NULL DEFAULT '';
    ALTER TABLE audit ADD COLUMN hash text NOT NULL DEFAULT '';
    ALTER TABLE audit ALTER COLUMN id DROP DEFAULT;
  `);
  let last = { seq: 0, hash: CHAIN_START };
  for (;;) {
    const { rows } = await client.query<{ id: string; body: AuditEntry }>(
      'SELECT id, body FROM audit WHERE id > $1 ORDER BY id LIMIT 1000',
      [last.seq],
    );
    for (const { id, body } of rows) {
      const seq = Number(id);
      const hash = chainHash(last.hash, seq, body);
      await client.query('UPDATE audit SET previous = $1, hash = $2 WHERE id = $3', [last.hash, hash, seq]);
      last = { seq, hash };
    }
    if (rows.length === 0) return;
  }
}
