import { MACHINE_API_PORT } from '#machines/contract/agent.ts';
import { parseTalosVersion } from '#machines/os/talos/version.ts';
import type { MachineApiDefinition } from '#services/machine-api/definition.ts';
import { sure } from '../../values/parsed.ts';
import { nodeInventory } from '../node/node-inventory.ts';
import type { Nodes, TalosOptions } from '../node/nodes.ts';
import { disksOf, type ThinDisks } from '../node/thin-disks.ts';
import type { MachineSpec } from '../spec.ts';
import { talosDomains } from './clusters.ts';
import { rolledBack } from './decide/installed.ts';
import { isTalosLine } from './decide/kernel-line.ts';
import { PLAIN_SCHEMATIC, type Release, releaseIn } from './decide/release.ts';
import { liveTalos } from './life.ts';
import type { TalosFaults } from './decide/faults.ts';
import { TALOS_TIMES, type TalosBoot } from './machine.ts';
import { findSystemDisk, inTurn } from './system-disk.ts';

/** For an initramfs that says nothing: one that was not made for the rack. */
const UNKNOWN_RELEASE: Release = { version: sure(parseTalosVersion('v1.13.0')), schematic: PLAIN_SCHEMATIC };

/** The Talos of all machines of a rack: what they know of each other lives as long as the rack does. */
export function talosNodes(
  parts: TalosOptions & {
    readonly definition: MachineApiDefinition;
    readonly disksIn: (spec: MachineSpec) => Promise<ThinDisks>;
  },
): Pick<Nodes, 'isTalos' | 'runTalos' | 'runInstalledTalos'> {
  const { definition, disksIn, times = TALOS_TIMES, faults = (): TalosFaults => ({}) } = parts;
  const domains = talosDomains();

  const common = (spec: MachineSpec, disks: ThinDisks, signal: AbortSignal) =>
    ({
      spec,
      port: MACHINE_API_PORT,
      disks: inTurn(disks.attach(signal)),
      diskNames: disksOf(spec).map(({ name }) => name),
      readInventory: () => nodeInventory({ spec, disks, now: Date.now() }),
      domains,
      definition,
      times,
      faults: faults(spec),
    }) satisfies Partial<TalosBoot>;

  return {
    isTalos: isTalosLine,
    async runTalos({ spec, commandLine, initrds, address, print }, signal) {
      const disks = await disksIn(spec);
      const release = initrds.map(releaseIn).find((one) => one !== undefined) ?? UNKNOWN_RELEASE;
      return await liveTalos({ ...common(spec, disks, signal), commandLine, release, address, print }, signal);
    },
    async runInstalledTalos({ spec, address, print }, signal) {
      const disks = await disksIn(spec);
      const parted = common(spec, disks, signal);
      const system = await findSystemDisk(parted.disks, parted.diskNames);
      let boot = await system?.boot();
      const fallback = boot && rolledBack(boot);
      if (boot && fallback && parted.faults.cannotBoot?.(boot.entries[boot.next]?.version ?? '')) {
        print('Kernel panic - not syncing: the loader falls back to the other entry');
        await system?.setBoot(fallback);
        boot = fallback;
      }
      const entry = boot?.entries[boot.next];
      const version = parseTalosVersion(entry?.version ?? '');
      if (!boot || !entry || !version.ok) return undefined;
      const release = { version: version.value, schematic: entry.schematic };
      return await liveTalos({ ...parted, commandLine: boot.line, release, slot: boot.next, address, print }, signal);
    },
  };
}
