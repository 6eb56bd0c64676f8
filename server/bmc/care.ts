import type { Logger } from 'pino';
import type { Inventory } from '#machines/contract/inventory.ts';
import type { BmcIdentity } from '#machines/contract/power.ts';
import type { Bmcs, MachineBmc } from '#services/bmc/bmcs.ts';
import type { Clock } from '#services/bmc/clock.ts';
import { BmcError } from '#services/bmc/contract.ts';
import { proofOf } from '#services/bmc/decide/proof.ts';
import { openTurns } from '#services/bmc/turns.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { Store } from '#services/store/contract.ts';

/** A day: boards are changed by hand, and an inventory is a hundred requests. */
const INVENTORY_EVERY_MS = 24 * 60 * 60_000;
/** A BMC that is not proven yet is asked who it is again: its machine may have shown itself meanwhile. */
const IDENTITY_EVERY_MS = 10 * 60_000;
const AT_ONCE = 4;
const IDENTITY_MS = 30_000;
const INVENTORY_MS = 180_000;

/**
 * What is read of a BMC now and then besides its power: who it is, and what its machine is made of. Reading needs no
 * proof; what it says is joined to the machine whose document names it, and contradictions are shown, never merged.
 */
export type Care = {
  /** After a poll that was answered. Asks only where something is due; never rejects. */
  visit(bmc: MachineBmc, signal: AbortSignal): Promise<void>;
  keep(bmc: MachineBmc, identity: BmcIdentity, inventory: Inventory | undefined): Promise<void>;
};

export function openCare(parts: {
  readonly bmcs: Bmcs;
  readonly store: Pick<Store, 'inventories'>;
  readonly registry: Pick<Registry, 'machine' | 'note'>;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
}): Care {
  const { bmcs, store, registry, clock, log } = parts;
  const turns = openTurns(AT_ONCE);
  const visited = new Map<string, { identityAt: number; inventoryAt: number | undefined; busy: boolean }>();

  async function keep(bmc: MachineBmc, identity: BmcIdentity, inventory: Inventory | undefined): Promise<void> {
    const { machine: name } = bmc;
    const machine = registry.machine(name);
    if (!machine) return;
    const proof = proofOf(identity, machine);
    const before = bmcs.record(bmc.address)?.proven;
    await bmcs.change(bmc, ({ proven, ...record }) => ({
      ...record,
      identity,
      seenAt: clock.now(),
      ...(proof.kind === 'proven'
        ? {
            proven:
              before?.by === proof.by && before.machine === name
                ? before
                : { machine: name, by: proof.by, at: clock.now() },
          }
        : {}),
      // What was proven otherwise (a nonce) stands until something contradicts it.
      ...(proof.kind === 'unknown' && proven?.machine === name ? { proven } : {}),
    }));
    if (proof.kind === 'proven' && before?.machine !== name) {
      log.info({ machine: name, bmc: bmc.address, by: proof.by }, 'a BMC is proven to be a machine’s');
    }
    const conflict = proof.kind === 'contradicts' ? proof.because : 'none';
    const known = machine.facts['bmc.conflict']?.value;
    if (conflict !== (known ?? 'none')) {
      registry.note(name, { 'bmc.conflict': conflict }, 'bmc', clock.now());
      if (proof.kind === 'contradicts') log.warn({ machine: name, bmc: bmc.address }, `identity conflict: ${conflict}`);
    }
    if (!inventory) return;
    await store.inventories.put(name, inventory);
    // A BMC that is another machine's tells nothing about this one.
    if (proof.kind !== 'contradicts') registry.note(name, factsOf(inventory), 'bmc', inventory.at);
  }

  async function look(bmc: MachineBmc, wants: { readonly inventory: boolean }, signal: AbortSignal): Promise<void> {
    using _turn = await turns.take('poll', signal);
    const connection = bmcs.connection(bmc);
    const how = (deadlineMs: number) => ({ urgency: 'poll', deadlineMs, signal }) as const;
    const identity = await connection.ask(how(IDENTITY_MS), (driver, inner) => driver.identity(inner));
    const inventory = wants.inventory
      ? await connection.ask(how(INVENTORY_MS), async (driver, inner) =>
          driver.verbs.has('inventory') ? await driver.inventory(inner) : undefined,
        )
      : undefined;
    await keep(bmc, identity, inventory);
  }

  return {
    keep,
    async visit(bmc, signal) {
      if (bmc.type !== 'redfish' && bmc.type !== 'ipmi') return;
      const place = visited.get(bmc.machine) ?? {
        identityAt: Number.NEGATIVE_INFINITY,
        inventoryAt: undefined,
        busy: false,
      };
      visited.set(bmc.machine, place);
      if (place.busy) return;
      const now = clock.now();
      place.busy = true;
      try {
        // The store knows what an earlier daemon has read.
        place.inventoryAt ??=
          (await store.inventories.latest(bmc.machine)).find(({ source }) => source === 'bmc')?.at ?? 0;
        const inventory = now - place.inventoryAt >= INVENTORY_EVERY_MS;
        const isProven = bmcs.record(bmc.address)?.proven?.machine === bmc.machine;
        const identity = !isProven && now - place.identityAt >= IDENTITY_EVERY_MS;
        if (!inventory && !identity) return;
        place.identityAt = now;
        if (inventory) place.inventoryAt = now;
        await look(bmc, { inventory }, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof BmcError)
          log.info({ machine: bmc.machine, code: error.code }, `its BMC told nothing of itself: ${error.message}`);
        else log.error({ err: error, machine: bmc.machine }, 'what a BMC told could not be kept');
      } finally {
        place.busy = false;
      }
    },
  };
}

/** What machines are chosen by. */
function factsOf({ system, gpus, memory, processors, disks }: Inventory): Readonly<Record<string, string | number>> {
  const cores = processors.reduce((sum, { cores: own = 0 }) => sum + own, 0);
  return {
    ...(system.manufacturer === undefined ? {} : { manufacturer: system.manufacturer }),
    ...(system.product === undefined ? {} : { product: system.product }),
    'gpu.count': gpus.length,
    ...(memory ? { 'memory.gib': Math.round(memory.totalBytes / 2 ** 30) } : {}),
    ...(cores > 0 ? { 'cpu.cores': cores } : {}),
    'disk.count': disks.length,
  };
}
