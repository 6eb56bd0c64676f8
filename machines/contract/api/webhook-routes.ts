import { z } from 'zod';
import type { Route } from './route.ts';
import { delivery, deliveryList, deliveryQuery, webhook, webhookTest } from './webhook-resource.ts';

/** Webhooks live in the configuration file. Their URLs are often secrets themselves, so they are for admins. */
export const WEBHOOK_ROUTES = {
  listWebhooks: {
    method: 'GET',
    path: '/api/v1/webhooks',
    summary: 'Programs that are told what happens, and how that goes',
    role: 'admin',
    answer: { kind: 'json', schema: z.object({ items: z.array(webhook) }) },
  },
  listDeliveries: {
    method: 'GET',
    path: '/api/v1/webhook-deliveries',
    summary: 'What webhooks were told, newest first; what was given up with state=dead',
    role: 'admin',
    query: deliveryQuery,
    answer: { kind: 'json', schema: deliveryList },
  },
  testWebhook: {
    method: 'POST',
    path: '/api/v1/webhook-tests',
    summary: 'Send a webhook the event `test`, once, and say what came of it',
    role: 'admin',
    body: { kind: 'json', schema: webhookTest },
    answer: { kind: 'json', schema: delivery, status: 201 },
  },
} as const satisfies Record<string, Route>;
