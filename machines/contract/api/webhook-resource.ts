import { z } from 'zod';
import { after, next } from './list.ts';

const time = z.number();
const STATES = ['waiting', 'delivered', 'dead'] as const;

export const webhook = z
  .object({
    url: z.string(),
    events: z.array(z.string()),
    waiting: z.int(),
    /** Since the daemon started. */
    delivered: z.int(),
    dead: z.int(),
  })
  .meta({ id: 'Webhook', description: 'a webhook of the configuration file, without its secret' });

export const delivery = z
  .object({
    id: z.string(),
    url: z.string(),
    event: z.string(),
    at: time,
    state: z.enum(STATES),
    tries: z.int(),
    nextAt: time.optional(),
    endedAt: time.optional(),
    /** What the receiver answered to the newest try. */
    status: z.int().optional(),
    because: z.string().optional(),
    /** As it was sent. */
    body: z.string(),
  })
  .meta({ id: 'WebhookDelivery' });

export const deliveryQuery = z.strictObject({
  state: z.enum(STATES).optional().meta({ description: 'dead: what was given up' }),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after,
});

export const deliveryList = z.object({ items: z.array(delivery), next });

export const webhookTest = z.strictObject({
  url: z.string().max(2048).meta({ description: 'of a webhook in the configuration; nothing is sent to any other' }),
});
