import { COMPLETION, type Command, done, type IpmiMemory, NET_FN, refused } from '../command.ts';
import type { EventLog } from '../../event-log.ts';
import { LEVEL } from '../sessions.ts';
import { long, word } from '../wire/byte-reader.ts';
import { encodeSelRecord, SEL_RECORD_BYTES } from '../wire/sel-record.ts';

const VERSION = 0x51;
const RESERVE_SUPPORTED = 0x02;
const FIRST = 0x0000;
const LAST = 0xffff;
const CLEAR = { begin: 0xaa, status: 0x00 } as const;
const ERASED = 0x01;

const seconds = (milliseconds: number): readonly number[] => long(Math.floor(milliseconds / 1000));

/** IPMI v2.0 §31: the System Event Log, and the clock that it goes by. */
export const EVENT_LOG_COMMANDS: readonly Command[] = [
  {
    // Get SEL Info, §31.2.
    netFn: NET_FN.storage,
    command: 0x40,
    level: LEVEL.user,
    bytes: 0,
    run(_data, { board: { log } }) {
      const count = log.entries().length;
      const free = Math.max(0, log.capacity - count) * SEL_RECORD_BYTES;
      const { addedAt, clearedAt } = log.changed;
      return done(
        VERSION,
        ...word(count),
        ...word(free),
        ...seconds(addedAt()),
        ...seconds(clearedAt()),
        RESERVE_SUPPORTED,
      );
    },
  },
  {
    // Reserve SEL, §31.4.
    netFn: NET_FN.storage,
    command: 0x42,
    level: LEVEL.user,
    bytes: 0,
    run(_data, { memory }) {
      memory.reservation = (memory.reservation % 0xffff) + 1;
      return done(...word(memory.reservation));
    },
  },
  {
    // Get SEL Entry, §31.5.
    netFn: NET_FN.storage,
    command: 0x43,
    level: LEVEL.user,
    bytes: 6,
    run(data, { board: { log }, memory }) {
      const view = new DataView(data.buffer, data.byteOffset);
      const [reservation, id] = [view.getUint16(0, true), view.getUint16(2, true)];
      const [offset, count] = [view.getUint8(4), view.getUint8(5)];
      if (offset > 0 && !isReserved(memory, reservation)) return refused(COMPLETION.reservation);
      const entries = log.entries();
      const index = id === FIRST ? 0 : id === LAST ? entries.length - 1 : entries.findIndex((one) => one.id === id);
      const entry = entries[index];
      if (!entry) return refused(COMPLETION.notThere);
      if (offset >= SEL_RECORD_BYTES) return refused(COMPLETION.range);
      const record = encodeSelRecord({ ...entry, time: Math.floor(entry.at / 1000) });
      const next = entries[index + 1]?.id ?? LAST;
      return done(...word(next), ...record.subarray(offset, offset + count));
    },
  },
  {
    // Add SEL Entry, §31.6: system events alone.
    netFn: NET_FN.storage,
    command: 0x44,
    level: LEVEL.operator,
    bytes: SEL_RECORD_BYTES,
    run(data, { board }) {
      const [, , type, , , , , , , , sensorType = 0, sensor = 0, , offset = 0] = data;
      if (type !== 0x02) return refused(COMPLETION.field);
      if (!board.fault('lies')) {
        board.log.add({ severity: 'OK', text: 'Event added', sensorType, sensor, offset: offset & 0x0f });
      }
      return done(...word(board.log.entries().at(-1)?.id ?? 0));
    },
  },
  {
    // Clear SEL, §31.9.
    netFn: NET_FN.storage,
    command: 0x47,
    level: LEVEL.operator,
    bytes: 6,
    run(data, { board, memory }) {
      const view = new DataView(data.buffer, data.byteOffset);
      if (!isReserved(memory, view.getUint16(0, true))) return refused(COMPLETION.reservation);
      if (new TextDecoder().decode(data.subarray(2, 5)) !== 'CLR') return refused(COMPLETION.field);
      const wanted = view.getUint8(5);
      if (wanted !== CLEAR.begin && wanted !== CLEAR.status) return refused(COMPLETION.field);
      if (wanted === CLEAR.begin && !board.fault('lies')) clear(board.log, memory);
      return done(ERASED);
    },
  },
  {
    // Get SEL Time, §31.10.
    netFn: NET_FN.storage,
    command: 0x48,
    level: LEVEL.user,
    bytes: 0,
    run: (_data, { board }) => done(...seconds(board.clock())),
  },
  {
    // Set SEL Time, §31.11.
    netFn: NET_FN.storage,
    command: 0x49,
    level: LEVEL.operator,
    bytes: 4,
    run(data, { board }) {
      if (!board.fault('lies')) board.setClock(new DataView(data.buffer, data.byteOffset).getUint32(0, true) * 1000);
      return done();
    },
  },
];

const isReserved = (memory: IpmiMemory, reservation: number): boolean =>
  memory.reservation !== 0 && memory.reservation === reservation;

/** Whoever has reserved it before has to look again. */
function clear(log: EventLog, memory: IpmiMemory): void {
  log.clear();
  memory.reservation = (memory.reservation % 0xffff) + 1;
}
