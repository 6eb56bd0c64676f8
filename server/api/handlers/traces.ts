import { fromTraceEvent } from '#machines/contract/api/trace-resource.ts';
import type { Attempt } from '#machines/contract/trace.ts';
import { type Handlers, notFound, WRONG_CURSOR } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';
import { readLogCursor } from '../decide/log-cursor.ts';
import { logPage } from '../log-page.ts';
import { machineFilter } from '../machine-filter.ts';

type Names = 'listAttempts' | 'getAttempt' | 'listEvents' | 'getPcap';

export function traceHandlers({
  registry,
  recorder,
  pcapOf,
}: Pick<OperatorApiParts, 'registry' | 'recorder' | 'pcapOf'>): Pick<Handlers, Names> {
  return {
    async listAttempts({ query }) {
      const { machine, mac, before, beforeId = '', limit, stage, verdict } = query;
      const from = query.after === undefined ? undefined : readLogCursor(query.after);
      if (query.after !== undefined && !from) return WRONG_CURSOR;
      const ofMachine = machineFilter(registry, query);
      const isFiltered = ofMachine !== undefined || stage !== undefined || verdict !== undefined;
      const value = await logPage({
        read: (position) =>
          recorder.attempts({
            ...position,
            oldestFirst: query.sort === 'oldest',
            ...(machine === undefined ? {} : { machine }),
            ...(mac === undefined ? {} : { mac }),
          }),
        cursorOf: ({ startedAt, id }: Attempt) => ({ before: startedAt, beforeId: id }),
        wanted: isFiltered
          ? (one) =>
              (stage === undefined || one.stage === stage) &&
              (verdict === undefined || one.verdict.code === verdict) &&
              (ofMachine?.(one.machine) ?? true)
          : undefined,
        limit,
        from: from ?? (before === undefined ? undefined : { before, beforeId }),
      });
      return { kind: 'done', value };
    },

    async getAttempt({ params: { id } }) {
      const attempt = await recorder.attempt(id);
      return attempt ? { kind: 'done', value: attempt } : notFound(`attempt ${id}`);
    },

    async listEvents({ params: { id }, query }) {
      if (!(await recorder.attempt(id))) return notFound(`attempt ${id}`);
      const events = await recorder.events(id, query.after);
      return { kind: 'done', value: { items: events.slice(0, query.limit).map(fromTraceEvent) } };
    },

    async getPcap({ params: { id } }) {
      const attempt = await recorder.attempt(id);
      if (!attempt) return notFound(`attempt ${id}`);
      return { kind: 'bytes', bytes: await pcapOf(attempt), fileName: `${attempt.machine ?? 'boot'}-${id}.pcap` };
    },
  };
}
