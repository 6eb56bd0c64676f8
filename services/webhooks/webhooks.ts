import type { Logger } from 'pino';
import { type WebhookEvent, type WebhookGroup, wantsEvent } from '#machines/contract/webhook.ts';
import type { Delivery, DeliveryStore } from '#services/store/contract.ts';
import { afterTry, type TryResult } from './decide/retry.ts';
import { signedHeaders } from './signature.ts';

const ANSWER_MS = 10_000;
/** Of one webhook. */
const AT_ONCE = 4;
/** A receiver that is away must not fill our memory and disk: what comes after so many is dead at once, and counted. */
export const MAX_WAITING = 1000;
const KEPT = 5000;

export type Webhook = {
  readonly url: string;
  readonly secret: string;
  readonly events: readonly (WebhookEvent | WebhookGroup)[];
};

export type WebhookState = {
  readonly url: string;
  readonly events: readonly string[];
  readonly waiting: number;
  readonly delivered: number;
  readonly dead: number;
};

/** Tells programs elsewhere what happens here: signed, tried again until it is received or dead, kept in a log. */
export type Webhooks = {
  tell(event: WebhookEvent, data: Readonly<Record<string, unknown>>): void;
  /** One try, now, of an event `test`; nothing where no webhook has this URL. */
  test(url: string): Promise<Delivery | undefined>;
  /** Counts are since the start of the daemon. */
  states(): readonly WebhookState[];
  deliveries: DeliveryStore['list'];
  /** Takes up what waited when the daemon ended; resolves after the signal aborts and nothing is on its way. */
  run(signal: AbortSignal): Promise<void>;
};

type Waiting = { readonly hook: Webhook; delivery: Delivery };

export function openWebhooks(parts: {
  readonly hooks: readonly Webhook[];
  readonly site: string;
  readonly store: DeliveryStore;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly now: () => number;
  readonly chance: () => number;
  readonly newId: () => string;
}): Webhooks {
  const { hooks, site, store, log, now, chance, newId } = parts;
  const counts = new Map(hooks.map(({ url }) => [url, { delivered: 0, dead: 0 }]));
  const waiting = new Map<string, Waiting>();
  const underway = new Map<string, Promise<void>>();
  let running: AbortSignal | undefined;
  let timer: NodeJS.Timeout | undefined;
  let over = 0;

  const waitingOf = (url: string): readonly Waiting[] => [...waiting.values()].filter(({ hook }) => hook.url === url);

  /** Delivering goes on when the log of it cannot be written: the receiver tells repeats apart by their id. */
  async function keep(delivery: Delivery): Promise<void> {
    try {
      await store.put(delivery);
    } catch (err) {
      log.error({ err, url: originOf(delivery.url) }, 'the log of webhooks could not be written');
    }
  }

  async function finish(delivery: Delivery): Promise<void> {
    const count = counts.get(delivery.url);
    if (count && delivery.state === 'delivered') count.delivered += 1;
    if (count && delivery.state === 'dead') count.dead += 1;
    await keep(delivery);
    over += 1;
    if (over % 500 === 0) await store.prune(KEPT).catch((err: unknown) => log.error({ err }, 'old deliveries stay'));
  }

  function newDelivery(url: string, event: string, data: Readonly<Record<string, unknown>>): Delivery {
    const [id, at] = [newId(), now()];
    const body = JSON.stringify({ id, event, at, site, ...data });
    return { id, url, event, at, state: 'waiting', tries: 0, nextAt: at, body };
  }

  async function once(hook: Webhook, delivery: Delivery, signal: AbortSignal): Promise<TryResult> {
    const timestamp = Math.floor(now() / 1000);
    try {
      const response = await fetch(hook.url, {
        method: 'POST',
        headers: signedHeaders({ ...delivery, timestamp, secret: hook.secret }),
        body: delivery.body,
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
      });
      await response.body?.cancel();
      const after = Number(response.headers.get('retry-after') ?? Number.NaN);
      return { kind: 'answered', status: response.status, ...(after >= 0 ? { retryAfterMs: after * 1000 } : {}) };
    } catch (error) {
      return { kind: 'no-answer', because: reasonOf(error) };
    }
  }

  async function attempt(entry: Waiting, signal: AbortSignal): Promise<void> {
    const { hook, delivery } = entry;
    const result = await once(hook, delivery, signal);
    // Ended in the middle: it is tried again after the next start, and the receiver knows its id.
    if (signal.aborted) return;
    const tries = delivery.tries + 1;
    const verdict = afterTry(result, tries, chance());
    const { nextAt: _nextAt, because: _because, ...rest } = delivery;
    const tried = { ...rest, tries, ...(result.kind === 'answered' ? { status: result.status } : {}) };
    if (verdict.kind === 'again') {
      entry.delivery = { ...tried, nextAt: now() + verdict.afterMs, because: verdict.because };
      return await keep(entry.delivery);
    }
    waiting.delete(delivery.id);
    const because = verdict.kind === 'dead' ? { because: verdict.because } : {};
    if (verdict.kind === 'dead')
      log.warn({ url: originOf(hook.url), event: delivery.event, ...because }, 'a webhook was not told');
    await finish({ ...tried, ...because, state: verdict.kind, endedAt: now() });
  }

  /** Begins what is due, and sets the timer to what comes next. */
  function pump(): void {
    clearTimeout(timer);
    const signal = running;
    if (!signal || signal.aborted) return;
    let next = Number.POSITIVE_INFINITY;
    for (const { url } of hooks) {
      const all = waitingOf(url);
      let free = AT_ONCE - all.filter(({ delivery }) => underway.has(delivery.id)).length;
      for (const entry of all) {
        const { id, nextAt = 0 } = entry.delivery;
        if (underway.has(id)) continue;
        if (nextAt > now()) next = Math.min(next, nextAt);
        else if (free > 0) {
          free -= 1;
          const done = attempt(entry, signal).finally(() => {
            underway.delete(id);
            pump();
          });
          underway.set(id, done);
        }
      }
    }
    if (Number.isFinite(next)) timer = setTimeout(pump, Math.max(1, next - now()));
  }

  return {
    tell(event, data) {
      for (const hook of hooks) {
        if (!wantsEvent(hook.events, event)) continue;
        const delivery = newDelivery(hook.url, event, data);
        if (waitingOf(hook.url).length >= MAX_WAITING) {
          const because = `${MAX_WAITING} others wait for this webhook`;
          const { nextAt: _nextAt, ...rest } = delivery;
          void finish({ ...rest, state: 'dead', endedAt: now(), because });
          continue;
        }
        waiting.set(delivery.id, { hook, delivery });
        void keep(delivery).then(pump);
      }
    },
    async test(url) {
      const hook = hooks.find((one) => one.url === url);
      if (!hook) return undefined;
      const { nextAt: _nextAt, ...delivery } = newDelivery(url, 'test', {});
      const result = await once(hook, delivery, running ?? AbortSignal.timeout(ANSWER_MS));
      const verdict = afterTry(result, 1, 0);
      const ended: Delivery = {
        ...delivery,
        tries: 1,
        state: verdict.kind === 'delivered' ? 'delivered' : 'dead',
        endedAt: now(),
        ...(result.kind === 'answered' ? { status: result.status } : {}),
        ...(verdict.kind === 'delivered' ? {} : { because: verdict.because }),
      };
      await finish(ended);
      return ended;
    },
    states: () =>
      hooks.map(({ url, events }) => ({
        url,
        events,
        waiting: waitingOf(url).length,
        ...(counts.get(url) ?? { delivered: 0, dead: 0 }),
      })),
    deliveries: (query) => store.list(query),
    async run(signal) {
      for (const delivery of await store.list({ state: 'waiting', limit: MAX_WAITING * Math.max(1, hooks.length) })) {
        if (waiting.has(delivery.id)) continue;
        const hook = hooks.find(({ url }) => url === delivery.url);
        if (hook) waiting.set(delivery.id, { hook, delivery });
        else await keep({ ...delivery, state: 'dead', endedAt: now(), because: 'the configuration names it no more' });
      }
      running = signal;
      pump();
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
      clearTimeout(timer);
      await Promise.all(underway.values());
    },
  };
}

/** Of an address, what may stand in a log: paths of such URLs are often secrets. */
const originOf = (url: string): string => new URL(url).origin;

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `it did not answer within ${ANSWER_MS / 1000} s`;
  const { cause } = error;
  return cause instanceof Error ? cause.message : error.message;
}
