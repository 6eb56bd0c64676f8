import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { machineDocument } from '#machines/contract/documents.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRegistry } from '#services/registry/registry.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { BmcError } from '#services/bmc/contract.ts';
import { fakeBmcs } from '#test/server/bmc/fake-bmcs.ts';

const UUID = '12345678-1234-5678-9abc-def012345678';
const ADDRESS = 'https://192.0.2.1';
const { signal } = new AbortController();

async function world() {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-rotate-'));
  const store = await openSqliteStore({ dir });
  const log = { info() {}, warn() {}, error() {} };
  const registry = await openRegistry({ store, site: 'default', configSubnets: [], now: Date.now, log });
  const bmcs = await fakeBmcs({ store, registry, dir });
  const fake = bmcs.add(ADDRESS, { macs: [], uuid: UUID });
  await bmcs.service.credentials.set('rack1', { username: 'admin', password: 'secret' });
  await registry.put(
    machineDocument.parse({
      kind: 'Machine',
      name: 'a',
      uuid: UUID,
      bmc: { type: 'redfish', address: ADDRESS, credential: 'rack1' },
    }),
    { who: 'test' },
  );
  return {
    fake,
    service: bmcs.service,
    store,
    async [Symbol.asyncDispose]() {
      await bmcs.service[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

describe('rotation of a password', () => {
  it('that the BMC refused leaves the old one', async () => {
    await using at = await world();
    at.fake.changing = 'refused';
    await assert.rejects(at.service.rotate('a', signal), BmcError);
    assert.equal(at.fake.password, 'secret');
    assert.equal((await at.service.read('a', signal)).power, 'off');
    assert.deepEqual(await at.store.secrets.names(), ['credential/rack1'], 'nothing of it is left');
  });

  for (const cut of ['cut off before', 'cut off after'] as const) {
    it(`that was ${cut} the BMC took it: one of the two opens it, and the next rotation finds out which`, async () => {
      await using at = await world();
      await at.service.read('a', signal);
      at.fake.changing = cut;
      await assert.rejects(at.service.rotate('a', signal), BmcError);
      assert.ok((await at.store.secrets.names()).includes(`bmc-pending/${ADDRESS}`), 'both are kept');
      at.fake.changing = 'works';
      const between = at.fake.password;
      await at.service.rotate('a', signal);
      assert.notEqual(at.fake.password, between);
      assert.equal((await at.service.read('a', signal)).power, 'off');
      assert.ok(!(await at.store.secrets.names()).includes(`bmc-pending/${ADDRESS}`));
      assert.ok(at.fake.logins.filter(({ isRight }) => !isRight).length <= 1, 'one wrong login at most');
    });
  }

  it('that was cut off after the BMC took it is found out by the polls too', async () => {
    await using at = await world();
    at.fake.changing = 'cut off after';
    await assert.rejects(at.service.rotate('a', signal), BmcError);
    const stop = new AbortController();
    const polling = at.service.poller.run(stop.signal);
    while (at.service.poller.reading('a')?.power !== 'off') await new Promise(setImmediate);
    stop.abort();
    await polling;
    assert.deepEqual(await at.store.secrets.names(), [`bmc-own/${ADDRESS}`, 'credential/rack1']);
  });

  it('is of a BMC with accounts only', async () => {
    await using at = await world();
    await assert.rejects(at.service.rotate('nobody', signal), /no machine nobody/);
  });
});
