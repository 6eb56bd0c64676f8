import { z } from 'zod';
import type { Route } from './route.ts';

const time = z.number().meta({ description: 'milliseconds since 1970-01-01T00:00:00Z' });

/** How fast things went between the reading before it and `at`. */
export const rateReading = z
  .object({
    at: time,
    /** How long the reading is about. */
    seconds: z.number(),
    dhcpPerSecond: z.number().meta({ description: 'DHCP packets received' }),
    bytesPerSecond: z.number().meta({ description: 'of loaders, kernels, initrds and images, by TFTP and HTTP' }),
    bmcMs: z
      .number()
      .optional()
      .meta({ description: 'until a BMC told its power, on average; absent: none was asked' }),
    residentBytes: z.number().meta({ description: 'memory of the daemon at `at`' }),
  })
  .meta({ id: 'RateReading' });
export type RateReading = z.output<typeof rateReading>;

export const RATE_ROUTES = {
  listRates: {
    method: 'GET',
    path: '/api/v1/rates',
    summary:
      'DHCP packets, bytes and BMC answers over the last 24 hours, a minute each; the last quarter of an hour finer',
    role: 'viewer',
    query: z.strictObject({
      since: z.coerce.number().default(0).meta({ description: '`at` of the newest reading that is known' }),
    }),
    answer: { kind: 'json', schema: z.object({ items: z.array(rateReading) }) },
  },
} as const satisfies Record<string, Route>;
