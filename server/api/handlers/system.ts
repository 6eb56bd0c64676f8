import { openApi } from '#machines/contract/api/openapi.ts';
import { LOADER_NAMES } from '#machines/decide/loader.ts';
import type { VerdictCode } from '#machines/contract/trace.ts';
import { type Handlers, invalid, notFound, problemAnswer, WRONG_CURSOR } from '../answers.ts';
import { verifyAudit } from '#services/store/audit-chain.ts';
import type { OperatorApiParts } from '../contract.ts';
import type { ChainedEntry } from '#services/store/contract.ts';
import { leasePage } from '../decide/lease-list.ts';
import { readLogCursor } from '../decide/log-cursor.ts';
import { logPage } from '../log-page.ts';
import { machineFilter } from '../machine-filter.ts';
import type { LatestAttempts } from '../latest-attempts.ts';
import { saveLoader } from '../loader-files.ts';
import { metricsText, processMetrics } from '../metrics.ts';
import { operatorMetrics } from '../operator-metrics.ts';

type Names =
  | 'getStatus'
  | 'listLeases'
  | 'forgetLease'
  | 'listLoaders'
  | 'addLoader'
  | 'listAudit'
  | 'verifyAudit'
  | 'getOpenApi'
  | 'getMetrics'
  | 'listRates';

export function systemHandlers(
  parts: OperatorApiParts & {
    readonly latest: LatestAttempts;
    readonly watchers: () => number;
    readonly startedAt: number;
    readonly answered: () => ReadonlyMap<string, number>;
  },
): Pick<Handlers, Names> {
  const { registry, leases, audit, loaders, latest, now } = parts;
  // A tenth of a second's work that few ask for: not at the start.
  let document: ReturnType<typeof openApi> | undefined;

  const loader = (name: string) => {
    const file = loaders.available().get(name);
    const path = loaders.path(name);
    return {
      name,
      present: file !== undefined,
      ...(file ? { size: file.size } : {}),
      ...(path === undefined ? {} : { path }),
    };
  };

  return {
    getStatus() {
      const machines = registry.machines();
      const verdicts: Partial<Record<VerdictCode, number>> = {};
      for (const { verdict } of latest.all()) verdicts[verdict.code] = (verdicts[verdict.code] ?? 0) + 1;
      const accepted = (wanted: string) => machines.filter(({ acceptance }) => acceptance === wanted).length;
      return {
        kind: 'done',
        value: {
          version: parts.version,
          startedAt: parts.startedAt,
          now: now(),
          site: parts.site,
          listeners: parts.listeners(),
          machines: {
            total: machines.length,
            seen: accepted('seen'),
            accepted: accepted('accepted'),
            rejected: accepted('rejected'),
            locked: machines.filter(({ locked }) => locked).length,
          },
          verdicts,
          documents: {
            profiles: registry.documents('Profile').length,
            classes: registry.documents('Class').length,
            subnets: registry.documents('Subnet').length,
            images: registry.documents('Image').length,
          },
          watchers: parts.watchers(),
        },
      };
    },

    async listLeases({ query }) {
      const named = (await leases.all()).map((lease) => {
        const machine = lease.mac && registry.machineByMac(lease.mac)?.document.name;
        return machine === undefined ? lease : { ...lease, machine };
      });
      const page = leasePage(named, query, { now: now(), ofMachine: machineFilter(registry, query) });
      return 'wrongCursor' in page ? WRONG_CURSOR : { kind: 'done', value: page };
    },

    async forgetLease({ params: { address } }) {
      const forgotten = await leases.forget(parts.site, address);
      return forgotten ? { kind: 'done', value: undefined } : notFound(`lease of ${address}`);
    },

    listLoaders: () => ({ kind: 'done', value: { items: LOADER_NAMES.map(loader) } }),

    async addLoader({ query, body }) {
      const saved = await saveLoader({ dir: parts.loaderDir, bytes: body, ...query });
      switch (saved.kind) {
        case 'saved':
          return {
            kind: 'done',
            value: { name: query.name, present: true, size: body.length, path: saved.path },
            audit: { target: query.name, detail: `sha256 ${saved.sha256}` },
          };
        case 'wrong':
          return invalid({ in: 'query', path: saved.path, text: saved.text });
        case 'unwritable':
          return problemAnswer('unavailable', { detail: saved.because, next: `make ${parts.loaderDir} writable` });
        default:
          return saved satisfies never;
      }
    },

    async listAudit({ query }) {
      const { who, action, target, limit, before, after } = query;
      const from = after === undefined ? undefined : readLogCursor(after);
      if (after !== undefined && !from) return WRONG_CURSOR;
      const isFiltered = who !== undefined || action !== undefined || target !== undefined;
      const value = await logPage({
        read: (position) => audit.list(position.limit, position.before),
        cursorOf: ({ seq }: ChainedEntry) => ({ before: seq, beforeId: '' }),
        wanted: isFiltered
          ? (one) =>
              (who === undefined || one.who === who) &&
              (action === undefined || one.action === action) &&
              (target === undefined || one.target.includes(target))
          : undefined,
        limit,
        from: from ?? (before === undefined ? undefined : { before, beforeId: '' }),
      });
      return { kind: 'done', value };
    },

    async verifyAudit({ query }) {
      return { kind: 'done', value: await verifyAudit(audit, query.head) };
    },

    getOpenApi: () => ({ kind: 'done', value: (document ??= openApi(parts.version)) }),

    listRates: ({ query: { since } }) => ({ kind: 'done', value: { items: [...parts.rates(since)] } }),

    getMetrics: () => ({
      kind: 'text',
      text: metricsText([
        ...operatorMetrics({ registry, latest, watchers: parts.watchers(), answered: parts.answered() }),
        ...parts.metrics.flatMap((part) => part()),
        ...processMetrics(),
      ]),
    }),
  };
}
