import { X509Certificate } from 'node:crypto';
import { DaemonError } from './daemon.ts';
import type { AgentLog } from './log.ts';

/** A daemon that gives none is asked again so much later; it has a third of the certificate's life for it. */
const AGAIN_MS = 3600_000;

export type Renewal = {
  /** Looked at with each sign of life: it is cheap. Rejects where the session is unknown, or with the signal's reason. */
  look(signal: AbortSignal): Promise<void>;
};

/**
 * Asks for another certificate when a third of the life of this one is left: an agent that waits or works for weeks
 * would else be out of reach of the daemon. The key stays the same one, made for this boot.
 */
export function openRenewal(parts: {
  /** PEM. */
  readonly certificate: string;
  /** Milliseconds since the epoch: the clock by which certificates count. */
  readonly now: () => number;
  readonly ask: (signal: AbortSignal) => Promise<string>;
  /** From now on it is shown; connections that are open go on. */
  readonly take: (certificate: string) => void;
  readonly log: Pick<AgentLog, 'info' | 'warn'>;
}): Renewal {
  const { now, ask, take, log } = parts;
  let dueAt = renewAt(parts.certificate);
  return {
    async look(signal) {
      if (now() < dueAt) return;
      try {
        const certificate = await ask(signal);
        const next = renewAt(certificate);
        take(certificate);
        dueAt = next;
        log.info('the certificate of the machine API was renewed');
      } catch (cause) {
        signal.throwIfAborted();
        if (cause instanceof DaemonError && cause.code === 'unknown') throw cause;
        dueAt = now() + AGAIN_MS;
        log.warn(`the certificate of the machine API was not renewed: ${String(cause)}`);
      }
    },
  };
}

/** Milliseconds since the epoch. Throws where the text is no certificate. */
export function renewAt(certificate: string): number {
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  return validToDate.getTime() - (validToDate.getTime() - validFromDate.getTime()) / 3;
}
