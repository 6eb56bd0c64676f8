import type { BootAnswer, BootRequest } from './answers.ts';
import type { BootPlaneParts } from './contract.ts';
import type { GrantSpender } from './grants.ts';
import type { Outcome } from './respond.ts';

const MAX_TEXT = 255;

/** Tells the trace what was asked and sent, and spends what was sent whole. */
export function requestTrace({
  recorder,
  log,
  grants,
}: Pick<BootPlaneParts, 'recorder' | 'log'> & { readonly grants: GrantSpender }) {
  return {
    /** A download of minutes is told when it begins, else its trace would look like silence. */
    begin({ method, target, asker }: BootRequest, answer: BootAnswer): void {
      if ((answer.kind !== 'blob' && answer.kind !== 'bytes') || method !== 'GET') return;
      recorder.record(subjectOf(asker, answer), { kind: 'http-asked', path: pathOf(target), role: answer.role });
    },

    end(
      { method, target, asker }: BootRequest,
      answer: BootAnswer,
      { status, size, start, sent }: Outcome,
      { ms, userAgent }: { readonly ms: number; readonly userAgent: string | undefined },
    ): void {
      const path = pathOf(target);
      const because = answer.kind === 'not-found' ? { because: answer.because } : {};
      log.debug({ peer: asker.peer, method, path, status, bytes: sent.bytes, size, ms, ...because }, 'http');
      recorder.record(subjectOf(asker, answer), {
        kind: 'http-sent',
        method,
        path,
        role: answer.role,
        status,
        bytes: sent.bytes,
        size,
        ms,
        ...(userAgent === undefined ? {} : { userAgent: userAgent.slice(0, MAX_TEXT) }),
        ...because,
      });
      if (method === 'GET' && (status === 200 || status === 206)) spend(answer, start, sent);
    },
  };

  function spend(answer: BootAnswer, start: number, sent: Outcome['sent']): void {
    if (answer.kind === 'script' && sent.complete) void grants.scriptSent(answer.rendered);
    if ((answer.kind !== 'blob' && answer.kind !== 'bytes') || answer.attempt === undefined || !answer.asset) return;
    const { plan, role, index } = answer.asset;
    const size = answer.kind === 'blob' ? answer.blob.size : answer.bytes.length;
    const part = { role, index, start, end: start + sent.bytes, size };
    void grants.assetSent(answer.attempt, plan, part);
  }
}

const subjectOf = ({ peer }: BootRequest['asker'], { attempt }: BootAnswer) => ({
  address: peer,
  ...(attempt === undefined ? {} : { attempt }),
});

const pathOf = (target: string): string => (/^[^?#]*/.exec(target)?.[0] ?? '').slice(0, MAX_TEXT);
