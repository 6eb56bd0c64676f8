import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { machineDocument } from '#machines/contract/documents.ts';
import { RACK_REST_MS } from '#services/bmc/decide/rotation-schedule.ts';
import { openRegistry } from '#services/registry/registry.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { fakeBmcs } from '#test/server/bmc/fake-bmcs.ts';

const DAY = 86_400_000;
const uuidOf = (n: number): string => `12345678-1234-5678-9abc-def01234567${n}`;
const { signal } = new AbortController();

/** BMCs of one rack, proven to be their machines', opened by a credential whose passwords may become ten days old. */
async function rack(
  count: number,
  more: { readonly proven?: boolean; readonly ownUser?: boolean; readonly whileChanging?: () => Promise<void> } = {},
) {
  const { proven = true, ownUser = false, whileChanging } = more;
  const dir = await mkdtemp(join(tmpdir(), 'ingot-rotations-'));
  const store = await openSqliteStore({ dir });
  const log = { info() {}, warn() {}, error() {} };
  const registry = await openRegistry({ store, site: 'default', configSubnets: [], now: Date.now, log });
  const audit: string[] = [];
  const bmcs = await fakeBmcs({
    store,
    registry,
    dir,
    audit: ({ who, action, target, detail }) => void audit.push(`${who} ${action} ${target}: ${detail}`),
    ...(whileChanging ? { whileChanging } : {}),
  });
  const { service, clock } = bmcs;
  const wanted = { username: 'admin', password: 'secret', labels: {}, rotateDays: 10, ownUser };
  await service.credentials.apply('rack1', wanted, { dryRun: false, from: undefined });
  const fakes = [];
  for (let n = 1; n <= count; n += 1) {
    const address = `https://192.0.2.${n}`;
    fakes.push(bmcs.add(address, { macs: [], uuid: uuidOf(n) }));
    const document = machineDocument.parse({
      kind: 'Machine',
      name: `n${n}`,
      ...(proven ? { uuid: uuidOf(n) } : {}),
      location: { rack: 'r1' },
      bmc: { type: 'redfish', address, credential: 'rack1' },
    });
    await registry.put(document, { who: 'test' });
  }
  return {
    ...bmcs,
    audit,
    fakes,
    store,
    /** The daemon's own work for so long, and until that holds: what is stored takes the disk's time. */
    async pass(days: number, until: () => boolean = () => true): Promise<void> {
      const stop = new AbortController();
      const work = [service.poller.run(stop.signal), service.rotations.run(stop.signal)];
      const end = clock.now() + days * DAY;
      while (clock.now() < end || !until()) await clock.sleep(60_000);
      stop.abort();
      await Promise.all(work);
    },
    /** As the polls would find out: who they are, and that they answer. */
    async meet(): Promise<void> {
      await this.pass(0, () => service.poller.readings().length === count);
      if (proven) for (let n = 1; n <= count; n += 1) await service.inventory(`n${n}`, signal);
    },
    /** The same, and no poll for all these days: only the time passes. */
    async age(days: number): Promise<void> {
      await clock.sleep(days * DAY);
    },
    async [Symbol.asyncDispose]() {
      await service[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

describe('rotation by itself', () => {
  it('comes before the password is too old, one after the other in a rack, and is audited', async () => {
    let [now, most] = [0, 0];
    await using at = await rack(3, {
      async whileChanging() {
        now += 1;
        most = Math.max(most, now);
        await new Promise(setImmediate);
        now -= 1;
      },
    });
    await at.meet();
    assert.equal(at.changes.length, 0, 'a new password is not old');
    await at.age(10);
    await at.pass(0, () => at.changes.length === 3 && at.audit.length === 3);
    assert.equal(most, 1, 'never two at once');
    const times: readonly number[] = at.changes.map((one) => one.at);
    for (const [index, time] of times.entries()) {
      const before = times[index - 1];
      if (before !== undefined) assert.ok(time - before >= RACK_REST_MS, `${time - before} ms between two`);
    }
    assert.match(
      at.audit[0] ?? '',
      /^ingot rotateBmc n\d: password of admin at https:.* rotated, because it had become old$/,
    );
    assert.equal(new Set(at.fakes.map(({ password }) => password)).size, 3, 'each has its own');
    assert.ok(at.fakes.every(({ password }) => password !== 'secret'));
    const [first] = await at.service.list();
    assert.deepEqual([first?.credential?.own, first?.credential?.username], [true, 'admin']);
    assert.ok((first?.credential?.rotatesAt ?? 0) > at.clock.now(), 'and is due again');
  });

  it('never touches a BMC that is not proven to be its machine’s', async () => {
    await using at = await rack(1, { proven: false });
    await at.meet();
    await at.age(20);
    await at.pass(0.1);
    assert.deepEqual(at.changes, []);
  });

  it('that fails is told, leaves the old password, and comes again an hour later', async () => {
    await using at = await rack(1);
    await at.meet();
    const [fake] = at.fakes;
    assert.ok(fake);
    fake.changing = 'refused';
    await at.age(10);
    await at.pass(0, () => at.audit.length > 0);
    assert.equal(fake.password, 'secret');
    assert.match(at.audit[0] ?? '', /not rotated: refused: too short for it/);
    fake.changing = 'works';
    await at.pass(0, () => at.audit.length > 1);
    const [failed, done] = at.changes;
    assert.ok((done?.at ?? 0) - (failed?.at ?? 0) >= 3_600_000);
    assert.match(at.audit[1] ?? '', /rotated/);
  });

  it('makes a user of its own where that is said, and changes that one’s password from then on', async () => {
    await using at = await rack(1, { ownUser: true });
    const [fake] = at.fakes;
    assert.ok(fake);
    fake.policy = { min: 20, max: 24 };
    await at.meet();
    await at.age(10);
    await at.pass(0, () => at.audit.length === 1);
    assert.equal(fake.password, 'secret', 'the administrator’s stays');
    const first = fake.users.get('ingot') ?? '';
    assert.equal(first.length, 20, 'as long as the BMC wants it');
    assert.ok(
      fake.logins.some(({ username, isRight }) => username === 'ingot' && isRight),
      'proven by a login',
    );
    await at.age(10);
    await at.pass(0, () => at.audit.length === 2);
    assert.notEqual(fake.users.get('ingot'), first);
    assert.equal(fake.password, 'secret');
  });
});
