import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import { document, subnetDocument } from '#machines/contract/documents.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { parseUuid } from '#machines/values/uuid.ts';
import type { Registry, RegistryChange, Sighting } from '#services/registry/contract.ts';
import { openRegistry } from '#services/registry/registry.ts';
import type { Store } from '#services/store/contract.ts';
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
