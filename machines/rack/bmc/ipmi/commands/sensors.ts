import type { Board } from '../../board.ts';
import type { BoardSensor } from '../wire/board-sensor.ts';
import { sensorsOf } from '../../sensors.ts';
import { COMPLETION, type Command, type Completion, done, NET_FN, refused } from '../command.ts';
import { LEVEL } from '../sessions.ts';
import { long, word } from '../wire/byte-reader.ts';
import { countOf, encodeLocator, encodeSensor } from '../wire/sdr-record.ts';

const LAST = 0xffff;
/** §35.14: events and scanning are on; nothing to be read now. */
const SCANNING = 0xc0;
const UNAVAILABLE = 0x20;
/** Bits of thresholds that are passed. */
const PASSED = { upperCritical: 0x10, lowerCritical: 0x02 } as const;

/** The repository: the BMC itself, then its sensors. Records are numbered from 1. */
const recordsOf = (board: Board): readonly Uint8Array[] => [
  encodeLocator(1, 'BMC'),
  ...sensorsOf(board).map((sensor, index) => encodeSensor(index + 2, sensor)),
];

/** IPMI v2.0 §33 and §35. */
export const SENSOR_COMMANDS: readonly Command[] = [
  {
    // Get SDR Repository Info, §33.9.
    netFn: NET_FN.storage,
    command: 0x20,
    level: LEVEL.user,
    bytes: 0,
    run: (_data, { board }) => done(0x51, ...word(recordsOf(board).length), ...word(0), ...long(0), ...long(0), 0x02),
  },
  // Reserve SDR Repository, §33.11: nothing ever changes it.
  { netFn: NET_FN.storage, command: 0x22, level: LEVEL.user, bytes: 0, run: () => done(...word(1)) },
  {
    // Get SDR, §33.12.
    netFn: NET_FN.storage,
    command: 0x23,
    level: LEVEL.user,
    bytes: 6,
    run(data, { board }) {
      const id = new DataView(data.buffer, data.byteOffset).getUint16(2, true);
      const [, , , , offset = 0, count = 0] = data;
      const records = recordsOf(board);
      const index = id === LAST ? records.length - 1 : Math.max(0, id - 1);
      const record = records[index];
      if (!record) return refused(COMPLETION.notThere);
      // A whole record does not fit into what IPMB carries.
      if (count !== 0xff && count > MOST_BYTES) return refused(COMPLETION.tooMuch);
      if (count === 0xff && record.length > MOST_BYTES) return refused(COMPLETION.tooMuch);
      const next = index + 1 < records.length ? index + 2 : LAST;
      return done(...word(next), ...record.subarray(offset, offset + count));
    },
  },
  {
    // Get Sensor Thresholds, §35.9.
    netFn: NET_FN.sensor,
    command: 0x27,
    level: LEVEL.user,
    bytes: 1,
    run: ([number], { board }) => {
      const tells = sensorsOf(board).find((one) => one.number === number)?.tells;
      if (!tells || tells.kind === 'supply') return refused(COMPLETION.notThere);
      const { kind, upper, lower } = tells;
      const readable =
        (upper === undefined ? 0 : PASSED.upperCritical) | (lower === undefined ? 0 : PASSED.lowerCritical);
      return done(readable, 0, countOf(kind, lower ?? 0), 0, 0, countOf(kind, upper ?? 0), 0);
    },
  },
  {
    // Get Sensor Reading, §35.14.
    netFn: NET_FN.sensor,
    command: 0x2d,
    level: LEVEL.user,
    bytes: 1,
    run: ([number], { board }) => readingOf(sensorsOf(board).find((one) => one.number === number)),
  },
];

/** What IPMB carries. */
const MOST_BYTES = 24;

function readingOf(sensor: BoardSensor | undefined): Completion {
  if (!sensor) return refused(COMPLETION.notThere);
  const { tells } = sensor;
  if (tells.kind === 'supply') {
    return done(
      0,
      SCANNING,
      tells.states.reduce((bits, offset) => bits | (1 << offset), 0),
      0x80,
    );
  }
  const { kind, value, upper, lower } = tells;
  if (value === undefined) return done(0, SCANNING | UNAVAILABLE, 0xc0);
  const passed =
    (upper !== undefined && value >= upper ? PASSED.upperCritical : 0) |
    (lower !== undefined && value <= lower ? PASSED.lowerCritical : 0);
  return done(countOf(kind, value), SCANNING, 0xc0 | passed);
}
