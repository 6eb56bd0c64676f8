import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Document, DocumentKind, MachineDocument, SubnetDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { afterAction, mayDo } from '#machines/decide/actions.ts';
import { classOf } from '#machines/decide/classes.ts';
import { conflictsOf, DIFFERENCE_FACT } from '#machines/decide/inspection.ts';
import { isMachineMac, type MacAddress } from '#machines/values/mac-address.ts';
import type { Conflict, Store, StoredDocument } from '#services/store/contract.ts';
import { BUILT_IN_PROFILES } from './built-in.ts';
import type { Change, Outcome, Registry, RegistryChange, Sighting } from './contract.ts';
import { grantTable, REFETCH_MS } from './grants.ts';
import { machineIndex } from './machine-index.ts';
import { subnetDisagreement, usersOf, wrongReference } from './references.ts';
import {
  CONFLICT_FACT,
  disputed,
  strangerOf,
  undisputed,
  withFacts,
  withInspection,
  withSighting,
} from './sightings.ts';

/** Machines that nobody accepted: so many at once, and forgotten after a day without a sign of them. */
const MAX_STRANGERS = 1000;
const STRANGER_MS = 24 * 3600_000;
const FORGET_EVERY_MS = 60_000;
/** Sightings are written together; what a power cut loses of them is seen again. */
const WRITE_SIGHTINGS_MS = 500;
/** So many at once: a lease that comes in between waits for no more of them. */
const SIGHTINGS_AT_ONCE = 100;

const keyOf = (kind: DocumentKind, name: string): string => `${kind} ${name}`;
const done = <T>(value: T): Outcome<T> => ({ kind: 'done', value });
const missing = (what: string): Outcome<never> => ({ kind: 'not-found', what });

/**
 * Reads everything there is to know into memory. Changes go through one after another, to the store first.
 *
 * Disposing writes the sightings that wait; the store stays open, it is its opener's to close.
 */
export async function openRegistry(parts: {
  readonly store: Pick<Store, 'machines' | 'documents' | 'grants' | 'inventories'>;
  readonly site: string;
  readonly configSubnets: readonly SubnetDocument[];
  readonly now: () => number;
  readonly log: Pick<Logger, 'error' | 'info' | 'warn'>;
}): Promise<Registry & AsyncDisposable> {
  const { store, site, now, log } = parts;
  const machines = machineIndex();
  for (const machine of await store.machines.all()) machines.set(machine);
  const documents = new Map<string, StoredDocument>();
  for (const document of [...parts.configSubnets, ...BUILT_IN_PROFILES])
    documents.set(keyOf(document.kind, document.name), { document, rev: 0 });
  const fixed = new Set(documents.keys());
  let configured = parts.configSubnets;
  for (const entry of await store.documents.all()) {
    const key = keyOf(entry.document.kind, entry.document.name);
    if (!fixed.has(key)) documents.set(key, entry);
  }
  rejectSameSubnet(parts.configSubnets, documents);
  const failed = (err: unknown, what: string): void => log.error({ err }, `${what} could not be stored`);
  const grants = grantTable({
    store: store.grants,
    recent: await store.grants.recent(now() - REFETCH_MS),
    now,
    failed,
  });
  const listeners = new Set<(change: RegistryChange) => void>();
  const unwritten = new Set<string>();
  let byKind = new Map<DocumentKind, readonly StoredDocument[]>();
  let classList: Registry['classes'] extends () => infer T ? T | undefined : never;
  let strangers = machines.all().filter(({ acceptance }) => acceptance === 'seen').length;
  let forgotAt = Number.NEGATIVE_INFINITY;
  let last: Promise<unknown> = Promise.resolve();
  let writing: Promise<void> = Promise.resolve();
  let isFailing = false;

  /** One change at a time, so that memory and store take them in the same order. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work, work);
    last = result.catch(() => {});
    return result;
  }

  function tell(change: RegistryChange): void {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch (err) {
        log.error({ err }, 'a listener of the registry failed');
      }
    }
  }

  function setMachine(machine: Machine): void {
    const before = machines.get(machine.document.name);
    strangers += Number(machine.acceptance === 'seen') - Number(before?.acceptance === 'seen');
    machines.set(machine);
    tell({ kind: 'machine', name: machine.document.name, machine });
  }

  function dropMachine(machine: Machine): void {
    strangers -= Number(machine.acceptance === 'seen');
    machines.remove(machine.document.name);
    tell({ kind: 'machine', name: machine.document.name, machine: undefined });
  }

  const ofKind = (kind: DocumentKind): readonly StoredDocument[] => {
    const known = byKind.get(kind);
    if (known) return known;
    const found = [...documents.values()].filter(({ document }) => document.kind === kind);
    byKind.set(kind, found);
    return found;
  };

  function setDocument(kind: DocumentKind, name: string, entry: StoredDocument | undefined): void {
    if (entry) documents.set(keyOf(kind, name), entry);
    else documents.delete(keyOf(kind, name));
    byKind = new Map();
    classList = undefined;
    tell({ kind: 'document', documentKind: kind, name, document: entry?.document });
  }

  /** Intent of a machine; the store counts its rev up. */
  async function storeMachine(next: Machine, expected: number): Promise<Outcome<Machine>> {
    const stored = await store.machines.put(next, expected);
    if (stored.kind !== 'stored') return stored;
    // What was seen of it meanwhile is in memory only.
    const seen = machines.get(next.document.name);
    const { rev } = stored.value;
    const machine = seen ? { ...next, identifiers: seen.identifiers, facts: seen.facts, rev } : { ...next, rev };
    setMachine(machine);
    return done(machine);
  }

  function collision({ name, macs, address }: MachineDocument): Conflict | undefined {
    for (const mac of macs) {
      const holder = machines.ofMac(mac);
      if (
        holder &&
        holder.document.name !== name &&
        holder.acceptance !== 'seen' &&
        holder.document.macs.includes(mac)
      ) {
        return { kind: 'exists', what: `MAC ${mac}`, holder: holder.document.name };
      }
    }
    const holder = address === undefined ? undefined : machines.ofAddress(address);
    if (holder && holder.document.name !== name)
      return { kind: 'exists', what: `address ${address}`, holder: holder.document.name };
    return undefined;
  }

  /** Records made at first sight whose MACs the document names: they were this machine all along. */
  async function absorb(document: MachineDocument): Promise<readonly Machine[]> {
    const seen = new Set(document.macs.flatMap((mac) => machines.ofMac(mac) ?? []));
    const absorbed = [...seen].filter((one) => one.acceptance === 'seen' && one.document.name !== document.name);
    for (const one of absorbed) {
      await store.machines.remove(one.document.name);
      dropMachine(one);
      // What the agent told of it is told of the machine that it turned out to be.
      await store.inventories.move(one.document.name, document.name);
      await grants.forget(one.document.name);
    }
    return absorbed;
  }

  async function putMachine(
    document: MachineDocument,
    by: Change,
  ): Promise<Outcome<{ rev: number; change: 'created' | 'changed' | 'unchanged' }>> {
    const before = machines.get(document.name);
    const rev = before?.rev ?? 0;
    if (by.expected !== undefined && by.expected !== rev) return { kind: 'stale', rev };
    const taken = collision(document);
    if (taken) return taken;
    const appliedFrom = by.appliedFrom ?? before?.appliedFrom;
    const acceptance = before?.acceptance === 'rejected' ? 'rejected' : 'accepted';
    const same =
      before?.appliedFrom === appliedFrom &&
      before?.acceptance === acceptance &&
      isDeepStrictEqual(before.document, document);
    if (same) return done({ rev, change: 'unchanged' });
    const absorbed = await absorb(document);
    const base = before ?? absorbed[0];
    const next: Machine = {
      document,
      acceptance,
      service: before?.service ?? 'none',
      locked: before?.locked ?? false,
      identifiers: base?.identifiers ?? { macs: [], uuids: [], serials: [] },
      facts: Object.assign({}, ...absorbed.map(({ facts }) => facts), before?.facts),
      ...(base?.firstSeen === undefined ? {} : { firstSeen: base.firstSeen }),
      ...(base?.lastSeen === undefined ? {} : { lastSeen: base.lastSeen }),
      ...(appliedFrom === undefined ? {} : { appliedFrom }),
      rev,
    };
    const stored = await storeMachine(next, rev);
    return stored.kind === 'done' ? done({ rev: stored.value.rev, change: before ? 'changed' : 'created' }) : stored;
  }

  async function putDocument(
    document: Exclude<Document, { kind: 'Machine' }>,
    by: Change,
  ): Promise<Outcome<{ rev: number; change: 'created' | 'changed' | 'unchanged' }>> {
    const key = keyOf(document.kind, document.name);
    const before = documents.get(key);
    if (fixed.has(key)) {
      if (before && isDeepStrictEqual(before.document, document)) return done({ rev: 0, change: 'unchanged' });
      return readOnly(document.kind, document.name);
    }
    const rev = before?.rev ?? 0;
    if (by.expected !== undefined && by.expected !== rev) return { kind: 'stale', rev };
    const appliedFrom = by.appliedFrom ?? before?.appliedFrom;
    if (before?.appliedFrom === appliedFrom && isDeepStrictEqual(before?.document, document))
      return done({ rev, change: 'unchanged' });
    const stored = await store.documents.put({ document, ...(appliedFrom === undefined ? {} : { appliedFrom }) }, rev);
    if (stored.kind !== 'stored') return stored;
    setDocument(document.kind, document.name, stored.value);
    if (document.kind === 'Class') for (const machine of machines.all()) acceptByClass(machine);
    return done({ rev: stored.value.rev, change: before ? 'changed' : 'created' });
  }

  async function act(name: string, action: Parameters<Registry['act']>[1], by: Change): Promise<Outcome<Machine>> {
    const machine = machines.get(name);
    if (!machine) return missing(`machine ${name}`);
    if (by.expected !== undefined && by.expected !== machine.rev) return { kind: 'stale', rev: machine.rev };
    const allowed = mayDo(action, machine);
    if (allowed.kind === 'refused') return allowed;
    const after = afterAction(action, machine);
    return isDeepStrictEqual(after, machine) ? done(machine) : await storeMachine(after, machine.rev);
  }

  function acceptByClass(machine: Machine): void {
    // Which machine it is, a person must say first.
    if (Object.hasOwn(machine.facts, DIFFERENCE_FACT)) return;
    if (machine.acceptance !== 'seen' || classOf(machine, registry.classes())?.accept !== true) return;
    const { name } = machine.document;
    inTurn(() => act(name, 'accept', { who: 'class' })).catch((error: unknown) => failed(error, `machine ${name}`));
  }

  /** Strangers of whom nothing was heard for a day. Looked for now and then: a flood of new MACs must not pay for it. */
  function forgetStrangers(at: number): void {
    if (at - forgotAt < FORGET_EVERY_MS) return;
    forgotAt = at;
    for (const machine of machines.all()) {
      if (machine.acceptance !== 'seen' || at - (machine.lastSeen ?? 0) < STRANGER_MS) continue;
      const { name } = machine.document;
      dropMachine(machine);
      inTurn(async () => {
        await store.machines.remove(name);
        await store.inventories.remove(name);
      }).catch((error: unknown) => failed(error, `machine ${name}`));
    }
  }

  function roomForStranger(at: number): boolean {
    if (strangers >= MAX_STRANGERS) forgetStrangers(at);
    return strangers < MAX_STRANGERS;
  }

  /** Who has the MAC is served by it; what contradicts that is shown, and joins nothing. */
  function recognise(shown: Sighting): { readonly sighting: Sighting; readonly known: Machine | undefined } {
    const owner = machines.ofMac(shown.mac);
    if (owner && shown.uuid === undefined && shown.serial === undefined) return { sighting: shown, known: owner };
    const found = machines.identify(shown);
    switch (found.kind) {
      case 'match': {
        const machine = machines.get(found.name);
        return { sighting: shown, known: machine && undisputed(machine) };
      }
      case 'new':
        return { sighting: shown, known: meet(shown) };
      case 'conflict': {
        const sighting = disputed(shown, found.because);
        const known = owner ?? meet(sighting);
        if (known?.facts[CONFLICT_FACT]?.value !== found.because) {
          log.warn({ machine: known?.document.name, mac: shown.mac }, `identity conflict: ${found.because}`);
        }
        return { sighting, known };
      }
      default:
        return found satisfies never;
    }
  }

  function meet(sighting: Sighting): Machine | undefined {
    if (!isMachineMac(sighting.mac) || !roomForStranger(sighting.at)) return undefined;
    const stranger = withSighting(strangerOf(sighting, site, freeName(sighting.mac)), sighting);
    setMachine({ ...stranger, rev: 1 });
    const { name } = stranger.document;
    inTurn(() => store.machines.put(stranger, 0)).catch((error: unknown) => {
      failed(error, `machine ${name}`);
      // What the store does not know cannot be changed later: forgotten, its next packet is its first again.
      const unstored = machines.get(name);
      if (unstored?.acceptance === 'seen') dropMachine(unstored);
    });
    log.info({ machine: name, mac: sighting.mac }, 'a machine was seen for the first time');
    acceptByClass(stranger);
    return machines.get(name);
  }

  /** An operator may have given the name of one MAC to a machine that has others. */
  function freeName(mac: MacAddress): string {
    const name = `m-${mac.replaceAll(':', '')}`;
    let free = name;
    for (let number = 2; machines.get(free); number++) free = `${name}-${number}`;
    return free;
  }

  async function writeSightings(): Promise<void> {
    const names = [...unwritten];
    unwritten.clear();
    try {
      while (names.length > 0) {
        const some = names.slice(0, SIGHTINGS_AT_ONCE).flatMap((name) => machines.get(name) ?? []);
        await Promise.all(some.map((machine) => store.machines.observe(machine)));
        names.splice(0, SIGHTINGS_AT_ONCE);
      }
      isFailing = false;
    } catch (error) {
      for (const name of names) unwritten.add(name);
      if (!isFailing) failed(error, 'what was seen of machines');
      isFailing = true;
    }
  }
  const timer = setInterval(() => {
    forgetStrangers(now());
    if (unwritten.size > 0) writing = writing.then(writeSightings);
  }, WRITE_SIGHTINGS_MS);
  timer.unref();

  const registry: Registry & AsyncDisposable = {
    machineByMac: (mac) => machines.ofMac(mac),
    machineByIdentifier: (identifier) => machines.ofIdentifier(identifier),
    machine: (name) => machines.get(name),
    machines: () => machines.all(),
    profile(name) {
      const found = documents.get(keyOf('Profile', name))?.document;
      return found?.kind === 'Profile' ? found : undefined;
    },
    classes: () =>
      (classList ??= ofKind('Class')
        .flatMap(({ document }) => (document.kind === 'Class' ? [document] : []))
        .sort((a, b) => b.priority - a.priority || a.name.localeCompare(b.name))),
    image(name) {
      const found = documents.get(keyOf('Image', name))?.document;
      return found?.kind === 'Image' ? found : undefined;
    },
    network(name) {
      const found = documents.get(keyOf('Network', name))?.document;
      return found?.kind === 'Network' ? found : undefined;
    },
    cluster(name) {
      const found = documents.get(keyOf('Cluster', name))?.document;
      return found?.kind === 'Cluster' ? found : undefined;
    },
    clusterOf(machine) {
      for (const { document } of ofKind('Cluster')) {
        if (document.kind !== 'Cluster') continue;
        if (document.controlPlane.includes(machine) || document.workers.includes(machine)) return document;
      }
      return undefined;
    },
    subnets: () => ofKind('Subnet').flatMap(({ document }) => (document.kind === 'Subnet' ? [document] : [])),
    documents: ofKind,
    machineByReservation: (address) => machines.ofAddress(address),

    observe(shown) {
      const { sighting, known } = recognise(shown);
      if (!known) return undefined;
      const changed = withSighting(known, sighting);
      const machine = {
        ...changed,
        firstSeen: changed.firstSeen ?? sighting.at,
        lastSeen: Math.max(sighting.at, changed.lastSeen ?? 0),
      };
      unwritten.add(machine.document.name);
      if (changed === machines.get(machine.document.name)) machines.set(machine);
      else {
        setMachine(machine);
        acceptByClass(machine);
      }
      return machine;
    },

    note(name, facts, source, at) {
      const machine = machines.get(name);
      const changed = machine && withFacts(machine, { facts, source, at });
      if (!changed || changed === machine) return;
      unwritten.add(name);
      setMachine(changed);
      acceptByClass(changed);
    },

    inspected(name, shown, facts, at) {
      const machine = machines.get(name);
      if (!machine) return [];
      const conflicts = conflictsOf(machine, shown, machines.sharing(shown));
      const isOthers = (mac: MacAddress): boolean => (machines.ofMac(mac)?.document.name ?? name) !== name;
      const changed = withInspection(machine, { shown, conflicts, isOthers, facts, at });
      if (changed !== machine) {
        unwritten.add(name);
        setMachine(changed);
        acceptByClass(changed);
      }
      return conflicts;
    },

    grantFor: (machine, attempt, at) => grants.usable(machine, attempt, at),
    grant: ({ machine: name, profile: profileName, by, isPlanned = false }) =>
      inTurn(async () => {
        const machine = machines.get(name);
        if (!machine) return missing(`machine ${name}`);
        const profile = registry.profile(profileName);
        if (!profile) return missing(`profile ${profileName}`);
        // The agent writes no disk of itself, so that also what nobody has accepted may be looked at.
        const allowed = mayDo(profile.os === 'agent' ? 'inspect' : 'netboot', machine);
        if (allowed.kind === 'refused') return allowed;
        if (profile.os === 'disk') {
          return {
            kind: 'refused',
            because: `profile ${profileName} is the machine's own disk, which needs no grant`,
            next: 'power it on',
          };
        }
        if (profile.writes === 'planned' && !isPlanned) {
          const because = `profile ${profileName} may write disks, so a grant alone is not enough`;
          return { kind: 'refused', because, next: 'if it does not write any, say writes: none in the profile' };
        }
        const grant = {
          id: randomBytes(9).toString('base64url'),
          machine: name,
          profile: profileName,
          createdAt: now(),
          by,
        };
        await grants.add(grant);
        tell({ kind: 'grant', grant });
        return done(grant);
      }),
    useGrant: (id, attempt) => grants.use(id, attempt),
    async spendGrant(id, attempt) {
      const grant = await grants.spend(id, attempt);
      if (grant) tell({ kind: 'grant', grant });
    },
    voidGrants: () => inTurn(() => grants.voidAll()),
    configure: (subnets) =>
      inTurn(async () => {
        const others = new Map(
          [...documents].filter(([key, { document }]) => document.kind !== 'Subnet' || !fixed.has(key)),
        );
        rejectSameSubnet(subnets, others);
        for (const { name } of configured) {
          fixed.delete(keyOf('Subnet', name));
          setDocument('Subnet', name, undefined);
        }
        for (const document of subnets) {
          fixed.add(keyOf('Subnet', document.name));
          setDocument('Subnet', document.name, { document, rev: 0 });
        }
        configured = subnets;
      }),

    put: (document, by) =>
      inTurn(async () => {
        const wrong = wrongReference(document, registry);
        if (wrong) return { kind: 'invalid', ...wrong };
        return document.kind === 'Machine' ? await putMachine(document, by) : await putDocument(document, by);
      }),
    remove: (kind, name, by) =>
      inTurn(async () => {
        if (fixed.has(keyOf(kind, name))) return readOnly(kind, name);
        if (kind === 'Machine') {
          const machine = machines.get(name);
          if (!machine) return missing(`machine ${name}`);
          const allowed = mayDo('remove', machine);
          if (allowed.kind === 'refused') return allowed;
          const cluster = registry.clusterOf(name);
          if (cluster) {
            const because = `machine ${name} is of cluster ${cluster.name}`;
            return { kind: 'refused', because, next: `ingot edit cluster ${cluster.name}` };
          }
          const removed = await store.machines.remove(name, by.expected);
          if (typeof removed === 'object') return removed;
          dropMachine(machine);
          await store.inventories.remove(name);
          await grants.forget(name);
          return done(undefined);
        }
        const users = kind === 'Profile' || kind === 'Image' || kind === 'Network' ? usersOf(kind, name, registry) : [];
        if (users.length > 0) {
          const some = users.slice(0, 3).join(', ') + (users.length > 3 ? ` and ${users.length - 3} more` : '');
          return {
            kind: 'refused',
            because: `${kind.toLowerCase()} ${name} is used by ${some}`,
            next: 'change them first',
          };
        }
        const removed = await store.documents.remove(kind, name, by.expected);
        if (typeof removed === 'object') return removed;
        if (!removed) return missing(`${kind.toLowerCase()} ${name}`);
        setDocument(kind, name, undefined);
        return done(undefined);
      }),
    replace: (name, by, document, seen) =>
      inTurn(async () => {
        const [old, other] = [machines.get(name), machines.get(by)];
        if (!old || !other) return missing(`machine ${old ? by : name}`);
        if (old.rev !== seen.rev) return { kind: 'stale', rev: old.rev };
        if (other.rev !== seen.byRev) return { kind: 'stale', rev: other.rev };
        // First: a MAC is in one document at a time. After a power cut in between it is seen again, and this asked again.
        await store.machines.remove(by);
        dropMachine(other);
        await grants.forget(by);
        await grants.forget(name);
        const { firstSeen: _first, lastSeen: _last, ...before } = old;
        const next: Machine = {
          ...before,
          document,
          identifiers: other.identifiers,
          facts: other.facts,
          ...(other.firstSeen === undefined ? {} : { firstSeen: other.firstSeen }),
          ...(other.lastSeen === undefined ? {} : { lastSeen: other.lastSeen }),
        };
        const stored = await store.machines.put(next, old.rev);
        if (stored.kind !== 'stored') return stored;
        const machine = { ...next, rev: stored.value.rev };
        setMachine(machine);
        log.info({ machine: name, by }, 'other hardware has taken the place of a machine');
        return done(machine);
      }),
    act: (name, action, by) => inTurn(() => act(name, action, by)),
    watch(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await last;
      await writing;
      await writeSightings();
    },
  };
  return registry;
}

function readOnly(kind: DocumentKind, name: string): Outcome<never> {
  const what = `${kind.toLowerCase()} ${name}`;
  return kind === 'Subnet'
    ? { kind: 'refused', because: `${what} stands in the configuration file`, next: 'change it there' }
    : { kind: 'refused', because: `${what} is built in`, next: 'use another name' };
}

/** Subnets of the file and of the API are one set. The file cannot be changed by us, so a person must choose. */
function rejectSameSubnet(configured: readonly SubnetDocument[], documents: ReadonlyMap<string, StoredDocument>): void {
  for (const { document } of documents.values()) {
    if (document.kind !== 'Subnet' || configured.includes(document)) continue;
    const wrong = subnetDisagreement(document, configured);
    if (wrong?.path !== 'cidr') continue;
    throw new Error(
      `subnet ${document.name}, which was added over the API, ${wrong.because}, which stands in the configuration file: take that out, start again and run: ingot delete subnet ${document.name}`,
    );
  }
}
