import type { Registry } from '#services/registry/contract.ts';
import type { LatestAttempts } from './latest-attempts.ts';
import { gauge, type Metric } from './metrics.ts';

/** What the operator API itself can count. Labels are bounded: acceptances, verdict codes, route names. */
export function operatorMetrics({
  registry,
  latest,
  watchers,
  answered,
}: {
  readonly registry: Pick<Registry, 'machines'>;
  readonly latest: Pick<LatestAttempts, 'all'>;
  readonly watchers: number;
  /** By `route status`. */
  readonly answered: ReadonlyMap<string, number>;
}): readonly Metric[] {
  const acceptances = new Map<string, number>();
  for (const { acceptance } of registry.machines()) {
    acceptances.set(acceptance, (acceptances.get(acceptance) ?? 0) + 1);
  }
  const verdicts = new Map<string, number>();
  for (const { verdict } of latest.all()) verdicts.set(verdict.code, (verdicts.get(verdict.code) ?? 0) + 1);
  return [
    {
      name: 'ingot_machines',
      help: 'Machines known, by acceptance.',
      type: 'gauge',
      samples: [...acceptances].map(([acceptance, value]) => ({ labels: { acceptance }, value })),
    },
    {
      name: 'ingot_machine_verdicts',
      help: 'Machines by the verdict of their newest boot attempt.',
      type: 'gauge',
      samples: [...verdicts].map(([verdict, value]) => ({ labels: { verdict }, value })),
    },
    gauge('ingot_api_watchers', 'Open streams of changes.', watchers),
    {
      name: 'ingot_api_requests_total',
      help: 'Requests answered by the operator API, by route and status.',
      type: 'counter',
      samples: [...answered].map(([key, value]) => {
        const [route = '', status = ''] = key.split(' ');
        return { labels: { route, status }, value };
      }),
    },
  ];
}
