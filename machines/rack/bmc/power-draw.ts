import type { Board } from './board.ts';

const STANDBY_WATTS = 12;

/** What it draws now, watts. A machine that is off still feeds its BMC. */
export function wattsOf(board: Board): number {
  const stage = board.power.stage();
  if (stage === 'off') return STANDBY_WATTS;
  return Math.round(board.hardware().watts * (stage === 'running' ? 1 : 0.7));
}
