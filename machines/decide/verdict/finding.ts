import type { Acceptance } from '../../contract/machine.ts';
import type { VerdictCode } from '../../contract/trace.ts';
import type { Evidence } from './evidence.ts';
import type { VerdictTimes } from './times.ts';

export type FaultCode = Exclude<VerdictCode, 'in-progress' | 'booted'>;

/** Something is wrong, from a time on unless more is heard before it. */
export type Finding = {
  readonly code: FaultCode;
  readonly from: number;
  readonly cause: string;
  readonly next: string;
};

/** What is known besides the events of this attempt. */
export type VerdictContext = {
  readonly machine?: { readonly name: string; readonly acceptance: Acceptance };
  /** When earlier attempts began that came to the kernel, with nothing heard after it, since the last good boot. */
  readonly fruitlessBoots?: readonly number[];
  readonly times?: Partial<VerdictTimes>;
};

export type Question = {
  readonly evidence: Evidence;
  readonly context: VerdictContext;
  readonly times: VerdictTimes;
};

export type Finder = (question: Question) => Finding | undefined;

export const seconds = (ms: number): string => {
  const whole = Math.round(ms / 1000);
  return whole === 1 ? '1 second' : whole < 120 ? `${whole} seconds` : `${Math.round(whole / 60)} minutes`;
};

/** A claim of a client or a name, in a sentence. */
export const quote = (text: string): string => `"${text}"`;
