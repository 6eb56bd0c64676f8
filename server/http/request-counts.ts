import type { FastifyInstance } from 'fastify';
import type { Metric } from '../api/metrics.ts';

/** Counts what a plane answered. Labels are route patterns and statuses of ours, never what a client wrote. */
export type RequestCounts = {
  count(what: string, status: number, bytes?: number): void;
  metrics(): readonly Metric[];
};

/** `plane` stands in the names: `ingot_PLANE_requests_total`. */
export function requestCounts(plane: string, help: string): RequestCounts {
  const requests = new Map<string, { readonly what: string; readonly status: number; count: number }>();
  let sentBytes = 0;
  return {
    count(what, status, bytes = 0) {
      const key = `${what} ${status}`;
      const known = requests.get(key);
      if (known) known.count += 1;
      else requests.set(key, { what, status, count: 1 });
      sentBytes += bytes;
    },
    metrics: () => [
      {
        name: `ingot_${plane}_requests_total`,
        help: `${help}, by what was asked for and status.`,
        type: 'counter',
        samples: [...requests.values()].map(({ what, status, count }) => ({
          labels: { what, status: String(status) },
          value: count,
        })),
      },
      {
        name: `ingot_${plane}_sent_bytes_total`,
        help: `${help}: bytes of files that were sent.`,
        type: 'counter',
        samples: [{ value: sentBytes }],
      },
    ],
  };
}

/** Every answer of an app, by the pattern of its route. */
export function countAnswers(app: FastifyInstance, counts: Pick<RequestCounts, 'count'>): void {
  app.addHook('onResponse', (request, reply, done) => {
    counts.count(request.routeOptions.url ?? 'none', reply.statusCode);
    done();
  });
}
