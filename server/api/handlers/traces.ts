import { fromTraceEvent } from '#machines/contract/api/trace-resource.ts';
import { type Handlers, notFound } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';

type Names = 'listAttempts' | 'getAttempt' | 'listEvents' | 'getPcap';

export function traceHandlers({
  recorder,
  pcapOf,
}: Pick<OperatorApiParts, 'recorder' | 'pcapOf'>): Pick<Handlers, Names> {
  return {
    async listAttempts({ query: { machine, mac, before, beforeId, limit } }) {
      const items = await recorder.attempts({
        limit,
        ...(machine === undefined ? {} : { machine }),
        ...(mac === undefined ? {} : { mac }),
        ...(before === undefined ? {} : { before }),
        ...(beforeId === undefined ? {} : { beforeId }),
      });
      return { kind: 'done', value: { items } };
    },

    async getAttempt({ params: { id } }) {
      const attempt = await recorder.attempt(id);
      return attempt ? { kind: 'done', value: attempt } : notFound(`attempt ${id}`);
    },

    async listEvents({ params: { id }, query }) {
      if (!(await recorder.attempt(id))) return notFound(`attempt ${id}`);
      const events = await recorder.events(id, query.after);
      return { kind: 'done', value: { items: events.map(fromTraceEvent) } };
    },

    async getPcap({ params: { id } }) {
      const attempt = await recorder.attempt(id);
      if (!attempt) return notFound(`attempt ${id}`);
      return { kind: 'bytes', bytes: await pcapOf(attempt), fileName: `${attempt.machine ?? 'boot'}-${id}.pcap` };
    },
  };
}
