import { createHash } from 'node:crypto';
import type { Board } from '../board.ts';
import type { Answer, JsonObject } from './answer.ts';
import { refusal } from './message.ts';

/** Of what stands there now; changes with it. */
export function etagOf(board: Board, body: JsonObject): string | undefined {
  if (board.quirk('no-etags')) return undefined;
  const hash = createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 16);
  return `${board.quirk('weak-etags') ? 'W/' : ''}"${hash}"`;
}

/** RFC 9110 §13.1.1, which compares strongly; DSP0266 adds 428. Nothing when the change may go on. */
export function checkPrecondition(board: Board, ifMatch: string | undefined, body: JsonObject): Answer | undefined {
  if (ifMatch === undefined || ifMatch === '') {
    return board.quirk('wants-if-match') ? refusal(428, 'PreconditionRequired') : undefined;
  }
  if (ifMatch.trim() === '*' || board.quirk('no-etags')) return undefined;
  // Firmware with weak ETags compares them without their mark, and has no match for its own ones.
  const own = etagOf(board, body)?.replace(/^W\//, '');
  const matches = ifMatch.split(',').some((one) => one.trim() === own);
  return matches ? undefined : refusal(412, 'PreconditionFailed');
}
