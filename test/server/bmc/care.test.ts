import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { machineDocument } from '#machines/contract/documents.ts';
import type { BmcIdentity } from '#machines/contract/power.ts';
import { parseCidr4 } from '#machines/values/cidr.ts';
import { sure } from '#machines/values/parsed.ts';
import { discover } from '#services/bmc/discover.ts';
import { openRegistry } from '#services/registry/registry.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { PROBES } from '#server/bmc/drivers.ts';
import { simulatedBmc } from '#test/services/bmc/redfish/rig.ts';
import { fakeBmcs } from './fake-bmcs.ts';

const UUID = '12345678-1234-5678-9abc-def012345678';
const OTHER = '22345678-1234-5678-9abc-def012345678';
const MINUTE = 60_000;

async function polled(identity: BmcIdentity, minutes = 2) {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-care-'));
  const store = await openSqliteStore({ dir });
  const log = { info() {}, warn() {}, error() {} };
  const registry = await openRegistry({ store, site: 'default', configSubnets: [], now: Date.now, log });
  const bmcs = await fakeBmcs({ store, registry, dir });
  const fake = bmcs.add('https://192.0.2.1', identity);
  await bmcs.service.credentials.set('rack1', { username: 'admin', password: 'secret' });
  const bmc = { type: 'redfish', address: 'https://192.0.2.1', credential: 'rack1' };
  await registry.put(machineDocument.parse({ kind: 'Machine', name: 'a', uuid: UUID, bmc }), { who: 'test' });
  const stop = new AbortController();
  const polling = bmcs.service.poller.run(stop.signal);
  // Polls pass at once; what is stored of them takes the disk's time.
  await bmcs.clock.sleep(minutes * MINUTE);
  while ((await store.inventories.latest('a')).length === 0) await bmcs.clock.sleep(MINUTE);
  stop.abort();
  await polling;
  return {
    fake,
    registry,
    store,
    service: bmcs.service,
    async [Symbol.asyncDispose]() {
      await bmcs.service[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

describe('what BMCs tell', () => {
  it('becomes facts of the machine that they are proven to belong to', async () => {
    await using at = await polled({ macs: [], uuid: UUID, serial: 'S1' });
    const facts = at.registry.machine('a')?.facts ?? {};
    assert.equal(facts['power']?.value, 'off');
    assert.equal(facts['power']?.source, 'bmc');
    assert.equal(facts['health']?.value, 'ok');
    assert.equal(facts['gpu.count']?.value, 0);
    assert.equal(facts['bmc.trouble'], undefined);
    assert.equal((await at.service.list())[0]?.proven?.by, `UUID ${UUID}`);
    assert.equal(at.fake.machine.asked.filter((one) => one === 'inventory').length, 1, 'once a day');
    assert.equal(at.registry.machine('a')?.lastSeen, undefined, 'the machine itself was not seen');
  });

  it('and contradicts is shown, and joined to nothing', async () => {
    await using at = await polled({ macs: [], uuid: OTHER });
    const facts = at.registry.machine('a')?.facts ?? {};
    assert.match(String(facts['bmc.conflict']?.value), new RegExp(`its BMC says UUID ${OTHER}`));
    assert.equal(facts['gpu.count'], undefined);
    const [bmc] = await at.service.list();
    assert.equal(bmc?.proven, undefined);
    assert.match(bmc?.conflict ?? '', new RegExp(OTHER));
  });
});

describe('discovery over real sockets', () => {
  it('finds a Redfish service by its root, with its certificate, and logs in to nothing', async () => {
    await using at = await simulatedBmc({ faults: ['ipmi-off'] });
    const { port } = new URL(at.bmc.url);
    const cidr = sure(parseCidr4('127.0.0.1/32'));
    const { asked, found } = await discover(cidr, {
      probes: PROBES,
      ports: [Number(port)],
      signal: AbortSignal.timeout(20_000),
    });
    assert.equal(asked, 1);
    const redfish = found.find(({ type }) => type === 'redfish');
    assert.equal(redfish?.address, at.bmc.url);
    assert.match(redfish?.certificate?.sha256 ?? '', /^[0-9a-f]{64}$/);
  });
});
