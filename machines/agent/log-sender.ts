import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentLogs } from '../contract/agent.ts';
import { DaemonError } from './daemon.ts';
import { backoffMs } from './decide/backoff.ts';
import type { Journal, Passage } from './journal.ts';
import type { KernelLog } from './kernel-log.ts';
import type { AgentLog } from './log.ts';

/** Of each log: together below the contract's 1000, with room for lines that say what was lost. */
const BATCH = 400;
/** Of each log: a body that any server takes. */
const BATCH_CHARACTERS = 100_000;
/** How long lines gather before they are sent together. */
const GATHER_MS = 500;

type Lines = AgentLogs['lines'];
type Places = { readonly kernel: number; readonly agent: number };

/**
 * Sends the logs of kernel and agent, from the first line of this boot, each once. It remembers its place from one
 * session to the next. What was forgotten before it could be sent is told as a line.
 */
export type LogSender = {
  /** Sends as lines come until the signal aborts; rejects with `unknown` when the session is over. */
  run(send: (logs: AgentLogs) => Promise<void>, signal: AbortSignal): Promise<void>;
  /** Sends what there is, once, and gives up at the first failure. */
  flush(send: (logs: AgentLogs) => Promise<void>): Promise<void>;
};

export function openLogSender(parts: {
  readonly kernel: KernelLog;
  readonly log: AgentLog;
  readonly uptimeMs: () => number;
  readonly random: () => number;
  /** Waits between tries are multiplied by it. */
  readonly patience: number;
}): LogSender {
  const { kernel, log } = parts;
  let places: Places = { kernel: 0, agent: 0 };

  function batch(): { readonly lines: Lines; readonly next: Places } {
    const fromKernel = passageOf(kernel.journal, places.kernel);
    const fromAgent = passageOf(log.journal, places.agent);
    const lost = (source: 'kernel' | 'agent', { lost: count }: { readonly lost: number }): Lines =>
      count === 0 ? [] : [{ source, uptimeMs: parts.uptimeMs(), severity: 4, text: `${linesWere(count)} lost here` }];
    const lines = [
      ...fromKernel.entries.map(({ uptimeMs, severity, text }) => ({
        source: 'kernel' as const,
        uptimeMs,
        severity,
        text,
      })),
      ...fromAgent.entries.map((line) => ({ source: 'agent' as const, ...line })),
    ];
    return {
      lines: [
        ...lost('kernel', fromKernel),
        ...lost('agent', fromAgent),
        ...lines.toSorted((a, b) => a.uptimeMs - b.uptimeMs),
      ],
      next: { kernel: fromKernel.next, agent: fromAgent.next },
    };
  }

  return {
    async run(send, signal) {
      for (let tries = 0; !signal.aborted; ) {
        const { lines, next } = batch();
        if (lines.length === 0) {
          const quiet = new AbortController();
          const both = AbortSignal.any([signal, quiet.signal]);
          await Promise.race([kernel.journal.grown(places.kernel, both), log.journal.grown(places.agent, both)]).catch(
            () => {},
          );
          quiet.abort();
          await sleep(GATHER_MS, undefined, { signal }).catch(() => {});
          continue;
        }
        try {
          await send({ lines });
          places = next;
          tries = 0;
        } catch (cause) {
          if (signal.aborted) return;
          if (!(cause instanceof DaemonError) || cause.code === 'unknown') throw cause;
          if (cause.code === 'refused') {
            // It would be refused for ever, and nothing after it would arrive.
            places = next;
            log.warn(`${linesWere(lines.length)} refused: ${cause.message}`);
          }
          await sleep(backoffMs(tries++, parts.random()) * parts.patience, undefined, { signal }).catch(() => {});
        }
      }
    },
    async flush(send) {
      for (let { lines, next } = batch(); lines.length > 0; { lines, next } = batch()) {
        await send({ lines });
        places = next;
      }
    },
  };
}

/** What is next in a journal, as much as one call carries. */
function passageOf<T extends { readonly text: string }>(journal: Journal<T>, from: number): Passage<T> {
  const passage = journal.read(from, BATCH);
  let characters = 0;
  const end = passage.entries.findIndex(({ text }) => (characters += text.length) > BATCH_CHARACTERS);
  if (end < 1) return passage;
  const { entries, next, lost } = passage;
  return { entries: entries.slice(0, end), next: next - entries.length + end, lost };
}

const linesWere = (count: number): string => (count === 1 ? '1 line was' : `${count} lines were`);
