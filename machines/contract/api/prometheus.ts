import { z } from 'zod';
import { ofMachines } from './list.ts';
import { name } from '../documents.ts';
import type { Route } from './route.ts';

export const targetQuery = z.strictObject({
  port: z.coerce
    .number()
    .int()
    .min(1)
    .max(65_535)
    .default(9100)
    .meta({ description: 'of the exporter on each machine' }),
  site: name.optional(),
  rack: name.optional(),
  ...ofMachines,
});
export type TargetQuery = z.output<typeof targetQuery>;

/** Prometheus' HTTP service discovery: https://prometheus.io/docs/prometheus/latest/http_sd/ */
export const targetGroups = z.array(
  z
    .object({ targets: z.array(z.string()), labels: z.record(z.string(), z.string()) })
    .meta({ id: 'PrometheusTargetGroup' }),
);
export type TargetGroup = z.output<typeof targetGroups>[number];

export const PROMETHEUS_ROUTES = {
  listPrometheusTargets: {
    method: 'GET',
    path: '/api/v1/prometheus/targets',
    summary: 'Accepted machines whose address is known, for http_sd_configs of Prometheus',
    role: 'viewer',
    query: targetQuery,
    answer: { kind: 'json', schema: targetGroups },
  },
} as const satisfies Record<string, Route>;
