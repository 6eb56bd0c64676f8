import type { Logger } from 'pino';
import type { BmcResource, PowerReading } from '#machines/contract/api/bmc-resource.ts';
import type { Inventory } from '#machines/contract/inventory.ts';
import type { Random } from '#services/auth/secret.ts';
import { openAsks } from '#services/bmc/asks.ts';
import { bmcOf, type Drivers, type MachineBmc, openBmcs } from '#services/bmc/bmcs.ts';
import type { Clock } from '#services/bmc/clock.ts';
import { openConsoles } from '#services/bmc/consoles.ts';
import { BmcError } from '#services/bmc/contract.ts';
import { type CredentialInfo, openCredentials } from '#services/bmc/credentials.ts';
import { likenesses, proofOf } from '#services/bmc/decide/proof.ts';
import { importedAddress, isImported, learnedByModel } from '#services/bmc/decide/quirks.ts';
import { rotationDueAt } from '#services/bmc/decide/rotation-schedule.ts';
import { discover, type Probes, searchRefusal } from '#services/bmc/discover.ts';
import { openOperations } from '#services/bmc/operations.ts';
import { openPoller, type PollTimes } from '#services/bmc/poller.ts';
import { type MachineApiPower, openPower, type Refusal } from '#services/bmc/power.ts';
import { POWER_TIMES, type PowerTimes } from '#services/bmc/power-times.ts';
import { type Accounts, rotate, settle } from '#services/bmc/rotate.ts';
import { openRotations, rotationFailure } from '#services/bmc/rotations.ts';
import { openTries } from '#services/bmc/try-credential.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { BmcRecord, Store } from '#services/store/contract.ts';
import type { Vault } from '#services/vault/vault.ts';
import { openCare } from './care.ts';
import type { BmcService } from './contract.ts';

/** Small enough that a person waits for it. */
const SHOW_MS = 5000;
const INVENTORY_MS = 180_000;
const LIKENESSES = 3;

/** Puts the parts of services/bmc together over the store, the registry and the vault. */
export async function openBmcService(parts: {
  readonly store: Pick<Store, 'bmcs' | 'inventories'>;
  readonly vault: Pick<Vault, 'read' | 'write' | 'remove' | 'names'>;
  readonly registry: Pick<Registry, 'machine' | 'machines' | 'note'>;
  readonly drivers: Drivers;
  readonly probes: Probes;
  readonly accounts: Accounts;
  /** What the daemon does by itself, for the audit log. */
  readonly audit?: (entry: { who: string; action: string; target: string; detail: string }) => void;
  /** A machine that a job is at: nothing that can wait is done to its BMC. */
  readonly busy?: (machine: string) => boolean;
  readonly held?: (machine: string) => Refusal | undefined;
  readonly machineApi?: MachineApiPower;
  readonly clock: Clock;
  /** 0 to 1, for jitter. */
  readonly chance: () => number;
  readonly random: Random;
  readonly newId: () => string;
  readonly times?: PowerTimes;
  readonly pollTimes?: PollTimes;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}): Promise<BmcService> {
  const { store, registry, clock, random, log, newId, probes } = parts;
  const times = parts.times ?? POWER_TIMES;
  await using opening = new AsyncDisposableStack();
  const credentials = openCredentials({ vault: parts.vault, now: () => clock.now() });
  const asks = openAsks({ clock, personMs: times.personMs });
  const bmcs = opening.use(
    await openBmcs({ store: store.bmcs, credentials, drivers: parts.drivers, asks, clock, random: parts.chance, log }),
  );
  const power = openPower({
    bmcs,
    asks,
    machine: (name) => registry.machine(name),
    ...(parts.held ? { held: parts.held } : {}),
    ...(parts.machineApi ? { machineApi: parts.machineApi } : {}),
    clock,
    random: parts.chance,
    times,
    onPower(machine, state) {
      const type = power.bmcOf(machine)?.type;
      if (state === 'unknown' || type === 'manual' || type === 'wol') return;
      poller.note(machine, { machine, power: state, at: clock.now(), ...healthOf(poller.reading(machine)) });
    },
    log,
  });
  const operations = opening.use(openOperations({ power, clock, newId }));
  const care = openCare({ bmcs, store, registry, clock, log });
  const poller = openPoller({
    bmcs,
    machines: () => registry.machines(),
    clock,
    ...(parts.pollTimes ? { times: parts.pollTimes } : {}),
    onChange(reading, before) {
      const { machine, power: state, health, error, at } = reading;
      // A BMC that cannot be asked says nothing about power: what was known stays, with its time.
      const wasTrouble = registry.machine(machine)?.facts['bmc.trouble'] !== undefined;
      const facts = {
        ...(error ? {} : { power: state }),
        ...(health === undefined ? {} : { health }),
        ...(error || wasTrouble ? { 'bmc.trouble': error?.code ?? 'none' } : {}),
      };
      registry.note(machine, facts, 'bmc', error?.at ?? at);
      if (error && before?.error?.code !== error.code) {
        log.warn({ machine, code: error.code }, `its BMC cannot be asked: ${error.because}`);
      }
    },
    onAnswer: (bmc, signal) => care.visit(bmc, signal),
    async onRefused(bmc, signal) {
      // A rotation that was cut off may have come further than anybody heard.
      await settle(bmc, { bmcs, credentials, signal }).catch((err: unknown) => {
        if (!signal.aborted)
          log.warn({ err, machine: bmc.machine }, 'which of two passwords is the right one is not known');
      });
    },
  });
  const tries = openTries({ bmcs, clock });
  const consoles = openConsoles({ bmcs, newId });
  const rotations = openRotations({
    candidates,
    async rotate(name, signal) {
      const { address, username } = await rotateOne(mustHave(name), signal);
      const detail = `password of ${username} at ${address} rotated, because it had become old`;
      parts.audit?.({ who: 'ingot', action: 'rotateBmc', target: name, detail });
      log.info({ machine: name, bmc: address }, 'its BMC has another password');
    },
    failed(name, error) {
      const because = rotationFailure(error);
      parts.audit?.({ who: 'ingot', action: 'rotateBmc', target: name, detail: `not rotated: ${because}` });
      log.warn({ err: error, machine: name }, 'the password of its BMC has become old, and was not changed');
    },
    clock,
  });

  async function rotateOne(bmc: MachineBmc, signal: AbortSignal) {
    const named = (await credentials.list()).find(({ name }) => name === bmc.credential);
    const { username } = await rotate(bmc, {
      bmcs,
      credentials,
      accounts: parts.accounts,
      ownUser: named?.ownUser ?? false,
      random,
      clock,
      signal,
    });
    return { address: bmc.address, username };
  }

  /** When the password of a BMC is to be changed, where that is said. */
  async function rotatesAt(
    { address, credential }: Pick<MachineBmc, 'address' | 'credential'>,
    named: ReadonlyMap<string, CredentialInfo>,
  ): Promise<number | undefined> {
    const info = named.get(credential ?? '');
    if (info?.rotateDays === undefined) return undefined;
    const since = (await credentials.ownInfo(address))?.setAt ?? info.setAt;
    return rotationDueAt({ address, since, rotateDays: info.rotateDays });
  }

  /** Only what is proven to be the machine's, answers, and is left alone by everybody else. */
  async function candidates() {
    const named = await namedCredentials();
    const found = [];
    for (const [address, [bmc, ...others]] of users()) {
      if (!bmc || (bmc.type !== 'redfish' && bmc.type !== 'ipmi')) continue;
      if (others.length > 0 && bmc.system === undefined) continue;
      const { machine } = bmc;
      const dueAt = await rotatesAt(bmc, named);
      if (dueAt === undefined || dueAt > clock.now()) continue;
      const reading = poller.reading(machine);
      if (bmcs.record(address)?.proven?.machine !== machine || !reading || reading.error) continue;
      if (parts.busy?.(machine) === true || operations.running().some((one) => one.machine === machine)) continue;
      const { site, rack = '' } = registry.machine(machine)?.document.location ?? { site: '' };
      found.push({ machine, rack: `${site}/${rack}`, dueAt });
    }
    return found;
  }

  const namedCredentials = async (): Promise<ReadonlyMap<string, CredentialInfo>> =>
    new Map((await credentials.list()).map((one) => [one.name, one]));

  function mustHave(name: string): MachineBmc {
    const machine = registry.machine(name);
    const found = machine && bmcOf(machine);
    if (found) return found;
    const because = machine
      ? `${name} has no BMC: ingot bmc set ${name} --type TYPE --address ADDRESS`
      : `there is no machine ${name}`;
    throw new BmcError('refused', because);
  }

  /** Of each address, the machines whose documents name it. */
  function users(): ReadonlyMap<string, readonly MachineBmc[]> {
    const found = new Map<string, MachineBmc[]>();
    for (const machine of registry.machines()) {
      const bmc = bmcOf(machine);
      if (bmc) found.set(bmc.address, [...(found.get(bmc.address) ?? []), bmc]);
    }
    return found;
  }

  /** Of each named credential, the BMCs that are logged in to with it. */
  async function uses(): Promise<ReadonlyMap<string, readonly string[]>> {
    const found = new Map<string, string[]>();
    for (const [address, [bmc]] of users()) {
      if (bmc?.credential === undefined || bmcs.record(address)?.credential === OWN) continue;
      found.set(bmc.credential, [...(found.get(bmc.credential) ?? []), address]);
    }
    return found;
  }

  async function resource(
    record: BmcRecord,
    named: readonly MachineBmc[],
    used: ReadonlyMap<string, readonly string[]>,
    infos: ReadonlyMap<string, CredentialInfo>,
  ): Promise<BmcResource> {
    const [bmc] = named;
    const machine = bmc && registry.machine(bmc.machine);
    const own = record.credential === OWN;
    const proof = machine && record.identity ? proofOf(record.identity, machine) : undefined;
    const like = record.identity && !bmc ? likenesses(record.identity, registry.machines()).slice(0, LIKENESSES) : [];
    const sharedBy = bmc && named.length > 1 && bmc.system === undefined ? named.map((one) => one.machine) : [];
    const conflict =
      sharedBy.length > 0
        ? `it is named by ${sharedBy.join(' and ')}, and which of its systems is whose is not said`
        : proof?.kind === 'contradicts'
          ? proof.because
          : undefined;
    const reading = bmc && poller.reading(bmc.machine);
    const { address, type, pin, proven, identity, learned, discoveredAt, seenAt } = record;
    const name = own ? OWN : (bmc?.credential ?? record.credential);
    const secret = own ? await credentials.ownInfo(address) : infos.get(name ?? '');
    const nextAt = bmc && (await rotatesAt(bmc, infos));
    return {
      address,
      type,
      ...(bmc ? { machine: bmc.machine } : {}),
      ...(name === undefined
        ? {}
        : {
            credential: {
              name,
              own,
              shared: !own && (used.get(name)?.length ?? 0) > 1,
              ...(secret ? { username: secret.username, setAt: secret.setAt } : {}),
              ...(nextAt === undefined ? {} : { rotatesAt: nextAt }),
            },
          }),
      ...(pin ? { pin } : {}),
      ...(proven ? { proven } : {}),
      ...(conflict === undefined ? {} : { conflict }),
      ...(like.length > 0 ? { like: like.map((one) => ({ machine: one.machine, by: [...one.by] })) } : {}),
      ...(identity ? { identity: { ...identity, macs: [...identity.macs] } } : {}),
      learned: { ...learned },
      ...(discoveredAt === undefined ? {} : { discoveredAt }),
      ...(seenAt === undefined ? {} : { seenAt }),
      ...(reading ? { reading } : {}),
    };
  }

  async function shownBy({ address, type }: MachineBmc, signal: AbortSignal) {
    if (type !== 'redfish') throw new BmcError('not-supported', `${type} shows no certificate`);
    const { fingerprint: sha256, subject, validTo } = await probes.redfish(address, signal);
    if (sha256 === '') throw new BmcError('not-supported', `${address} speaks no TLS`);
    return { sha256, subject, validTo };
  }

  const opened = opening.move();
  return {
    power,
    operations,
    asks,
    consoles,
    poller,
    rotations,
    load: () => bmcs.load(),
    async read(name, signal) {
      const bmc = power.bmcOf(name);
      if (!bmc) throw new BmcError('refused', `there is no machine ${name}`);
      const status = await power.status(name, signal);
      const reading: PowerReading = { machine: name, at: clock.now(), ...status };
      if (bmc.type !== 'manual' && bmc.type !== 'wol') poller.note(name, reading);
      return reading;
    },
    async list() {
      const named = users();
      const used = await uses();
      const known = bmcs.records().filter((record) => !isImported(record));
      const records = new Map(known.map((record) => [record.address, record]));
      for (const [address, [bmc]] of named) {
        if (bmc && !records.has(address)) records.set(address, { address, type: bmc.type, learned: {} });
      }
      const infos = await namedCredentials();
      return await Promise.all(
        [...records.values()]
          .toSorted((a, b) => a.address.localeCompare(b.address, 'en', { numeric: true }))
          .map((record) => resource(record, named.get(record.address) ?? [], used, infos)),
      );
    },
    async show(name, signal) {
      const bmc = power.bmcOf(name);
      if (!bmc) return undefined;
      const record = bmcs.record(bmc.address) ?? { address: bmc.address, type: bmc.type, learned: {} };
      const ask = asks.pending().find((one) => one.machine === name);
      const of = {
        bmc: await resource(
          record,
          [...(users().get(bmc.address) ?? [])].toSorted((a) => (a.machine === name ? -1 : 1)),
          await uses(),
          await namedCredentials(),
        ),
        ...(ask ? { ask } : {}),
      };
      try {
        const within = AbortSignal.any([signal, AbortSignal.timeout(SHOW_MS)]);
        return { ...of, means: { ...(await power.means(name, within)) } };
      } catch (error) {
        if (signal.aborted) throw error;
        if (error instanceof BmcError) return { ...of, unknown: error.message };
        if (error instanceof DOMException) return { ...of, unknown: `${bmc.address} did not answer in time` };
        throw error;
      }
    },
    async pin(name, sha256, signal) {
      const bmc = mustHave(name);
      const shown = await shownBy(bmc, signal);
      const before = bmcs.record(bmc.address)?.pin;
      if (sha256 === undefined) return { shown, ...(before ? { pinned: before } : {}), changed: false };
      if (sha256 !== shown.sha256) {
        throw new BmcError('certificate', `${bmc.address} shows ${shown.sha256}, not ${sha256}: nothing was pinned`);
      }
      if (before?.sha256 === sha256) return { shown, pinned: before, changed: false };
      const pinned = { sha256, subject: shown.subject, at: clock.now() };
      // Another certificate may be another BMC: it is the machine's again when something proves it (safety rule 3).
      await bmcs.change(bmc, ({ proven: _proven, ...record }) => ({ ...record, pin: pinned }));
      await bmcs.renew(bmc.address);
      return { shown, pinned, changed: true };
    },
    async identify(name, seconds, signal) {
      mustHave(name);
      await power.ask(name, times.writeMs, (driver, inner) => driver.identify(seconds, inner), signal);
    },
    async inventory(name, signal): Promise<Inventory> {
      const bmc = mustHave(name);
      const found = await power.ask(name, INVENTORY_MS, (driver, inner) => driver.inventory(inner), signal);
      const identity = await power.ask(name, times.readMs, (driver, inner) => driver.identity(inner), signal);
      await care.keep(bmc, identity, found);
      return found;
    },
    async events(name, signal) {
      mustHave(name);
      return await power.ask(name, INVENTORY_MS, (driver, inner) => driver.events(inner), signal);
    },
    async doubt(name) {
      const machine = registry.machine(name);
      const bmc = machine && bmcOf(machine);
      if (bmc) await bmcs.change(bmc, ({ proven: _proven, ...record }) => record);
    },
    async rotate(name, signal) {
      const bmc = mustHave(name);
      return await rotateOne(bmc, signal);
    },
    quirks: () => learnedByModel(bmcs.records()),
    async importQuirks(quirks) {
      for (const one of quirks) {
        const { vendor, product, version, learned } = one;
        const identity = { macs: [], bmcVendor: vendor, product, bmcVersion: version };
        await bmcs.change({ address: importedAddress(one), type: 'redfish' }, (record) => ({
          ...record,
          identity,
          learned: { ...learned },
        }));
      }
      return quirks.length;
    },
    async discover(cidr, ports, signal) {
      const refused = searchRefusal(cidr);
      if (refused !== undefined) throw new BmcError('refused', refused);
      const { asked, found } = await discover(cidr, { probes, ...(ports ? { ports } : {}), signal });
      const named = users();
      const items = found.map((one) => {
        const [bmc] = named.get(one.address) ?? [];
        return { ...one, ...(bmc ? { machine: bmc.machine } : {}) };
      });
      return { asked, items };
    },
    async attempt({ credential, rack, bmcs: asked }, signal) {
      const secret = await credentials.get(credential);
      if (!secret)
        throw new BmcError('refused', `there is no credential ${credential}: ingot bmc credentials set ${credential}`);
      const named = users();
      const rackOf = (address: string): string | undefined =>
        registry.machine(named.get(address)?.[0]?.machine ?? '')?.document.location.rack;
      const racks = new Set(asked.flatMap(({ address }) => rackOf(address) ?? []));
      if (rack === undefined && racks.size > 1) {
        throw new BmcError(
          'refused',
          `these stand in ${[...racks].join(' and ')}: one credential for one rack (--rack)`,
        );
      }
      const elsewhere = asked.filter(({ address }) => rack !== undefined && (rackOf(address) ?? rack) !== rack);
      const here = asked.filter((one) => !elsewhere.includes(one));
      const tried = await tries.attempt({ credential: { name: credential, secret }, bmcs: here }, signal);
      const passed = elsewhere.map(({ address }) => ({
        address,
        outcome: 'not-tried' as const,
        because: `its machine stands in rack ${rackOf(address)}, not ${rack}`,
      }));
      return [...tried, ...passed].map((one) => {
        const like = 'identity' in one && one.identity ? likenesses(one.identity, registry.machines()) : [];
        return { ...one, ...(like.length > 0 ? { like: like.slice(0, LIKENESSES) } : {}) };
      });
    },
    credentials: {
      async list() {
        const used = await uses();
        return (await credentials.list()).map((one) => {
          const usedBy = used.get(one.name) ?? [];
          return { ...one, usedBy, shared: usedBy.length > 1 };
        });
      },
      async set(name, credential, care) {
        await credentials.set(name, credential, care);
        await Promise.all(((await uses()).get(name) ?? []).map((address) => bmcs.renew(address)));
      },
      async apply(name, wanted, how) {
        const change = await credentials.apply(name, wanted, how);
        if (change.kind === 'changed' && !how.dryRun) {
          await Promise.all(((await uses()).get(name) ?? []).map((address) => bmcs.renew(address)));
        }
        return change;
      },
      remove: (name) => credentials.remove(name),
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** What an action on the power does not change. */
const healthOf = ({ health, identifying }: Partial<PowerReading> = {}) => ({
  ...(health === undefined ? {} : { health }),
  ...(identifying === undefined ? {} : { identifying }),
});

/** How a record says that its BMC has a password that nobody but us knows. */
const OWN = 'own';
