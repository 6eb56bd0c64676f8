import type { StepOutcome } from '#services/jobs/contract.ts';

export const MINUTE_MS = 60_000;

export const done = (text: string): StepOutcome => ({ kind: 'done', text });
export const failed = (because: string, next: string): StepOutcome => ({ kind: 'failed', because, next });
