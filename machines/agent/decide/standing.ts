import type { AGENT_STAGES, AgentStatus } from '../../contract/agent.ts';
import { plainText } from './kernel-log.ts';

/** Before it is registered, an agent has stages that only its screen knows. */
export type Stage = (typeof AGENT_STAGES)[number] | 'starting' | 'network' | 'registering';

/** One part of the operation at work. */
export type Work = { readonly name: string; readonly text: string; readonly progress: number };

/** All that a person in front of the machine may want to know. */
export type Standing = {
  /** How far it has come, and what it waits for there. */
  readonly base: { readonly stage: Stage; readonly text: string };
  readonly restarting?: 'reboot' | 'shutdown';
  readonly operation?: { readonly id: string; readonly parts: readonly Work[] };
  /** The hardware is being read. */
  readonly reading?: boolean;
  /** How the last operation ended. */
  readonly last?: string;
  /** What is wrong at the moment. */
  readonly trouble?: string;
  readonly machine?: string;
  /** What the daemon says of the machine. */
  readonly notice?: string;
  readonly bootMac?: string;
  /** `192.0.2.7/24 on eth0` */
  readonly addresses: readonly string[];
  readonly macs: readonly string[];
  readonly daemon?: string;
  /** Of the daemon's key, as the command line has it. */
  readonly pin?: string;
  /** Of the machine's own key in this boot. */
  readonly fingerprint?: string;
};

export const STARTING: Standing = { base: { stage: 'starting', text: 'starting' }, addresses: [], macs: [] };

export type Doing = { readonly stage: Stage; readonly text: string; readonly progress?: number };

/** What comes first of all that may go on at once. */
export function doingOf({ base, restarting, operation, reading }: Standing): Doing {
  if (restarting !== undefined) {
    return { stage: restarting === 'reboot' ? 'rebooting' : 'shutting-down', text: `${restarting} begins` };
  }
  if (operation) {
    const { id, parts } = operation;
    // A tool may tell nonsense of its progress.
    const sum = parts.reduce((total, { progress }) => total + (Number.isFinite(progress) ? progress : 0), 0);
    return {
      stage: 'working',
      text: plainText(`${id}: ${parts.map(({ name, text }) => `${name} ${text}`).join(', ')}`),
      progress: parts.length === 0 ? 0 : Math.min(1, Math.max(0, sum / parts.length)),
    };
  }
  if (reading) return { stage: 'inventory', text: 'reading the hardware' };
  return base;
}

/** The heartbeat's body. The stages before it is registered have no heartbeat. */
export function statusOf(standing: Standing): AgentStatus {
  const { stage, text, progress } = doingOf(standing);
  const early = stage === 'starting' || stage === 'network' || stage === 'registering';
  return {
    stage: early ? 'waiting' : stage,
    text: plainText(text),
    ...(progress === undefined ? {} : { progress }),
  };
}
