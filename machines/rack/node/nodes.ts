import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { openAgent } from '#machines/agent/agent.ts';
import { folderHost } from '#machines/agent/folder-host.ts';
import { openJournal } from '#machines/agent/journal.ts';
import { logText } from '#machines/agent/log.ts';
import { networkOn } from '#machines/agent/network.ts';
import { BOOT_TOKEN_FILE, MACHINE_API_PORT, RESCUE_ARGUMENT } from '#machines/contract/agent.ts';
import type { MachineApiDefinition } from '#services/machine-api/definition.ts';
import { decodeNewc } from '#services/images/wire/newc.ts';
import type { Ipv4 } from '../../values/ip-address.ts';
import { rackHardware } from '../bmc/hardware.ts';
import { freePort } from '../free-port.ts';
import type { MachineSpec } from '../spec.ts';
import { isInstaller, runInstaller } from './installer.ts';
import { nodeInventory } from './node-inventory.ts';
import { talosNodes } from '../talos/talos-nodes.ts';
import type { TalosFaults } from '../talos/decide/faults.ts';
import type { TalosTimes } from '../talos/machine.ts';
import type { Ending } from '../talos/sequencer.ts';
import { openThinDisks, type ThinDisks } from './thin-disks.ts';

/** What a machine of the rack has besides its firmware: disks that outlive the process, and the agent that uses them. */
export type Nodes = {
  /** Whether a kernel with this command line is the agent's. */
  isAgent(commandLine: string): boolean;
  /** One life of the agent, until it ends the boot. Rejects with the signal's reason when the power is taken away. */
  run(boot: NodeBoot, signal: AbortSignal): Promise<'reboot' | 'shutdown'>;
  /** Whether a kernel with this command line is a network installer’s. */
  isInstaller(commandLine: string): boolean;
  /** It installs, or waits for a person until the power is taken away, and rejects then. */
  runInstaller(boot: NodeBoot, signal: AbortSignal): Promise<'reboot'>;
  /** Its own disk holds something that firmware would start. */
  isBootable(spec: MachineSpec): Promise<boolean>;
  /** Whether a kernel with this command line is Talos'. */
  isTalos(commandLine: string): boolean;
  /** One life of a Talos that was netbooted, until it ends the boot. Rejects as `run` does. */
  runTalos(boot: NodeBoot, signal: AbortSignal): Promise<Ending>;
  /** The same of the Talos on its own disk; undefined at once where another system is on it. */
  runInstalledTalos(boot: InstalledBoot, signal: AbortSignal): Promise<Ending | undefined>;
};

/** What firmware has left in memory, and where the machine is on the network. */
export type NodeBoot = {
  readonly spec: MachineSpec;
  readonly commandLine: string;
  readonly initrds: readonly Uint8Array[];
  readonly address: Ipv4;
  readonly print: (line: string) => void;
};

export type InstalledBoot = Pick<NodeBoot, 'spec' | 'address' | 'print'>;

/** Talos on the machines of a rack. */
export type TalosOptions = {
  readonly times?: TalosTimes;
  readonly faults?: (spec: MachineSpec) => TalosFaults;
};

/** `dir` gets a folder for each machine when it is first needed. */
export function simulatedNodes(parts: {
  readonly dir: string;
  readonly definition: MachineApiDefinition;
  readonly talos?: TalosOptions;
}): Nodes {
  const { dir, definition } = parts;
  const talos = talosNodes({ ...parts.talos, definition, disksIn: (spec) => disksIn(spec) });
  const disksIn = (spec: MachineSpec): Promise<ThinDisks> =>
    openThinDisks({ dir: join(dir, spec.name, 'disks'), spec });

  return {
    ...talos,
    // The agent’s image gives a shell instead of the agent where it is told so.
    isAgent: (commandLine) =>
      /(?:^| )ingot\.url=/.test(commandLine) && !commandLine.split(' ').includes(RESCUE_ARGUMENT),
    isBootable: async (spec) => (await disksIn(spec)).isBootable(),
    isInstaller,
    runInstaller: async (boot, signal) => runInstaller(boot, await disksIn(boot.spec), signal),
    async run({ spec, commandLine, initrds, address, print }, signal) {
      const root = join(dir, spec.name, 'root');
      await put(root, '/proc/cmdline', `${commandLine}\n`);
      await put(root, BOOT_TOKEN_FILE, tokenIn(initrds));
      const disks = await disksIn(spec);
      const { promise: ends, resolve } = Promise.withResolvers<'reboot' | 'shutdown'>();
      const kernel = openJournal<string>(100);
      kernel.push(`6,0,0,-;Command line: ${commandLine}`);
      const host = folderHost({
        root,
        kernel,
        poweredOnAt: performance.now(),
        addresses: () => [{ link: LINK, address, prefixLength: 16, family: 'inet4' }],
        restart: async (how) => resolve(how),
      });
      const stop = new AbortController();
      const power = AbortSignal.any([signal, stop.signal]);
      const agent = openAgent({
        host,
        definition,
        bringUp: networkOn(LINK),
        readIdentity: async () => ({
          macs: rackHardware(spec).nics.map(({ mac }) => mac),
          uuid: spec.uuid,
          serial: spec.serial,
        }),
        readInventory: () => nodeInventory({ spec, disks, now: host.now() }),
        disks: disks.attach(power),
        print: (line) => print(logText(line)),
        // Another rack on this machine may have leased the same address.
        listen: {
          address,
          port: (await freePort(address, MACHINE_API_PORT)) ?? (await freePort(address, 0)) ?? MACHINE_API_PORT,
        },
        localAddress: address,
      });
      const running = agent.run(power);
      try {
        // It never ends by itself but for a bug.
        const how = await Promise.race([ends, running]);
        signal.throwIfAborted();
        if (how === undefined) throw new Error(`${spec.name}: the agent ended`);
        return how;
      } finally {
        stop.abort();
        await running.catch(() => {});
      }
    },
  };
}

const LINK = 'eth0';

/** Empty where no initrd has one: the agent says so. */
function tokenIn(initrds: readonly Uint8Array[]): string {
  for (const bytes of initrds) {
    const read = decodeNewc(bytes);
    const entries = read.kind === 'archive' ? read.entries : [];
    const file = entries.find(({ path }) => `/${path}` === BOOT_TOKEN_FILE);
    if (file?.kind === 'file') return new TextDecoder().decode(file.content);
  }
  return '';
}

async function put(root: string, path: string, text: string): Promise<void> {
  const at = join(root, path);
  await mkdir(dirname(at), { recursive: true });
  await writeFile(at, text, { mode: 0o600 });
}
