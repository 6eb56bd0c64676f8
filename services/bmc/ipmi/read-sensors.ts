import type { InventorySensor } from '#machines/contract/inventory.ts';
import { BmcError } from '../contract.ts';
import type { Conversation } from './conversation.ts';
import { COMPLETION } from './decide/completion.ts';
import { sensorOf, wattsOf, worstHealth } from './decide/sensor.ts';
import { joined } from './wire/cursor.ts';
import { NET_FN } from './wire/message.ts';
import {
  decodeReservation,
  decodeSdr,
  decodeSdrInfo,
  decodeSdrLength,
  decodeSdrPart,
  decodeSensorReading,
  FIRST_SDR,
  LAST_SDR,
  SDR,
  SDR_HEADER_BYTES,
  type SdrPart,
  sdrRequest,
  SENSOR_READING,
  type SensorReading,
  type SensorRecord,
} from './wire/sdr.ts';

/** No repository is followed further, and no more sensors are kept of one machine. */
const MOST_RECORDS = 1024;
const MOST_SENSORS = 256;
/** Small enough for every BMC, as of a FRU. */
const CHUNK = 32;
const CHUNK_LEAST = 8;
/** Somebody else changes the repository while it is read: so often it is begun anew. */
const RESERVED_AGAIN = 4;
/** Sensors of other controllers are asked over a bridge, which few BMCs open to the LAN. */
const BMC_OWNER = 0x20;

const doing = 'reading its sensors';

export type Sensors = {
  readonly sensors: readonly InventorySensor[];
  readonly health?: 'ok' | 'warning' | 'critical';
  readonly watts?: number;
  readonly gaps: readonly string[];
};

/**
 * The sensor data records and what each sensor says now: two or three requests for each. `isOn`: of the machine; where
 * it is off, still fans and dead rails are no fault. Rejects with a `BmcError`.
 */
export async function readSensors(talk: Conversation, isOn: boolean, signal: AbortSignal): Promise<Sensors> {
  const gaps: string[] = [];
  const found: { record: SensorRecord; sensor: InventorySensor }[] = [];
  let elsewhere = 0;
  for await (const bytes of records(talk, signal)) {
    const decoded = decodeSdr(bytes);
    if (!decoded.ok) gaps.push(`a sensor data record: ${decoded.because}`);
    if (!decoded.ok || decoded.value.kind !== 'sensor') continue;
    const record = decoded.value;
    if (record.owner !== BMC_OWNER || record.lun !== 0) {
      elsewhere += 1;
      continue;
    }
    // Nothing is asked about a watchdog.
    if (sensorOf(record, undefined, isOn) === undefined) continue;
    const sensor = sensorOf(record, await readSensor(talk, record, signal), isOn);
    if (sensor) found.push({ record, sensor });
    if (found.length >= MOST_SENSORS) {
      gaps.push(`it has more than ${MOST_SENSORS} sensors: the others were not read`);
      break;
    }
  }
  if (elsewhere > 0) gaps.push(`${elsewhere} sensors belong to other controllers, which are not asked`);
  const sensors = found.map(({ sensor }) => sensor);
  const health = worstHealth(sensors);
  const watts = wattsOf(found);
  return { sensors, ...(health ? { health } : {}), ...(watts === undefined ? {} : { watts }), gaps };
}

async function readSensor(
  talk: Conversation,
  { number }: SensorRecord,
  signal: AbortSignal,
): Promise<SensorReading | undefined> {
  const order = { netFn: NET_FN.sensor, cmd: SENSOR_READING, data: Uint8Array.of(number), doing };
  try {
    return await talk.read(order, decodeSensorReading, signal);
  } catch (error) {
    // A supply that was pulled out, a sensor that starts: the others can be read all the same.
    if (error instanceof BmcError && OF_ONE_SENSOR.has(error.code)) return undefined;
    throw error;
  }
}

const OF_ONE_SENSOR: ReadonlySet<string> = new Set(['not-supported', 'refused', 'malformed', 'state', 'busy']);

/** Whole records, in the order of the repository. */
async function* records(talk: Conversation, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const about = { netFn: NET_FN.storage, doing };
  const { records: count } = await talk.read({ ...about, cmd: SDR.info }, decodeSdrInfo, signal);
  if (count === 0) return;
  const reserve = () => talk.read({ ...about, cmd: SDR.reserve }, decodeReservation, signal);
  let reservation = await reserve();
  let again = 0;
  const seen = new Set<number>();
  for (let id = FIRST_SDR; id !== LAST_SDR && seen.size < MOST_RECORDS && !seen.has(id); ) {
    const record = await whole(id);
    seen.add(id);
    yield record.bytes;
    id = record.next;
  }

  async function whole(record: number): Promise<{ readonly bytes: Uint8Array; readonly next: number }> {
    const { bytes: header, next } = await part({ record, offset: 0, count: SDR_HEADER_BYTES });
    const length = decodeSdrLength(header);
    if (!length.ok) throw new BmcError('malformed', `${doing}: ${length.because}`);
    let bytes = header.subarray(0, SDR_HEADER_BYTES);
    while (bytes.length < length.value) {
      const got = await part({ record, offset: bytes.length, count: Math.min(CHUNK, length.value - bytes.length) });
      if (got.bytes.length === 0) throw new BmcError('malformed', `${doing}: record ${record} ends early`);
      bytes = joined(bytes, got.bytes).subarray(0, length.value);
    }
    return { bytes, next };
  }

  async function part(wanted: SdrPart): Promise<{ readonly bytes: Uint8Array; readonly next: number }> {
    for (let count = wanted.count; ; ) {
      const response = await talk.send(
        {
          ...about,
          cmd: SDR.record,
          data: sdrRequest(reservation, { ...wanted, count }),
          allow: [
            ...(again < RESERVED_AGAIN ? [COMPLETION.reservation] : []),
            ...(count > CHUNK_LEAST ? [COMPLETION.limit, COMPLETION.requestLength] : []),
          ],
        },
        signal,
      );
      if (response.completion === COMPLETION.reservation) {
        again += 1;
        reservation = await reserve();
      } else if (response.completion !== COMPLETION.ok) count = Math.max(CHUNK_LEAST, count >>> 1);
      else {
        const got = decodeSdrPart(response.data);
        if (!got.ok) throw new BmcError('malformed', `${doing}: ${got.because}`);
        return got.value;
      }
    }
  }
}
