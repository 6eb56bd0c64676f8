import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import type { Machine } from '#machines/contract/machine.ts';
import type { BmcType, BmcVerb } from '#machines/contract/power.ts';
import type { BmcRecord, BmcStore } from '#services/store/contract.ts';
import type { Asks } from './asks.ts';
import { type BmcConnection, openConnection } from './connection.ts';
import { type BmcCredential, type BmcDriver, BmcError, type BmcObserver, type BmcTarget } from './contract.ts';
import type { Clock } from './clock.ts';
import type { Credentials } from './credentials.ts';
import { learnedFor } from './decide/quirks.ts';
import { openManual } from './manual.ts';
import { openTurns, type Turns } from './turns.ts';

/** How a machine's BMC is reached, by its document. */
export type MachineBmc = {
  readonly machine: string;
  readonly type: BmcType;
  /** As the document writes it; of Wake-on-LAN the MAC, of a person the machine's name. */
  readonly address: string;
  readonly credential?: string;
  readonly system?: string;
  readonly verbs?: readonly BmcVerb[];
};

/** How drivers of BMCs that answer over the network are opened. */
export type OpenNetworkBmc = (target: BmcTarget, observer: BmcObserver, signal: AbortSignal) => Promise<BmcDriver>;
export type Drivers = Readonly<Record<Exclude<BmcType, 'manual'>, OpenNetworkBmc>>;

export type Bmcs = AsyncDisposable & {
  connection(bmc: MachineBmc): BmcConnection;
  /** A driver of one's own, beside the queue: for consoles, and to try a credential. The caller disposes of it. */
  open(bmc: MachineBmc, signal: AbortSignal, credential?: BmcCredential): Promise<BmcDriver>;
  /** For its serial line, which Redfish has not: by IPMI at the same host, with the same credential. */
  openSerial(bmc: MachineBmc, signal: AbortSignal): Promise<BmcDriver>;
  record(address: string): BmcRecord | undefined;
  records(): readonly BmcRecord[];
  /** Durable when it resolves. What has not changed is not written. */
  change(bmc: Pick<MachineBmc, 'address' | 'type'>, change: (record: BmcRecord) => BmcRecord): Promise<BmcRecord>;
  forget(address: string): Promise<boolean>;
  /** Its credential, pin or address is another one: connections are opened anew. */
  renew(address: string): Promise<void>;
  /** How many requests are under way and wait, over all BMCs. */
  load(): { readonly inFlight: number; readonly waiting: number };
};

/** The BMC of a machine as its document says, with what is meant where it says nothing. */
export function bmcOf({ document }: Machine): MachineBmc | undefined {
  const { bmc, name, macs } = document;
  if (!bmc) return undefined;
  const usual = bmc.type === 'manual' ? name : bmc.type === 'wol' ? macs[0] : undefined;
  const address = bmc.address ?? usual;
  if (address === undefined) return undefined;
  return {
    machine: name,
    type: bmc.type,
    address,
    ...(bmc.credential === undefined ? {} : { credential: bmc.credential }),
    ...(bmc.system === undefined ? {} : { system: bmc.system }),
    ...(bmc.verbs === undefined ? {} : { verbs: bmc.verbs }),
  };
}

/** All BMCs that are known, what is known of each, and one connection to each that is used. */
export async function openBmcs(parts: {
  readonly store: BmcStore;
  readonly credentials: Credentials;
  readonly drivers: Drivers;
  readonly asks: Asks;
  readonly clock: Clock;
  readonly random: () => number;
  /** Requests in flight over all BMCs. */
  readonly atOnce?: number;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}): Promise<Bmcs> {
  const { store, credentials, drivers, asks, clock, random, log } = parts;
  const everywhere = openTurns(parts.atOnce ?? AT_ONCE);
  const records = new Map((await store.all()).map((record) => [record.address, record]));
  const connections = new Map<string, { readonly key: string; readonly connection: BmcConnection }>();
  const lanes = new Map<string, Turns>();
  const writes = new Map<string, Promise<unknown>>();

  const fresh = ({ address, type }: Pick<MachineBmc, 'address' | 'type'>): BmcRecord => ({
    address,
    type,
    learned: {},
  });

  function change(
    bmc: Pick<MachineBmc, 'address' | 'type'>,
    edit: (record: BmcRecord) => BmcRecord,
  ): Promise<BmcRecord> {
    const { address } = bmc;
    const work = async (): Promise<BmcRecord> => {
      const before = records.get(address);
      const after = edit(before ?? fresh(bmc));
      if (before && isDeepStrictEqual(before, after)) return before;
      await store.put(after);
      records.set(address, after);
      return after;
    };
    const result = (writes.get(address) ?? Promise.resolve()).then(work, work);
    const settled = result
      .catch(() => {})
      .finally(() => {
        if (writes.get(address) === settled) writes.delete(address);
      });
    writes.set(address, settled);
    return result;
  }

  function keep(bmc: MachineBmc, edit: (record: BmcRecord) => BmcRecord): void {
    change(bmc, edit).catch((err: unknown) =>
      log.error({ err, bmc: bmc.address }, 'what a BMC showed could not be kept'),
    );
  }

  const observer = (bmc: MachineBmc): BmcObserver => ({
    pinned({ sha256, subject }) {
      log.info(
        { machine: bmc.machine, bmc: bmc.address, sha256, subject },
        'the certificate of a BMC is pinned from now on',
      );
      keep(bmc, (record) => ({ ...record, pin: { sha256, subject, at: clock.now() } }));
    },
    learned(facts) {
      keep(bmc, (record) => ({ ...record, learned: { ...record.learned, ...facts } }));
    },
  });

  async function credentialFor({ address, credential, machine, type }: MachineBmc): Promise<BmcCredential | undefined> {
    if (type === 'wol') return undefined;
    const own = await credentials.own(address);
    if (own || credential === undefined) return own;
    const named = await credentials.get(credential);
    if (named) return named;
    // Nobody has refused it, so it counts for no lockout.
    throw new BmcError(
      'refused',
      `${machine}: there is no credential ${credential}: ingot bmc credentials set ${credential}`,
    );
  }

  async function open(bmc: MachineBmc, signal: AbortSignal, given?: BmcCredential): Promise<BmcDriver> {
    const { type, address, machine, system, verbs } = bmc;
    if (type === 'manual') return openManual({ machine, asks, now: () => clock.now() });
    const credential = given ?? (await credentialFor(bmc));
    signal.throwIfAborted();
    const record = records.get(address) ?? fresh(bmc);
    return await drivers[type](
      {
        type,
        address,
        machine,
        learned: learnedFor(record, [...records.values()]),
        ...(credential ? { credential } : {}),
        ...(system === undefined ? {} : { system }),
        ...(record.pin ? { pin: record.pin.sha256 } : {}),
        ...(verbs ? { verbs } : {}),
      },
      observer(bmc),
      signal,
    );
  }

  const laneOf = (address: string): Turns => {
    const lane = lanes.get(address) ?? openTurns(1);
    lanes.set(address, lane);
    return lane;
  };

  function connectionTo(bmc: MachineBmc): BmcConnection {
    // A chassis that holds several systems has one BMC, and so one queue.
    const place = `${bmc.address}\0${bmc.system ?? ''}\0${bmc.machine}`;
    const key = JSON.stringify(bmc);
    const known = connections.get(place);
    if (known?.key === key) return known.connection;
    if (known) void known.connection[Symbol.asyncDispose]();
    const connection = openConnection({
      address: bmc.address,
      open: (signal) => open(bmc, signal),
      lane: laneOf(bmc.address),
      everywhere,
      clock,
      random,
    });
    connections.set(place, { key, connection });
    return connection;
  }

  /** What the Redfish service says of IPMI at the same host. Undefined, too, where it cannot be asked just now. */
  async function serialPortOf(bmc: MachineBmc, signal: AbortSignal): Promise<number | undefined> {
    try {
      return await connectionTo(bmc).ask(
        { urgency: 'command', deadlineMs: SERIAL_PORT_MS, signal },
        async (driver, within) => await driver.serialPort?.(within),
      );
    } catch (error) {
      if (signal.aborted || (error instanceof BmcError && error.code === 'not-supported')) throw error;
      return undefined;
    }
  }

  return {
    connection: connectionTo,
    open,
    async openSerial(bmc, signal) {
      if (bmc.type !== 'redfish') return await open(bmc, signal);
      const credential = await credentialFor(bmc);
      const port = await serialPortOf(bmc, signal);
      const { hostname } = new URL(bmc.address);
      const target = {
        type: 'ipmi',
        address: port === undefined ? hostname : `${hostname}:${port}`,
        ...(credential ? { credential } : {}),
      } as const;
      return await drivers.ipmi(target, {}, signal);
    },
    record: (address) => records.get(address),
    records: () => [...records.values()],
    change,
    async forget(address) {
      records.delete(address);
      return await store.remove(address);
    },
    async renew(address) {
      const theirs = [...connections].filter(([place]) => place.startsWith(`${address}\0`));
      await Promise.all(theirs.map(([, { connection }]) => connection.renew()));
    },
    load: () => ({ inFlight: everywhere.taken(), waiting: everywhere.waiting() }),
    async [Symbol.asyncDispose]() {
      await Promise.all([...connections.values()].map(({ connection }) => connection[Symbol.asyncDispose]()));
      connections.clear();
      await Promise.all(writes.values());
    },
  };
}

/** Logging in and two reads; a console waits no longer for a BMC that is slow. */
const SERIAL_PORT_MS = 15_000;

/** ironic and MAAS ask eight and five at once; ours are datagrams and short requests. */
const AT_ONCE = 48;
