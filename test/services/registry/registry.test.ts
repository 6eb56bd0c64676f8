import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { document, subnetDocument } from '#machines/contract/documents.ts';
import { inventory } from '#machines/contract/inventory.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { parseUuid } from '#machines/values/uuid.ts';
import type { Registry, RegistryChange, Sighting } from '#services/registry/contract.ts';
import { openRegistry } from '#services/registry/registry.ts';
import type { Store } from '#services/store/contract.ts';
import { StoreError } from '#services/store/store-error.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';

const MINUTE = 60_000;
const START = 1_800_000_000_000;
const who = { who: 'operator' };
const mac = (number: number) =>
  `52:54:00:00:${(number >> 8).toString(16).padStart(2, '0')}:${(number & 255).toString(16).padStart(2, '0')}` as MacAddress;
const sighting = (number: number, more: Partial<Sighting> = {}): Sighting => ({
  mac: mac(number),
  facts: {},
  source: 'dhcp',
  at: START,
  ...more,
});
const machine = (name: string, number: number, more: object = {}) =>
  document.parse({ kind: 'Machine', name, macs: [mac(number)], ...more });
const image = document.parse({ kind: 'Image', name: 'live', arch: 'x86_64', assets: [{ role: 'kernel', path: '/k' }] });
const profile = (name: string, more: object = {}) =>
  document.parse({ kind: 'Profile', name, os: 'kernel', image: 'live', writes: 'none', ...more });

type World = {
  readonly registry: Registry & AsyncDisposable;
  readonly store: Store;
  readonly clock: { now: number };
  readonly again: () => Promise<Registry & AsyncDisposable>;
};

async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-registry-'));
  const store = await openSqliteStore({ dir });
  const clock = { now: START };
  const subnet = subnetDocument.parse({ kind: 'Subnet', name: 'lab', cidr: '10.0.0.0/24' });
  const open = () =>
    openRegistry({
      store,
      site: 'default',
      configSubnets: [subnet],
      now: () => clock.now,
      log: pino({ level: 'silent' }),
    });
  let registry = await open();
  try {
    await work({
      registry,
      store,
      clock,
      async again() {
        await registry[Symbol.asyncDispose]();
        return (registry = await open());
      },
    });
  } finally {
    await registry[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  }
}

describe('registry: what is seen', () => {
  it('a stranger becomes a machine named by its MAC, and is still known after a restart', () =>
    inWorld(async ({ registry, again }) => {
      const seen = registry.observe(sighting(1, { facts: { arch: 'x86_64' } }));
      assert.equal(seen?.document.name, 'm-525400000001');
      assert.equal(seen?.acceptance, 'seen');
      const after = await again();
      assert.equal(after.machineByMac(mac(1))?.facts['arch']?.value, 'x86_64');
      assert.equal(after.machineByMac(mac(1))?.lastSeen, START);
    }));

  it('a stranger’s record becomes the machine that an operator adds with its MAC', () =>
    inWorld(async ({ registry, store }) => {
      registry.observe(sighting(1, { facts: { arch: 'arm64' } }));
      assert.equal((await registry.put(machine('r1-u1', 1), who)).kind, 'done');
      assert.deepEqual(
        registry.machines().map(({ document: { name } }) => name),
        ['r1-u1'],
      );
      assert.equal(registry.machineByMac(mac(1))?.facts['arch']?.value, 'arm64');
      assert.equal(registry.machineByMac(mac(1))?.acceptance, 'accepted');
      assert.deepEqual(
        (await store.machines.all()).map(({ document: { name } }) => name),
        ['r1-u1'],
      );
    }));

  it('a further NIC joins the machine whose document names its UUID, in either byte order', () =>
    inWorld(async ({ registry }) => {
      await registry.put(machine('r1-u1', 1, { uuid: '12345678-1234-5678-9abc-def012345678' }), who);
      const swapped = sure(parseUuid('78563412-3412-7856-9abc-def012345678'));
      assert.equal(registry.observe(sighting(2, { uuid: swapped }))?.document.name, 'r1-u1');
      assert.equal(registry.machineByMac(mac(2))?.document.name, 'r1-u1');
    }));

  it('two boards with one vendor’s UUID stay two machines', () =>
    inWorld(async ({ registry }) => {
      const uuid = sure(parseUuid('03000200-0400-0500-0006-000700080009'));
      const names = [1, 2].map((number) => registry.observe(sighting(number, { uuid }))?.document.name);
      assert.equal(new Set(names).size, 2);
      assert.equal(registry.machineByIdentifier({ uuid }), undefined);
    }));

  it('at most 1,000 strangers are kept, and those of yesterday make room', () =>
    inWorld(async ({ registry }) => {
      for (let number = 0; number < 1000; number++) assert.ok(registry.observe(sighting(number)));
      assert.equal(registry.observe(sighting(2000)), undefined);
      assert.ok(registry.observe(sighting(2000, { at: START + 25 * 60 * MINUTE })));
      assert.equal(registry.machines().length, 1);
    }));

  it('a class may accept a stranger, but never one that was rejected', () =>
    inWorld(async ({ registry }) => {
      await registry.put(image, who);
      await registry.put(profile('live'), who);
      registry.observe(sighting(1, { facts: { arch: 'arm64' } }));
      await registry.act('m-525400000001', 'reject', who);
      const accepting = document.parse({
        kind: 'Class',
        name: 'arms',
        match: { facts: { arch: 'arm64' } },
        profile: 'live',
        accept: true,
      });
      await registry.put(accepting, who);
      registry.observe(sighting(2, { facts: { arch: 'arm64' } }));
      registry.observe(sighting(3, { facts: { arch: 'x86_64' } }));
      await registry.put(profile('later'), who);
      assert.deepEqual(
        [1, 2, 3].map((number) => registry.machineByMac(mac(number))?.acceptance),
        ['rejected', 'accepted', 'seen'],
      );
    }));
});

describe('registry: who is who', () => {
  const uuid = sure(parseUuid('12345678-1234-5678-9abc-def012345678'));

  it('a NIC that moved to another machine is served by its MAC, and the conflict is shown until it is over', () =>
    inWorld(async ({ registry }) => {
      await registry.put(machine('a', 1, { uuid }), who);
      await registry.put(machine('b', 2), who);
      assert.equal(registry.observe(sighting(2, { uuid, serial: 'S1' }))?.document.name, 'b');
      const disputed = registry.machine('b');
      assert.match(String(disputed?.facts['identity.conflict']?.value), /MAC .* is b's, but UUID .* is a's/);
      assert.deepEqual([disputed?.identifiers.uuids, disputed?.identifiers.serials], [[], []], 'nothing was merged');
      registry.observe(sighting(2));
      assert.ok(registry.machine('b')?.facts['identity.conflict'], 'what shows no UUID settles nothing');
      registry.observe(sighting(2, { serial: 'S2' }));
      assert.equal(registry.machine('b')?.facts['identity.conflict'], undefined);
    }));

  it('an unknown NIC whose UUID and serial are of two machines becomes neither', () =>
    inWorld(async ({ registry }) => {
      await registry.put(machine('a', 1, { uuid }), who);
      await registry.put(machine('b', 2, { serial: 'S2' }), who);
      const seen = registry.observe(sighting(3, { uuid, serial: 'S2' }));
      assert.equal(seen?.acceptance, 'seen');
      assert.match(String(seen?.facts['identity.conflict']?.value), /a's.*b's/);
    }));

  it('a MAC that belongs to no machine makes none', () =>
    inWorld(async ({ registry }) => {
      assert.equal(registry.observe(sighting(1, { mac: 'ff:ff:ff:ff:ff:ff' as MacAddress })), undefined);
      assert.deepEqual(registry.machines(), []);
    }));

  it('a machine that has the name of another’s MAC is not overwritten', () =>
    inWorld(async ({ registry }) => {
      await registry.put(machine('m-525400000001', 2), who);
      assert.equal(registry.observe(sighting(1))?.document.name, 'm-525400000001-2');
      assert.equal(registry.machine('m-525400000001')?.acceptance, 'accepted');
    }));

  it('a stranger that could not be stored is forgotten, and met again', () =>
    inWorld(async ({ store }) => {
      let isFull = true;
      const machines: Store['machines'] = {
        ...store.machines,
        put: (...args) => (isFull ? Promise.reject(new StoreError('full', 'no room')) : store.machines.put(...args)),
      };
      await using registry = await openRegistry({
        store: { ...store, machines },
        site: 'default',
        configSubnets: [],
        now: () => START,
        log: pino({ level: 'silent' }),
      });
      assert.ok(registry.observe(sighting(1)));
      assert.equal((await registry.act('m-525400000001', 'lock', who)).kind, 'not-found');
      assert.deepEqual(registry.machines(), []);
      isFull = false;
      assert.ok(registry.observe(sighting(1)));
      assert.equal((await registry.act('m-525400000001', 'accept', who)).kind, 'done');
    }));
});

describe('registry: what is wanted', () => {
  it('tells created, changed and unchanged apart, and counts revs', () =>
    inWorld(async ({ registry }) => {
      const put = async (one: ReturnType<typeof machine>, expected?: number) => {
        const outcome = await registry.put(one, expected === undefined ? who : { ...who, expected });
        return outcome.kind === 'done' ? [outcome.value.change, outcome.value.rev] : outcome;
      };
      assert.deepEqual(await put(machine('a', 1)), ['created', 1]);
      assert.deepEqual(await put(machine('a', 1)), ['unchanged', 1]);
      assert.deepEqual(await put(machine('a', 1, { labels: { rack: 'r1' } })), ['changed', 2]);
      assert.deepEqual(await put(machine('a', 2), 1), { kind: 'stale', rev: 2 });
    }));

  it('refuses a MAC or an address that is another machine’s', () =>
    inWorld(async ({ registry }) => {
      await registry.put(machine('a', 1, { address: '10.0.0.5' }), who);
      assert.deepEqual(await registry.put(machine('b', 1), who), {
        kind: 'exists',
        what: `MAC ${mac(1)}`,
        holder: 'a',
      });
      assert.deepEqual(await registry.put(machine('b', 2, { address: '10.0.0.5' }), who), {
        kind: 'exists',
        what: 'address 10.0.0.5',
        holder: 'a',
      });
    }));

  it('refuses references to what does not exist, and removing what is in use', () =>
    inWorld(async ({ registry }) => {
      assert.deepEqual(await registry.put(machine('a', 1, { profile: 'live' }), who), {
        kind: 'invalid',
        path: 'profile',
        because: 'got live, want a profile that exists',
      });
      assert.equal((await registry.put(profile('live'), who)).kind, 'invalid');
      await registry.put(image, who);
      assert.equal((await registry.put(profile('live'), who)).kind, 'done');
      await registry.put(machine('a', 1, { profile: 'live' }), who);
      const removed = await registry.remove('Profile', 'live', who);
      assert.ok(removed.kind === 'refused');
      assert.match(removed.because, /machine a/);
      assert.equal((await registry.remove('Image', 'live', who)).kind, 'refused');
    }));

  it('refuses subnets that overlap, and pools outside of them', () =>
    inWorld(async ({ registry }) => {
      const put = async (differences: object) => {
        const outcome = await registry.put(document.parse({ kind: 'Subnet', name: 'more', ...differences }), who);
        return outcome.kind === 'invalid' ? outcome.path : outcome.kind;
      };
      assert.equal(await put({ cidr: '10.0.0.0/24' }), 'cidr');
      assert.equal(await put({ cidr: '10.0.0.128/25' }), 'cidr');
      assert.equal(await put({ cidr: '10.1.0.0/24', pools: ['10.2.0.1-10.2.0.9'] }), 'pools[0]');
      assert.equal(await put({ cidr: '10.1.0.0/24', pools: ['10.1.0.1-10.1.0.9', '10.1.0.9-10.1.0.20'] }), 'pools[1]');
      assert.equal(await put({ cidr: '10.1.0.0/24', router: '10.2.0.1' }), 'router');
      assert.equal(await put({ cidr: '10.1.0.0/24', pools: ['10.1.0.1-10.1.0.9'], router: '10.1.0.5' }), 'pools[0]');
      assert.equal(await put({ cidr: '10.1.0.0/24', pools: ['10.1.0.10-10.1.0.20'], router: '10.1.0.1' }), 'done');
      assert.equal(await put({ cidr: '10.1.0.0/25' }), 'done', 'it does not overlap itself');
    }));

  it('what an agent told of a stranger is told of the machine that an operator makes of it', () =>
    inWorld(async ({ registry, store }) => {
      registry.observe(sighting(1));
      const stranger = 'm-525400000001';
      await store.inventories.put(stranger, inventory.parse({ source: 'agent', at: 1 }));
      registry.inspected(
        stranger,
        { macs: [mac(1), mac(2)], uuid: undefined, serial: 'S1' },
        { inspected: true },
        START,
      );
      assert.equal((await registry.grant({ machine: stranger, profile: 'agent', by: 'operator' })).kind, 'done');
      await registry.put(machine('r1-u1', 1), who);
      const own = registry.machine('r1-u1');
      assert.deepEqual(own?.identifiers, { macs: [mac(1), mac(2)], uuids: [], serials: ['S1'] });
      assert.equal(own.facts['inspected']?.value, true);
      assert.equal((await store.inventories.latest('r1-u1')).length, 1);
      assert.equal(registry.grantFor(stranger, undefined, START), undefined);
      await registry.remove('Machine', 'r1-u1', who);
      assert.deepEqual(await store.inventories.latest('r1-u1'), []);
    }));

  it('what an inspection contradicts stays a fact until a later one fits, and nothing of it joins', () =>
    inWorld(async ({ registry }) => {
      await registry.put(machine('a', 1), who);
      await registry.put(machine('b', 2), who);
      const swapped = { macs: [mac(1), mac(2)], uuid: undefined, serial: 'S1' };
      const conflicts = registry.inspected('a', swapped, {}, START);
      assert.deepEqual(conflicts, [`its card ${mac(2)} is b’s too`]);
      assert.equal(registry.machine('a')?.facts['inventory.conflict']?.value, conflicts[0]);
      assert.deepEqual(registry.machine('a')?.identifiers.serials, []);
      assert.equal(registry.machineByMac(mac(2))?.document.name, 'b');
      assert.deepEqual(registry.inspected('a', { ...swapped, macs: [mac(1)] }, {}, START + 1), []);
      assert.equal(registry.machine('a')?.facts['inventory.conflict'], undefined);
      assert.deepEqual(registry.machine('a')?.identifiers.serials, ['S1']);
    }));

  it('does not start when the file names a subnet that was added over the API', () =>
    inWorld(async ({ registry, store }) => {
      await registry.put(document.parse({ kind: 'Subnet', name: 'more', cidr: '10.1.0.0/24' }), who);
      const configured = subnetDocument.parse({ kind: 'Subnet', name: 'in-file', cidr: '10.1.0.0/16' });
      await assert.rejects(
        openRegistry({
          store,
          site: 'default',
          configSubnets: [configured],
          now: () => START,
          log: pino({ level: 'silent' }),
        }),
        /subnet more.*overlaps 10\.1\.0\.0\/16 of subnet in-file.*ingot delete subnet more/,
      );
    }));

  it('keeps built-in profiles and the file’s subnets as they are', () =>
    inWorld(async ({ registry }) => {
      assert.equal(registry.profile('disk')?.os, 'disk');
      assert.equal(
        (await registry.put(document.parse({ kind: 'Profile', name: 'disk', os: 'menu' }), who)).kind,
        'refused',
      );
      assert.equal((await registry.remove('Subnet', 'lab', who)).kind, 'refused');
    }));

  it('apply never accepts what a person rejected', () =>
    inWorld(async ({ registry }) => {
      await registry.put(machine('a', 1), who);
      await registry.act('a', 'reject', who);
      await registry.put(machine('a', 1, { labels: { x: 'y' } }), who);
      assert.equal(registry.machine('a')?.acceptance, 'rejected');
    }));

  it('a locked machine is not removed', () =>
    inWorld(async ({ registry }) => {
      await registry.put(machine('a', 1), who);
      await registry.act('a', 'lock', who);
      assert.equal((await registry.remove('Machine', 'a', who)).kind, 'refused');
      await registry.act('a', 'unlock', who);
      assert.equal((await registry.remove('Machine', 'a', who)).kind, 'done');
      assert.equal(registry.machineByMac(mac(1)), undefined);
    }));

  it('tells listeners what changed, and a listener that throws stops nothing', () =>
    inWorld(async ({ registry }) => {
      const changes: RegistryChange['kind'][] = [];
      registry.watch(() => {
        throw new Error('no');
      });
      const stop = registry.watch(({ kind }) => changes.push(kind));
      await registry.put(image, who);
      await registry.put(machine('a', 1), who);
      stop();
      await registry.act('a', 'lock', who);
      assert.deepEqual(changes, ['document', 'machine']);
    }));
});

describe('registry: grants', () => {
  const granted = async ({ registry }: World): Promise<string> => {
    await registry.put(image, who);
    await registry.put(profile('live'), who);
    await registry.put(machine('a', 1), who);
    const outcome = await registry.grant({ machine: 'a', profile: 'live', by: 'operator' });
    assert.ok(outcome.kind === 'done');
    return outcome.value.id;
  };

  it('may be fetched again by the same attempt for 15 minutes, by a later one not at all', () =>
    inWorld(async (world) => {
      const { registry, clock } = world;
      const id = await granted(world);
      assert.equal(registry.grantFor('a', 'first', START)?.id, id);
      registry.useGrant(id, 'first');
      await registry.spendGrant(id, 'first');
      assert.equal(registry.grantFor('a', 'first', START + 15 * MINUTE)?.id, id);
      assert.equal(registry.grantFor('a', 'first', START + 15 * MINUTE + 1), undefined);
      assert.equal(registry.grantFor('a', 'second', START), undefined);
      clock.now = START + MINUTE;
      assert.equal((await world.again()).grantFor('a', 'first', clock.now)?.id, id, 'also after a restart');
    }));

  it('a new one takes the place of one that was never used', () =>
    inWorld(async (world) => {
      const first = await granted(world);
      const second = await world.registry.grant({ machine: 'a', profile: 'live', by: 'operator' });
      assert.ok(second.kind === 'done' && second.value.id !== first);
      assert.equal(world.registry.grantFor('a', undefined, START)?.id, second.value.id);
      assert.equal(
        (await world.store.grants.recent(START - 1)).filter(({ spentAt }) => spentAt === undefined).length,
        1,
      );
    }));

  it('of a machine that was removed is not its namesake’s', () =>
    inWorld(async (world) => {
      const { registry } = world;
      await granted(world);
      assert.equal((await registry.remove('Machine', 'a', who)).kind, 'done');
      await registry.put(machine('a', 5), who);
      assert.equal(registry.grantFor('a', undefined, START), undefined);
      assert.equal((await world.again()).grantFor('a', undefined, START), undefined, 'nor after a restart');
    }));

  it('an attempt that fetches again does not use up the next one', () =>
    inWorld(async (world) => {
      const { registry } = world;
      const first = await granted(world);
      await registry.spendGrant(first, 'one');
      const second = await registry.grant({ machine: 'a', profile: 'live', by: 'operator' });
      assert.ok(second.kind === 'done');
      assert.equal(registry.grantFor('a', 'one', START)?.id, first);
      assert.equal(registry.grantFor('a', 'two', START)?.id, second.value.id);
    }));

  it('is refused for what may write disks, for strangers, and for machines in service', () =>
    inWorld(async (world) => {
      const { registry } = world;
      await granted(world);
      await registry.put(profile('writer', { writes: 'planned' }), who);
      const writer = await registry.grant({ machine: 'a', profile: 'writer', by: 'operator' });
      assert.ok(writer.kind === 'refused');
      assert.match(writer.because, /may write disks/);
      registry.observe(sighting(7));
      assert.equal(
        (await registry.grant({ machine: 'm-525400000007', profile: 'live', by: 'operator' })).kind,
        'refused',
      );
      await registry.act('a', 'adopt', who);
      assert.equal((await registry.grant({ machine: 'a', profile: 'live', by: 'operator' })).kind, 'refused');
      assert.equal((await registry.grant({ machine: 'nobody', profile: 'live', by: 'operator' })).kind, 'not-found');
    }));
});

describe('a fact from elsewhere', () => {
  it('is kept and told, and is no sight of the machine', () =>
    inWorld(async (world) => {
      const { registry } = world;
      await registry.put(machine('a', 1), who);
      const told: string[] = [];
      registry.watch((change) => told.push(change.kind));
      registry.note('a', { power: 'on' }, 'bmc', START);
      registry.note('a', { power: 'on' }, 'bmc', START + MINUTE);
      registry.note('nobody', { power: 'on' }, 'bmc', START);
      assert.deepEqual(told, ['machine'], 'once: the second time it was known');
      assert.deepEqual(registry.machine('a')?.facts['power'], { value: 'on', at: START, source: 'bmc' });
      assert.equal(registry.machine('a')?.lastSeen, undefined);
      assert.equal((await world.again()).machine('a')?.facts['power']?.value, 'on', 'also after a restart');
    }));
});
