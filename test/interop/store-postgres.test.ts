import assert from 'node:assert/strict';
import { after, before, describe, it, test } from 'node:test';
import type { IpAddress } from '#machines/values/ip-address.ts';
import { openPostgresStore } from '#services/store/postgres/open-postgres-store.ts';
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

    it('says what is wrong when nobody answers', async () => {
      await assert.rejects(openPostgresStore({ url: 'postgres://nobody@127.0.0.1:1/ingot' }), {
        name: 'StoreError',
        code: 'broken',
        message: /ECONNREFUSED/,
      });
    });
  });
} else test('the conformance suite over PostgreSQL', { skip: why });
