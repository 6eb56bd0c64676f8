import assert from 'node:assert/strict';
import { after, before, describe, it, test } from 'node:test';
import pg from 'pg';
import type { IpAddress } from '#machines/values/ip-address.ts';
import { openPostgresStore } from '#services/store/postgres/open-postgres-store.ts';
import { migrate, POSTGRES_SCHEMAS } from '#services/store/postgres/schema.ts';
import { verifyAudit } from '#services/store/audit-chain.ts';
import { type Postgres, startPostgres, whyNoPostgres } from '#test/lab/postgres.ts';
import { lease, storeConformance } from '#test/services/store/conformance.ts';

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

    for (let version = 1; version < POSTGRES_SCHEMAS; version += 1) {
      it(`brings a database of schema ${version} to the newest`, async () => {
        const url = await server.database();
        const pool = new pg.Pool({ connectionString: url });
        const old = await pool.connect();
        await migrate(old, version);
        old.release();
        await pool.end();
        await using store = await openPostgresStore({ url });
        await store.leases.bind(lease());
        assert.deepEqual(await store.leases.all(), [lease()]);
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
