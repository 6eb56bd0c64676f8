/** What a program elsewhere may be told of. `job` alone means all that begin with `job.`. */
export const WEBHOOK_EVENTS = [
  'machine.added',
  'machine.changed',
  'machine.removed',
  'document.changed',
  'document.removed',
  'attempt.ended',
  'grant.made',
  'grant.spent',
  'job.queued',
  'job.running',
  'job.done',
  'job.failed',
  'job.cancelled',
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

export const WEBHOOK_GROUPS = ['machine', 'document', 'attempt', 'grant', 'job'] as const;
export type WebhookGroup = (typeof WEBHOOK_GROUPS)[number];

/** Whether a webhook that asks for these wants that event. */
export const wantsEvent = (asked: readonly (WebhookEvent | WebhookGroup)[], event: WebhookEvent): boolean =>
  asked.some((one) => one === event || event.startsWith(`${one}.`));
