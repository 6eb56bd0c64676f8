import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { machineDocument, profileDocument } from '#machines/contract/documents.ts';
import { inventory } from '#machines/contract/inventory.ts';
import type { Approval } from '#machines/contract/approval.ts';
import { type Job, job } from '#machines/contract/job.ts';
import type { Grant, Machine } from '#machines/contract/machine.ts';
import type { Attempt, TraceEvent } from '#machines/contract/trace.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import { verifyAudit } from '#services/store/audit-chain.ts';
import {
  type AccessKey,
  type BmcRecord,
  type Delivery,
  KEPT_INVENTORIES,
  type Lease,
  type Store,
} from '#services/store/contract.ts';

const HOUR = 3600_000;

export const lease = (differences: Partial<Lease> = {}): Lease => ({
  site: 'default',
  subnet: '10.0.0.0/24',
  address: '10.0.0.10' as IpAddress,
  key: '52:54:00:00:00:01',
  mac: '52:54:00:00:00:01' as MacAddress,
  state: 'bound',
  boundAt: HOUR,
  expiresAt: 2 * HOUR,
  ...differences,
});

export const machine = (name: string, mac: string): Machine => ({
  document: machineDocument.parse({ kind: 'Machine', name, macs: [mac] }),
  acceptance: 'accepted',
  service: 'none',
  locked: false,
  identifiers: { macs: [], uuids: [], serials: [] },
  facts: {},
  rev: 0,
});

const attempt = (id: string, differences: Partial<Attempt> = {}): Attempt => ({
  id,
  machine: 'm1',
  mac: '52:54:00:00:00:01' as MacAddress,
  site: 'default',
  startedAt: 1000,
  lastAt: 1000,
  stage: 'dhcp',
  verdict: { code: 'in-progress', stage: 'dhcp', cause: 'it asks for an address', next: 'wait' },
  events: 0,
  ...differences,
});

const event = (seq: number): TraceEvent => ({ seq, at: 1000 + seq, kind: 'os-dhcp' });

/** Text as every store can keep it. */
const comparable = (text: string): string => text.replaceAll('\0', '\ufffd').toWellFormed();

/** What every store must do. `open` gives an empty one; `reopen` the same data in a new process's eyes, if it can. */
export function storeConformance(
  name: string,
  open: () => Promise<{ readonly store: Store; reopen(): Promise<Store>; remove(): Promise<void> }>,
): void {
  const withStore = async (work: (store: Store, reopen: () => Promise<Store>) => Promise<void>): Promise<void> => {
    const opened = await open();
    let current = opened.store;
    try {
      await work(current, async () => (current = await opened.reopen()));
    } finally {
      await current[Symbol.asyncDispose]();
      await opened.remove();
    }
  };

  describe(`${name}: leases`, () => {
    it('bind, and are there after a restart', () =>
      withStore(async (store, reopen) => {
        const hosted = lease({ hostname: 'node 1' });
        assert.deepEqual(await store.leases.bind(hosted), { kind: 'bound' });
        const again = await reopen();
        assert.deepEqual(await again.leases.all(), [hosted]);
      }));

    it('are not taken from a holder before they expire', () =>
      withStore(async ({ leases }) => {
        await leases.bind(lease());
        const other = lease({ key: 'other', boundAt: 2 * HOUR - 1 });
        assert.deepEqual(await leases.bind(other), { kind: 'taken', by: lease().key });
        assert.deepEqual(await leases.bind({ ...other, boundAt: 2 * HOUR, expiresAt: 3 * HOUR }), { kind: 'bound' });
      }));

    it('go to one of two that ask at the same moment', () =>
      withStore(async ({ leases }) => {
        const results = await Promise.all(['a', 'b', 'c'].map((key) => leases.bind(lease({ key }))));
        assert.deepEqual(results.map(({ kind }) => kind).sort(), ['bound', 'taken', 'taken']);
      }));

    it('are one a key: binding another address releases the earlier one', () =>
      withStore(async ({ leases }) => {
        await leases.bind(lease());
        await leases.bind(lease({ address: '10.0.0.11' as IpAddress }));
        const states = Object.fromEntries((await leases.all()).map(({ address, state }) => [address, state]));
        assert.deepEqual(states, { '10.0.0.10': 'released', '10.0.0.11': 'bound' });
      }));

    it('are released by their holder only, who is remembered', () =>
      withStore(async ({ leases }) => {
        await leases.bind(lease());
        assert.equal(await leases.release('default', lease().address, 'other', HOUR), false);
        assert.equal(await leases.release('default', lease().address, lease().key, HOUR), true);
        const [released] = await leases.all();
        assert.equal(released?.state, 'released');
        assert.equal(released?.key, lease().key);
        assert.deepEqual(await leases.bind(lease({ key: 'other' })), { kind: 'bound' });
      }));

    it('that were declined go to nobody until then, not even to whom they were declined by', () =>
      withStore(async ({ leases }) => {
        await leases.decline(lease({ state: 'declined', expiresAt: 5 * HOUR }));
        assert.equal((await leases.bind(lease({ boundAt: 4 * HOUR }))).kind, 'taken');
        assert.equal((await leases.bind(lease({ boundAt: 5 * HOUR, expiresAt: 6 * HOUR }))).kind, 'bound');
      }));

    it('can be forgotten', () =>
      withStore(async ({ leases }) => {
        await leases.bind(lease());
        assert.equal(await leases.forget('default', lease().address), true);
        assert.equal(await leases.forget('default', lease().address), false);
        assert.deepEqual(await leases.all(), []);
      }));

    it('are all there, however many', () =>
      withStore(async ({ leases }) => {
        const wanted = Array.from({ length: 1100 }, (_, number) => ({
          address: `10.0.${number >> 8}.${number & 255}` as IpAddress,
          key: `key ${number}`,
        }));
        await Promise.all(wanted.map((one) => leases.bind(lease(one))));
        const all = new Map((await leases.all()).map(({ address, key }) => [address, key]));
        assert.deepEqual(all, new Map(wanted.map(({ address, key }) => [address, key])));
      }));

    it('of two sites may have the same address', () =>
      withStore(async ({ leases }) => {
        await leases.bind(lease());
        assert.deepEqual(await leases.bind(lease({ site: 'other', key: 'x' })), { kind: 'bound' });
      }));
  });

  describe(`${name}: machines`, () => {
    it('are created at rev 0, changed at the rev that was seen, and refused at another', () =>
      withStore(async ({ machines }) => {
        const created = await machines.put(machine('m1', '52:54:00:00:00:01'), 0);
        assert.ok(created.kind === 'stored');
        assert.equal(created.value.rev, 1);
        assert.deepEqual(await machines.put(machine('m1', '52:54:00:00:00:01'), 0), { kind: 'stale', rev: 1 });
        const locked = await machines.put({ ...created.value, locked: true }, 1);
        assert.equal(locked.kind === 'stored' && locked.value.rev, 2);
        assert.deepEqual(
          (await machines.all()).map(({ document, locked: isLocked, rev }) => [document.name, isLocked, rev]),
          [['m1', true, 2]],
        );
      }));

    it('do not share a MAC', () =>
      withStore(async ({ machines }) => {
        await machines.put(machine('m1', '52:54:00:00:00:01'), 0);
        const second = await machines.put(machine('m2', '52:54:00:00:00:01'), 0);
        assert.deepEqual(second, { kind: 'exists', what: 'MAC 52:54:00:00:00:01', holder: 'm1' });
        assert.equal((await machines.all()).length, 1);
      }));

    it('can be renamed with their MAC, but not to a name that is taken', () =>
      withStore(async ({ machines }) => {
        await machines.put(machine('m1', '52:54:00:00:00:01'), 0);
        await machines.put(machine('m3', '52:54:00:00:00:03'), 0);
        assert.equal((await machines.put(machine('m3', '52:54:00:00:00:01'), 1, 'm1')).kind, 'exists');
        assert.equal((await machines.put(machine('m2', '52:54:00:00:00:01'), 1, 'm1')).kind, 'stored');
        assert.deepEqual((await machines.all()).map(({ document }) => document.name).sort(), ['m2', 'm3']);
      }));

    it('keep intent and rev when something is observed', () =>
      withStore(async ({ machines }) => {
        await machines.put(machine('m1', '52:54:00:00:00:01'), 0);
        const facts = { arch: { value: 'x86_64', at: 5, source: 'dhcp' as const } };
        await machines.observe({ ...machine('m1', '52:54:00:00:00:99'), locked: true, facts, lastSeen: 7 });
        await machines.observe(machine('nobody', '52:54:00:00:00:98'));
        const all = await machines.all();
        assert.equal(all.length, 1);
        assert.deepEqual(
          [all[0]?.document.macs, all[0]?.locked, all[0]?.lastSeen, all[0]?.facts, all[0]?.rev],
          [['52:54:00:00:00:01'], false, 7, facts, 1],
        );
      }));

    it('are removed at the rev that was seen, and free their MAC', () =>
      withStore(async ({ machines }) => {
        await machines.put(machine('m1', '52:54:00:00:00:01'), 0);
        assert.deepEqual(await machines.remove('m1', 9), { kind: 'stale', rev: 1 });
        assert.equal(await machines.remove('m1', 1), true);
        assert.equal(await machines.remove('m1'), false);
        assert.equal((await machines.put(machine('m2', '52:54:00:00:00:01'), 0)).kind, 'stored');
      }));
  });

  describe(`${name}: documents`, () => {
    it('come back as they were put, with where they came from', () =>
      withStore(async (store, reopen) => {
        const document = profileDocument.parse({
          kind: 'Profile',
          name: 'rescue',
          os: 'kernel',
          image: 'x',
          args: ['a=${b}', 'ü "q"'],
        });
        const stored = await store.documents.put({ document, appliedFrom: '/srv/rack.yaml' }, 0);
        assert.deepEqual(stored, { kind: 'stored', value: { document, rev: 1, appliedFrom: '/srv/rack.yaml' } });
        assert.deepEqual(await store.documents.put({ document }, 7), { kind: 'stale', rev: 1 });
        assert.deepEqual(await (await reopen()).documents.all(), [{ document, rev: 1, appliedFrom: '/srv/rack.yaml' }]);
      }));

    it('of different kinds may have the same name', () =>
      withStore(async ({ documents }) => {
        await documents.put({ document: profileDocument.parse({ kind: 'Profile', name: 'x', os: 'disk' }) }, 0);
        assert.equal(await documents.remove('Image', 'x'), false);
        assert.equal(await documents.remove('Profile', 'x', 1), true);
      }));
  });

  describe(`${name}: grants`, () => {
    const grant = (id: string, differences: Partial<Grant> = {}): Grant => ({
      id,
      machine: 'm1',
      profile: 'p',
      createdAt: 1,
      by: 'operator',
      ...differences,
    });

    it('are recent while unspent, and for a while after', () =>
      withStore(async ({ grants }) => {
        for (const one of [grant('a'), grant('b', { spentAt: 100 }), grant('c', { spentAt: 300, attempt: 'x' })])
          await grants.put(one);
        assert.deepEqual((await grants.recent(200)).map(({ id }) => id).sort(), ['a', 'c']);
      }));

    it('are all void after a restore', () =>
      withStore(async ({ grants }) => {
        await grants.put(grant('a', { attempt: 'x' }));
        await grants.put(grant('b', { spentAt: 100 }));
        assert.equal(await grants.voidAll(500), 1);
        assert.deepEqual(await grants.recent(400), [grant('a', { spentAt: 500 })]);
      }));
  });

  describe(`${name}: traces`, () => {
    it('are listed newest first, by machine, by MAC and by page', () =>
      withStore(async ({ traces }) => {
        const attempts = [
          attempt('a'),
          attempt('b', { startedAt: 2000, machine: 'm2', mac: '52:54:00:00:00:02' as MacAddress }),
          attempt('c', { startedAt: 3000 }),
        ];
        await traces.append({ attempts, events: [] });
        const ids = async (query: Parameters<typeof traces.attempts>[0]) =>
          (await traces.attempts(query)).map(({ id }) => id);
        assert.deepEqual(await ids({ limit: 10 }), ['c', 'b', 'a']);
        assert.deepEqual(await ids({ limit: 1, before: 3000 }), ['b']);
        assert.deepEqual(await ids({ limit: 10, oldestFirst: true }), ['a', 'b', 'c']);
        assert.deepEqual(await ids({ limit: 1, before: 1000, beforeId: 'a', oldestFirst: true }), ['b']);
        assert.deepEqual(await ids({ machine: 'm1', limit: 10 }), ['c', 'a']);
        assert.deepEqual(await ids({ mac: '52:54:00:00:00:02' as MacAddress, limit: 10 }), ['b']);
      }));

    it('are paged by time and id: of one millisecond none is skipped or given twice', () =>
      withStore(async ({ traces }) => {
        const ids = ['-x', 'Ab', 'B', '_z', 'a', 'b'];
        await traces.append({ attempts: ids.map((id) => attempt(id, { startedAt: 7 })), events: [] });
        const seen: string[] = [];
        for (let last: Attempt | undefined; seen.length < 10; ) {
          const page = await traces.attempts({ limit: 2, ...(last ? { before: 7, beforeId: last.id } : {}) });
          last = page.at(-1);
          if (!last) break;
          seen.push(...page.map(({ id }) => id));
        }
        assert.deepEqual(seen, ids.toReversed());
        assert.deepEqual(await traces.attempts({ limit: 2, before: 7 }), []);
      }));

    it('take the newest state of an attempt, and events in order, once', () =>
      withStore(async ({ traces }) => {
        await traces.append({
          attempts: [attempt('a')],
          events: [2, 1].map((seq) => ({ attempt: 'a', event: event(seq) })),
        });
        await traces.append({
          attempts: [attempt('a', { stage: 'kernel', events: 3 })],
          events: [1, 3].map((seq) => ({ attempt: 'a', event: event(seq) })),
        });
        assert.equal((await traces.attempt('a'))?.stage, 'kernel');
        assert.equal(await traces.attempt('nobody'), undefined);
        assert.deepEqual(
          (await traces.events('a', 0, 10)).map(({ seq }) => seq),
          [1, 2, 3],
        );
        assert.deepEqual(
          (await traces.events('a', 1, 1)).map(({ seq }) => seq),
          [2],
        );
      }));

    it('keep whatever a client claims to be, and lose nothing of others by it', () =>
      withStore(async ({ traces, leases }) => {
        const odd = 'a\0b\ud800c\\u0000 \u2028 "é" 🂡';
        const claimed: TraceEvent = { seq: 1, at: 1, kind: 'os-dhcp', hostname: odd };
        await traces.append({
          attempts: [attempt('a')],
          events: [
            { attempt: 'a', event: claimed },
            { attempt: 'a', event: event(2) },
          ],
        });
        const [first, second] = await traces.events('a', 0, 10);
        assert.ok(first?.kind === 'os-dhcp');
        assert.equal(comparable(first.hostname ?? ''), comparable(odd));
        assert.equal(second?.seq, 2);
        await leases.bind(lease({ hostname: odd }));
        assert.equal(comparable((await leases.all())[0]?.hostname ?? ''), comparable(odd));
      }));

    it('keep events of no attempt that is known out', () =>
      withStore(async ({ traces }) => {
        const events = ['a', 'gone'].map((one) => ({ attempt: one, event: event(1) }));
        await traces.append({ attempts: [attempt('a')], events });
        assert.equal((await traces.events('a', 0, 10)).length, 1);
        assert.deepEqual(await traces.events('gone', 0, 10), []);
      }));

    it('keep datagrams byte for byte', () =>
      withStore(async ({ traces }) => {
        const end = (port: number) => ({ address: '10.0.0.1' as IpAddress, port });
        const packet = (number: number) => ({
          attempt: 'a',
          number,
          at: 5.25,
          source: end(68),
          destination: end(67),
          payload: Uint8Array.of(0, 255, number),
        });
        await traces.append({ attempts: [attempt('a')], events: [], packets: [packet(2), packet(1)] });
        assert.deepEqual(await traces.packets('a'), [packet(1), packet(2)]);
        assert.deepEqual(await traces.packets('nobody'), []);
      }));

    it('are pruned by age and by number, events with them', () =>
      withStore(async ({ traces }) => {
        const attempts = [1, 2, 3, 4].map((n) => attempt(`a${n}`, { startedAt: n * 1000, lastAt: n * 1000 }));
        await traces.append({ attempts, events: attempts.map(({ id }) => ({ attempt: id, event: event(1) })) });
        assert.equal(await traces.prune({ after: 1500, attempts: 2 }), 2);
        assert.deepEqual(
          (await traces.attempts({ limit: 10 })).map(({ id }) => id),
          ['a4', 'a3'],
        );
        assert.deepEqual(await traces.events('a1', 0, 10), []);
        assert.equal((await traces.events('a4', 0, 10)).length, 1);
      }));
  });

  describe(`${name}: access and audit`, () => {
    const key: AccessKey = {
      id: 'k1',
      kind: 'code',
      hash: 'ab'.repeat(32),
      name: 'operator',
      role: 'admin',
      createdAt: 1,
      expiresAt: 9,
    };

    it('a code is taken at most once, whoever asks at the same moment', () =>
      withStore(async ({ access }) => {
        await access.put(key);
        assert.deepEqual(await access.byHash(key.hash), key);
        const taken = await Promise.all([access.take(key.hash), access.take(key.hash)]);
        assert.deepEqual(
          taken.filter((one) => one !== undefined),
          [key],
        );
        assert.equal(await access.byHash(key.hash), undefined);
      }));

    it('keys are listed and removed', () =>
      withStore(async ({ access }) => {
        await access.put({ ...key, kind: 'token' });
        assert.deepEqual(
          (await access.list()).map(({ id }) => id),
          ['k1'],
        );
        assert.deepEqual(await access.get('k1'), { ...key, kind: 'token' });
        assert.deepEqual(await access.remove('k1'), ['k1']);
        assert.deepEqual(await access.remove('k1'), []);
        assert.equal(await access.get('k1'), undefined);
      }));

    it('a key goes with all that was made with it, and nothing is made with one that is gone', () =>
      withStore(async ({ access }) => {
        const child = (id: string, parent: string | undefined, hash: string): AccessKey => ({
          ...key,
          id,
          hash: hash.repeat(32),
          ...(parent === undefined ? {} : { parent }),
        });
        for (const one of [
          child('root', undefined, '01'),
          child('a', 'root', '02'),
          child('b', 'a', '03'),
          child('other', undefined, '04'),
          child('c', 'root', '05'),
        ]) {
          assert.equal(await access.put(one), true, one.id);
        }
        assert.deepEqual((await access.remove('a')).toSorted(), ['a', 'b']);
        assert.equal(await access.put(child('b', 'a', '03')), false);
        assert.deepEqual((await access.remove('root')).toSorted(), ['c', 'root']);
        assert.deepEqual(
          (await access.list()).map(({ id }) => id),
          ['other'],
        );
      }));

    it('a key that is made while its parent goes is not left over', () =>
      withStore(async ({ access }) => {
        for (let round = 0; round < 10; round += 1) {
          await access.put({ ...key, id: 'p', hash: 'f0'.repeat(32) });
          await Promise.all([
            ...[1, 2, 3, 4].map((one) =>
              access.put({ ...key, id: `c${one}`, parent: 'p', hash: `${one}${one}`.repeat(32) }),
            ),
            access.remove('p'),
          ]);
          assert.deepEqual(await access.list(), []);
        }
      }));

    it('the audit log is read newest first', () =>
      withStore(async ({ audit }) => {
        for (const at of [1, 2, 3])
          await audit.append({ at, who: 'operator', action: 'accept', target: `m${at}`, detail: '' });
        assert.deepEqual(
          (await audit.list(2)).map(({ at }) => at),
          [3, 2],
        );
        assert.deepEqual(
          (await audit.list(2, 2)).map(({ at }) => at),
          [1],
        );
        assert.deepEqual(
          (await audit.after(1, 9)).map(({ at, seq }) => [at, seq]),
          [
            [2, 2],
            [3, 3],
          ],
        );
      }));

    it('every audit entry is bound to the one before, however many are written at once', () =>
      withStore(async ({ audit }, reopen) => {
        const texts = ['', 'plain', 'ü\u0301', '"],["', 'a\nb'];
        await Promise.all(
          Array.from({ length: 40 }, (_, number) =>
            audit.append({
              at: number,
              who: 'w',
              action: 'a',
              target: 't',
              detail: texts[number % texts.length] ?? '',
            }),
          ),
        );
        const before = await verifyAudit(audit);
        assert.deepEqual(before.findings, []);
        assert.equal(before.entries, 40);
        const again = await reopen();
        await again.audit.append({ at: 41, who: 'w', action: 'a', target: 't', detail: 'after the restart' });
        const after = await verifyAudit(again.audit, before.head.hash);
        assert.deepEqual(after.findings, []);
        assert.equal(after.head.seq, 41);
      }));

    it('users are kept by name, replaced and removed', () =>
      withStore(async ({ users }) => {
        const user = { role: 'viewer', disabled: false, certificates: [], source: 'local', createdAt: 1 } as const;
        await users.put({ ...user, name: 'bert' });
        await users.put({ ...user, name: 'anna', scope: 'rack=r1', passwordHash: 'x' });
        await users.put({ ...user, name: 'bert', role: 'admin' });
        assert.deepEqual(
          (await users.list()).map(({ name, role }) => [name, role]),
          [
            ['anna', 'viewer'],
            ['bert', 'admin'],
          ],
        );
        assert.deepEqual(await users.get('anna'), { ...user, name: 'anna', scope: 'rack=r1', passwordHash: 'x' });
        assert.equal(await users.get('nobody'), undefined);
        assert.equal(await users.remove('anna'), true);
        assert.equal(await users.remove('anna'), false);
      }));
  });

  describe(`${name}: inventories`, () => {
    const seen = (source: 'agent' | 'bmc', at: number) => inventory.parse({ source, at, gaps: [`taken at ${at}`] });

    it('the newest of each source is kept first, and a restart keeps them', () =>
      withStore(async ({ inventories }, reopen) => {
        await inventories.put('m1', seen('agent', 1));
        await inventories.put('m1', seen('bmc', 2));
        await inventories.put('m1', seen('agent', 3.5));
        await inventories.put('m2', seen('agent', 9));
        const again = (await reopen()).inventories;
        assert.deepEqual(
          (await again.latest('m1')).toSorted((a, b) => a.at - b.at),
          [seen('bmc', 2), seen('agent', 3.5)],
        );
        assert.deepEqual(await again.history('m1', 2), [seen('agent', 3.5), seen('bmc', 2)]);
      }));

    it('only the newest are kept, of each source', () =>
      withStore(async ({ inventories }) => {
        await inventories.put('m1', seen('bmc', 0));
        for (let at = 1; at <= KEPT_INVENTORIES + 2; at++) await inventories.put('m1', seen('agent', at));
        const kept = await inventories.history('m1', 1000);
        assert.equal(kept.length, KEPT_INVENTORIES + 1);
        assert.deepEqual(kept.at(-1), seen('bmc', 0));
        assert.deepEqual(kept.at(-2), seen('agent', 3));
      }));

    it('go with a machine to another name, or away', () =>
      withStore(async ({ inventories }) => {
        await inventories.put('m1', seen('agent', 1));
        await inventories.move('m1', 'm2');
        assert.deepEqual(await inventories.latest('m1'), []);
        assert.deepEqual(await inventories.latest('m2'), [seen('agent', 1)]);
        await inventories.remove('m2');
        assert.deepEqual(await inventories.latest('m2'), []);
      }));
  });

  describe(`${name}: BMCs and secrets`, () => {
    it('a BMC is replaced by its address, and removed', () =>
      withStore(async ({ bmcs }, reopen) => {
        const record: BmcRecord = { address: 'https://10.0.0.12', type: 'redfish', learned: { override: 'settings' } };
        await bmcs.put(record);
        await bmcs.put({ ...record, seenAt: 5 });
        const again = (await reopen()).bmcs;
        assert.deepEqual(await again.all(), [{ ...record, seenAt: 5 }]);
        assert.equal(await again.remove(record.address), true);
        assert.equal(await again.remove(record.address), false);
      }));

    it('a secret is replaced by its name, and removed', () =>
      withStore(async ({ secrets }, reopen) => {
        await secrets.put('credential/rack1', 'sealed 1');
        await secrets.put('credential/rack1', 'sealed 2');
        const again = (await reopen()).secrets;
        assert.deepEqual(await again.names(), ['credential/rack1']);
        assert.equal(await again.get('credential/rack1'), 'sealed 2');
        assert.equal(await again.remove('credential/rack1'), true);
        assert.equal(await again.get('credential/rack1'), undefined);
      }));
  });

  jobStoreConformance(name, withStore);

  describe(`${name}: standing approvals`, () => {
    const one: Approval = {
      id: 'a1',
      by: 'anna',
      createdAt: 1,
      until: 9,
      kinds: ['install'],
      profile: 'debian',
      class: 'blank',
      machines: 2,
      used: [],
      rev: 0,
    };

    it('are there after a restart; an edit that did not see the newest is refused', () =>
      withStore(async ({ approvals }, reopen) => {
        assert.deepEqual(await approvals.put(one, 0), { kind: 'stored', value: { ...one, rev: 1 } });
        const used = [{ machine: 'm1', at: 2, by: 'ben' }];
        const edits = await Promise.all([
          approvals.put({ ...one, used }, 1),
          approvals.put({ ...one, machines: 3 }, 1),
        ]);
        assert.deepEqual(edits.map(({ kind }) => kind).toSorted(), ['stale', 'stored']);
        const again = (await reopen()).approvals;
        assert.deepEqual(await again.all(), [{ ...one, used, rev: 2 }]);
        assert.equal((await again.get('a1'))?.rev, 2);
        assert.equal(await again.get('a2'), undefined);
      }));
  });

  describe(`${name}: kept answers and deliveries`, () => {
    it('a key is claimed once, whoever asks at the same moment, and its answer stays until it is pruned', () =>
      withStore(async ({ answers }, reopen) => {
        const asked = { key: 'k1', fingerprint: 'f1', at: 5 };
        const claims = await Promise.all([answers.claim(asked), answers.claim({ ...asked, fingerprint: 'f2' })]);
        assert.deepEqual(claims.map(({ kind }) => kind).toSorted(), ['claimed', 'known']);
        await answers.finish({ ...asked, sealed: 'v1.x' });
        const again = (await reopen()).answers;
        assert.deepEqual(await again.claim({ ...asked, at: 9 }), {
          kind: 'known',
          answer: { ...asked, sealed: 'v1.x' },
        });
        await again.claim({ key: 'k2', fingerprint: 'f1', at: 6 });
        assert.equal(await again.prune(6), 1);
        assert.equal((await again.claim({ key: 'k2', fingerprint: 'f1', at: 9 })).kind, 'known');
        await again.release('k2');
        assert.equal((await again.claim({ key: 'k2', fingerprint: 'f1', at: 9 })).kind, 'claimed');
      }));

    it('deliveries are listed newest first by state, and pruned when they are over', () =>
      withStore(async ({ deliveries }, reopen) => {
        const one = (id: string, at: number, state: Delivery['state']): Delivery => ({
          id,
          at,
          state,
          url: 'http://192.0.2.1/',
          event: 'job',
          tries: 0,
          body: '{}',
        });
        await deliveries.put(one('a', 1, 'waiting'));
        await deliveries.put(one('b', 2, 'waiting'));
        await deliveries.put(one('c', 2, 'delivered'));
        await deliveries.put(one('b', 2, 'dead'));
        const again = (await reopen()).deliveries;
        const ids = async (query: Parameters<typeof again.list>[0]): Promise<readonly string[]> =>
          (await again.list(query)).map(({ id }) => id);
        assert.deepEqual(await ids({ limit: 9 }), ['c', 'b', 'a']);
        assert.deepEqual(await ids({ before: 2, beforeId: 'c', limit: 9 }), ['b', 'a']);
        assert.deepEqual(await ids({ state: 'waiting', limit: 9 }), ['a']);
        assert.equal(await again.prune(1), 1);
        assert.deepEqual(await ids({ limit: 9 }), ['c', 'a']);
      }));
  });
}

/** What holds for jobs, in every store and in what stands for one in tests. */
export function jobStoreConformance(
  name: string,
  withStore: (
    work: (store: Pick<Store, 'jobs'>, reopen: () => Promise<Pick<Store, 'jobs'>>) => Promise<void>,
  ) => Promise<void>,
): void {
  describe(`${name}: jobs`, () => {
    const newJob = (id: string, differences: Partial<Job> = {}): Job => ({
      ...job.parse({
        id,
        kind: 'inspect',
        machine: 'm1',
        state: 'queued',
        by: 'operator',
        createdAt: 1,
        steps: [],
        rev: 0,
      }),
      ...differences,
    });

    it('an edit that did not see the newest is refused', () =>
      withStore(async ({ jobs }) => {
        const first = await jobs.put(newJob('j1'), 0);
        assert.deepEqual(first, { kind: 'stored', value: newJob('j1', { rev: 1 }) });
        assert.deepEqual(await jobs.put(newJob('j1', { state: 'running' }), 0), { kind: 'stale', rev: 1 });
        assert.deepEqual(await jobs.get('j1'), newJob('j1', { rev: 1 }));
        assert.equal(await jobs.get('j2'), undefined);
      }));

    it('the unfinished ones are there after a restart, oldest first, with their events', () =>
      withStore(async ({ jobs }, reopen) => {
        const events = [1, 2, 3].map((seq) => ({ seq, at: seq, text: `event ${seq}` }));
        await jobs.put(newJob('over', { createdAt: 1 }), 0);
        await jobs.put(newJob('over', { createdAt: 1, state: 'failed' }), 1);
        await jobs.put(newJob('young', { createdAt: 3, machine: 'm2' }), 0);
        await jobs.put(newJob('old', { createdAt: 2, state: 'running' }), 0, events);
        const again = (await reopen()).jobs;
        assert.deepEqual(
          (await again.unfinished()).map(({ id }) => id),
          ['old', 'young'],
        );
        assert.deepEqual(await again.events('old', 1, 10), events.slice(1));
        assert.deepEqual(
          (await again.list({ limit: 2 })).map(({ id }) => id),
          ['young', 'old'],
        );
        assert.deepEqual(
          (await again.list({ machine: 'm1', before: 2, limit: 9 })).map(({ id }) => id),
          ['over'],
        );
      }));

    it('those of a batch are found, however many came after them', () =>
      withStore(async ({ jobs }, reopen) => {
        const batch = { id: 'b1', size: 2, maxFailures: 0 };
        await jobs.put(newJob('one', { batch }), 0);
        await jobs.put(newJob('two', { batch, machine: 'm2' }), 0);
        await jobs.put(newJob('two', { batch, machine: 'm2', state: 'failed' }), 1);
        await jobs.put(newJob('alone', { createdAt: 2 }), 0);
        await jobs.put(newJob('other', { createdAt: 2, batch: { ...batch, id: 'b2' } }), 0);
        for (let n = 0; n < 20; n += 1) await jobs.put(newJob(`later-${n}`, { createdAt: 10 + n }), 0);
        const again = (await reopen()).jobs;
        const ids = async (query: Parameters<typeof again.list>[0]): Promise<readonly string[]> =>
          (await again.list(query)).map(({ id, state }) => `${id} ${state}`);
        assert.deepEqual(await ids({ batch: 'b1', limit: 9 }), ['two failed', 'one queued']);
        assert.deepEqual(await ids({ batch: 'b1', limit: 1, oldestFirst: true }), ['one queued']);
        assert.deepEqual(await ids({ batch: 'b1', machine: 'm2', limit: 9 }), ['two failed']);
        assert.deepEqual(await ids({ batch: 'none', limit: 9 }), []);
      }));

    it('are paged by time and id', () =>
      withStore(async ({ jobs }) => {
        for (const id of ['a', 'b', 'c']) await jobs.put(newJob(id, { createdAt: 5 }), 0);
        const last = (await jobs.list({ limit: 1 }))[0];
        assert.equal(last?.id, 'c');
        const oldest = await jobs.list({ oldestFirst: true, before: 5, beforeId: 'a', limit: 9 });
        assert.deepEqual(
          oldest.map(({ id }) => id),
          ['b', 'c'],
        );
        const next = await jobs.list({ before: 5, beforeId: 'c', limit: 9 });
        assert.deepEqual(
          next.map(({ id }) => id),
          ['b', 'a'],
        );
      }));
  });
}
