import { setTimeout as sleep } from 'node:timers/promises';
import type { MachineApiDefinition } from '#services/machine-api/definition.ts';
import { BOOT_TOKEN_FILE } from '../contract/agent.ts';
import { VERSION } from '../contract/version.ts';
import { readCommandLine } from './decide/command-line.ts';
import type { Disks } from './disks/disk.ts';
import type { ReadIdentity, ReadInventory } from './hardware-reader.ts';
import type { Host } from './host.ts';
import { openKernelLog } from './kernel-log.ts';
import { type AgentLog, type LogLine, openAgentLog } from './log.ts';
import { makeMachineKey } from './machine-key.ts';
import type { BringUp } from './network.ts';
import { readText } from './read-text.ts';
import { runRegistered, shownAddresses } from './registered.ts';
import { openStandingBoard, type StandingBoard } from './standing.ts';

export type AgentParts = {
  readonly host: Host;
  readonly definition: MachineApiDefinition;
  readonly bringUp: BringUp;
  readonly readInventory: ReadInventory;
  readonly readIdentity: ReadIdentity;
  readonly disks: Disks;
  /** Each line of the agent's log as it is written: for the serial console. */
  readonly print: (line: LogLine) => void;
  /** Where the machine API listens. */
  readonly listen: { readonly address: string; readonly port: number };
  /** A simulated machine calls the daemon from its own address. */
  readonly localAddress?: string;
  /** Waits between tries are multiplied by it. */
  readonly patience?: number;
};

/**
 * The agent of one machine: all that the program does, over a host that may be simulated. Several may live in one
 * process.
 */
export type Agent = {
  readonly name: string;
  /** For a screen. */
  readonly standing: StandingBoard;
  readonly log: AgentLog;
  /** Serves until the signal aborts. It never ends by itself: what is wrong is shown, and tried again where that helps. */
  run(signal: AbortSignal): Promise<void>;
};

export function openAgent(parts: AgentParts): Agent {
  const { host } = parts;
  const standing = openStandingBoard();
  const log = openAgentLog({ host, print: parts.print });
  const kernel = openKernelLog({ host });
  standing.onChange((now, before) => {
    if (now.base.text !== before.base.text) log.info(now.base.text);
    if (now.trouble !== undefined && now.trouble !== before.trouble) log.warn(now.trouble);
    if (now.notice !== undefined && now.notice !== before.notice) log.info(now.notice);
  });

  async function live(signal: AbortSignal): Promise<void> {
    log.info(`Ingot agent ${VERSION}`);
    const commandLine = (await readText(host, '/proc/cmdline')) ?? '';
    const read = readCommandLine(commandLine);
    if (!read.ok) return park(`the kernel's command line: ${read.because.join('; ')}`, signal);
    const { settings } = read;
    const { url, pin, bootMac } = settings;
    standing.change({ bootMac, daemon: url.host, pin });

    const told = (text: string) => standing.change({ base: { stage: 'network', text } });
    await using network = await parts.bringUp({ host, settings, log, told, signal });
    standing.change({ addresses: shownAddresses(network) });
    const token = (await readText(host, BOOT_TOKEN_FILE))?.trim() ?? '';
    if (token === '') return park(`there is no boot token in ${BOOT_TOKEN_FILE}: was its initrd loaded?`, signal);
    if (!/^[\x21-\x7e]{1,512}$/.test(token)) return park(`what is in ${BOOT_TOKEN_FILE} is no token`, signal);
    const identity = await parts.readIdentity(host).catch((cause: unknown) => {
      log.error(`what the machine is could not be read: ${String(cause)}`);
      return { macs: [bootMac] };
    });
    const key = await makeMachineKey();
    standing.change({ macs: identity.macs, fingerprint: key.fingerprint });
    await runRegistered({
      ...parts,
      commandLine: commandLine.trim(),
      settings,
      network,
      token,
      identity,
      key,
      standing,
      log,
      kernel,
      patience: parts.patience ?? 1,
      signal,
    });
  }

  /** Nothing can be done but to say why. A reboot would come to the same place. */
  async function park(text: string, signal: AbortSignal): Promise<void> {
    standing.change({ base: { stage: 'failed', text } });
    await sleep(2 ** 31 - 1, undefined, { signal });
  }

  return {
    name: 'agent',
    standing,
    log,
    async run(signal) {
      const stop = new AbortController();
      const both = AbortSignal.any([signal, stop.signal]);
      const reading = kernel.run(both).catch((cause: unknown) => log.warn(`no log of the kernel: ${String(cause)}`));
      try {
        await live(both);
      } catch (cause) {
        if (!signal.aborted) throw cause;
      } finally {
        stop.abort();
        await reading;
      }
    },
  };
}
