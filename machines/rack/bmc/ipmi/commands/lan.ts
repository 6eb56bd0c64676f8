import type { Board } from '../../board.ts';
import { COMPLETION, type Command, done, NET_FN, refused } from '../command.ts';
import { offeredSuites } from '../log-in.ts';
import { LEVEL } from '../sessions.ts';
import { isLan } from './session.ts';
import { word } from '../wire/byte-reader.ts';

const REVISION = 0x11;

/** IPMI v2.0 §23: how the BMC is reached. It cannot be changed here. */
export const LAN_COMMANDS: readonly Command[] = [
  {
    // Get LAN Configuration Parameters, §23.2.
    netFn: NET_FN.transport,
    command: 0x02,
    level: LEVEL.operator,
    bytes: 4,
    run([channel = 0, selector = 0], { board, port }) {
      if (!isLan(channel)) return refused(COMPLETION.field);
      if ((channel & 0x80) !== 0) return done(REVISION);
      const value = parameter(selector, board, port());
      return value ? done(REVISION, ...value) : refused(COMPLETION.parameterUnknown);
    },
  },
];

function parameter(selector: number, board: Board, port: number): readonly number[] | undefined {
  const { address, mac } = board;
  const suites = offeredSuites(board);
  switch (selector) {
    // Set in progress, and authentication types of 1.5: none.
    case 0:
    case 1:
      return [0];
    case 2:
      return [0, 0, 0, 0, 0];
    case 3:
      return address.split('.').map(Number);
    // Static.
    case 4:
      return [1];
    case 5:
      return mac.split(':').map((hex) => Number.parseInt(hex, 16));
    case 6:
      return [255, 0, 0, 0];
    case 8:
      return word(port);
    case 12:
      return [0, 0, 0, 0];
    case 13:
      return [0, 0, 0, 0, 0, 0];
    case 22:
      return [suites.length];
    case 23: {
      const entries = new Uint8Array(17);
      entries.set(
        suites.map(({ id }) => id),
        1,
      );
      return [...entries];
    }
    // Each suite up to administrator, two in a byte.
    case 24:
      return [0, ...new Uint8Array(8).fill((LEVEL.administrator << 4) | LEVEL.administrator)];
    default:
      return undefined;
  }
}
