import type { Delivery } from '#services/store/contract.ts';
import { type Handlers, notFound, WRONG_CURSOR } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';
import { readLogCursor } from '../decide/log-cursor.ts';
import { logPage } from '../log-page.ts';

type Names = 'listWebhooks' | 'listDeliveries' | 'testWebhook';

export function webhookHandlers({ webhooks }: Pick<OperatorApiParts, 'webhooks'>): Pick<Handlers, Names> {
  return {
    listWebhooks: () => ({ kind: 'done', value: { items: webhooks.states() } }),

    async listDeliveries({ query: { state, limit, after } }) {
      const from = after === undefined ? undefined : readLogCursor(after);
      if (after !== undefined && !from) return WRONG_CURSOR;
      const value = await logPage({
        read: (position) => webhooks.deliveries({ ...position, ...(state === undefined ? {} : { state }) }),
        cursorOf: ({ at, id }: Delivery) => ({ before: at, beforeId: id }),
        limit,
        from,
      });
      return { kind: 'done', value };
    },

    async testWebhook({ body: { url } }) {
      const delivery = await webhooks.test(url);
      if (!delivery) return notFound('webhook with this URL in the configuration');
      return {
        kind: 'done',
        value: delivery,
        audit: { target: new URL(url).origin, detail: `test ${delivery.state}` },
      };
    },
  };
}
