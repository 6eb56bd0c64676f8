import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import pg from 'pg';
import type { IpAddress } from '#machines/values/ip-address.ts';
import { openPostgresStore } from '#services/store/postgres/open-postgres-store.ts';
import { migrate, POSTGRES_SCHEMAS } from '#services/store/postgres/schema.ts';
import { verifyAudit } from '#services/store/audit-chain.ts';
import { type Postgres, startPostgres, whyNoPostgres } from '#test/lab/postgres.ts';
import { ROOT } from '#test/project/source-files.ts';
import { lease, machine, storeConformance } from '#test/services/store/conformance.ts';
import { dumpedSchema } from './postgres-schema.ts';

const why = whyNoPostgres();
if (why === undefined) {
  let server: Postgres;
  before(async () => {
    server = await startPostgres();
  });
  after(() => server[Symbol.asyncDispose]());

  storeConformance('PostgreSQL', async () => {
    const url = await server.database();
    const store = await openPostgresStore({ url });
    return {
      store,
      async reopen() {
        await store[Symbol.asyncDispose]();
        return await openPostgresStore({ url });
      },
      remove: () => Promise.resolve(),
    };
  });

  describe('PostgreSQL', () => {
    it('gives an address to one of two daemons that want it at the same moment', async () => {
      const url = await server.database();
      await using one = await openPostgresStore({ url });
      await using other = await openPostgresStore({ url });
      for (let number = 1; number <= 50; number++) {
        const address = `10.0.0.${number}` as IpAddress;
        const results = await Promise.all([
          one.leases.bind(lease({ address, key: `one ${number}` })),
          other.leases.bind(lease({ address, key: `other ${number}` })),
        ]);
        assert.deepEqual(results.map(({ kind }) => kind).toSorted(), ['bound', 'taken'], String(address));
      }
    });

    it('is set up once by daemons that start together', async () => {
      const url = await server.database();
      const stores = await Promise.all(Array.from({ length: 4 }, () => openPostgresStore({ url })));
      for (const store of stores) await store[Symbol.asyncDispose]();
    });

    it('binds the audit entries of an older version together, in their order, and sees what is changed after that', async () => {
      const url = await server.database();
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      try {
        const pool = new pg.Pool({ connectionString: url });
        const old = await pool.connect();
        // The last schema before the chain.
        await migrate(old, 5);
        old.release();
        await pool.end();
        // More than are read at once, and with numbers that were never used.
        await client.query(`
          INSERT INTO audit (at, body) SELECT n, jsonb_build_object(
            'at', n, 'who', 'anna', 'action', 'a', 'target', 't', 'detail', 'Zeile "' || n || '"],["')
          FROM generate_series(1, 2500) n;
          DELETE FROM audit WHERE id % 97 = 0;
        `);
        const { rows } = await client.query<{ count: string }>('SELECT count(*) FROM audit');
        await using store = await openPostgresStore({ url });
        const report = await verifyAudit(store.audit);
        assert.deepEqual(report.findings, []);
        assert.equal(report.entries, Number(rows[0]?.count));
        assert.equal(report.head.seq, 2500);
        const entry = { at: 9, who: 'anna', action: 'a', target: 't', detail: 'after the upgrade' };
        await store.audit.append(entry);
        const after = await verifyAudit(store.audit, report.head.hash);
        assert.deepEqual([after.findings, after.head.seq], [[], 2501]);
        await client.query(`UPDATE audit SET body = jsonb_set(body, '{who}', '"bert"') WHERE id = 1200`);
        await client.query('DELETE FROM audit WHERE id = 700');
        const told = (await verifyAudit(store.audit)).findings.map(({ kind, seq }) => [kind, seq]);
        assert.deepEqual(told, [
          ['removed', 700],
          ['changed', 1200],
        ]);
      } finally {
        await client.end();
      }
    });

    for (let version = 1; version <= POSTGRES_SCHEMAS; version += 1) {
      it(`has schema ${version} as it was, and brings it to the newest with its data`, async () => {
        // As each version made it. A released one never changes: GOLDEN_UPDATE=1 only adds what is missing.
        const golden = join(ROOT, `test/golden/schemas/postgres-${version}.sql`);
        const url = await server.database();
        const dumped = await on(await server.database(), async (client) => {
          await migrate(client, version);
          return await dumpedSchema(client);
        });
        if (process.env['GOLDEN_UPDATE'] !== undefined && !existsSync(golden)) writeFileSync(golden, dumped);
        const text = readFileSync(golden, 'utf8');
        assert.equal(dumped, text);
        const { site, subnet, address, key, mac, state, boundAt, expiresAt } = lease();
        const kept = { ...machine('r1-u1', '52:54:00:00:00:01'), rev: 1 };
        await on(url, async (client) => {
          await client.query(text);
          await client.query(
            'INSERT INTO leases (site, subnet, address, key, mac, state, bound_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)',
            [site, subnet, address, key, mac, state, boundAt, expiresAt],
          );
          await client.query('INSERT INTO machines (name, site, body, rev) VALUES ($1, $2, $3, 1)', [
            'r1-u1',
            'default',
            JSON.stringify(kept),
          ]);
        });
        await using store = await openPostgresStore({ url });
        assert.deepEqual(await store.leases.all(), [lease()]);
        assert.deepEqual(await store.machines.all(), [kept]);
        assert.deepEqual(await store.access.list(), []);
        assert.deepEqual((await verifyAudit(store.audit)).findings, []);
      });
    }

    it('says what is wrong when nobody answers', async () => {
      await assert.rejects(openPostgresStore({ url: 'postgres://nobody@127.0.0.1:1/ingot' }), {
        name: 'StoreError',
        code: 'broken',
        message: /ECONNREFUSED/,
      });
    });
  });
} else test('the conformance suite over PostgreSQL', { skip: why });

async function on<T>(url: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const pool = new pg.Pool({ connectionString: url });
  const client = await pool.connect();
  try {
    return await work(client);
  } finally {
    client.release();
    await pool.end();
  }
}
