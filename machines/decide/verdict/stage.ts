import { type Stage, STAGES } from '../../contract/trace.ts';

/** The further of the two. */
export const furthest = (one: Stage, other: Stage): Stage =>
  STAGES.indexOf(one) >= STAGES.indexOf(other) ? one : other;
