import { inventory, inventorySensor } from '#machines/contract/inventory.ts';
import { eventOf } from '#services/bmc/ipmi/decide/event-text.ts';
import { identityOf, inventoryOf, statusOf } from '#services/bmc/ipmi/decide/hardware.ts';
import { heard, NOTHING_HEARD } from '#services/bmc/ipmi/decide/sol-hearing.ts';
import { openPacket, type SessionKeys } from '#services/bmc/ipmi/session-crypto.ts';
import { decodeBootFlags } from '#services/bmc/ipmi/wire/boot-options.ts';
import { decodeChassisStatus } from '#services/bmc/ipmi/wire/chassis.ts';
import type { Decoded } from '#services/bmc/ipmi/wire/cursor.ts';
import {
  decodeDcmiPower,
  decodeDeviceId,
  decodeGuid,
  decodeLanAddress,
  decodeLanMac,
} from '#services/bmc/ipmi/wire/device.ts';
import { decodeFru, decodeFruAreaInfo, decodeFruRead, fruSpan } from '#services/bmc/ipmi/wire/fru.ts';
import { decodeResponse } from '#services/bmc/ipmi/wire/message.ts';
import { decodeAsfPong, decodeRmcp } from '#services/bmc/ipmi/wire/rmcp.ts';
import { sensorOf } from '#services/bmc/ipmi/decide/sensor.ts';
import {
  decodeReservation,
  decodeSdr,
  decodeSdrInfo,
  decodeSdrLength,
  decodeSdrPart,
  decodeSensorReading,
  type SensorRecord,
} from '#services/bmc/ipmi/wire/sdr.ts';
import { decodeUserAccess, decodeUserName } from '#services/bmc/ipmi/wire/users.ts';
import { decodeSelEntry, decodeSelInfo } from '#services/bmc/ipmi/wire/sel.ts';
import { decodeSessionPacket, splitTrailer } from '#services/bmc/ipmi/wire/session-packet.ts';
import {
  decodeAuthCapabilities,
  decodeCipherSuites,
  decodeOpenResponse,
  decodeRakp2,
  decodeRakp4,
} from '#services/bmc/ipmi/wire/session-setup.ts';
import { decodeActivated, decodeSol, encodeSol } from '#services/bmc/ipmi/wire/sol.ts';

export type FuzzResult = { readonly inputs: number; readonly read: number; readonly malformed: number };

const KEYS: SessionKeys = {
  suite: 17,
  integrity: new Uint8Array(32).fill(1),
  encryption: new Uint8Array(16).fill(2),
  rakp4Code: new Uint8Array(16),
};

const DECODERS: readonly ((bytes: Uint8Array) => Decoded<unknown>)[] = [
  decodeRmcp,
  decodeAsfPong,
  decodeSessionPacket,
  (bytes) => openPacket(KEYS, bytes),
  (bytes) => splitTrailer(bytes, Math.min(bytes.length, 20), 16),
  decodeResponse,
  decodeOpenResponse,
  decodeRakp2,
  decodeRakp4,
  decodeAuthCapabilities,
  decodeBootFlags,
  decodeLanAddress,
  decodeLanMac,
  decodeDcmiPower,
  decodeSelInfo,
  decodeFruAreaInfo,
  (bytes) => decodeFruRead(bytes, 2),
  decodeActivated,
  (bytes) => mapped(decodeChassisStatus(bytes), statusOf),
  (bytes) => mapped(decodeSelEntry(bytes), ({ record }) => plain(eventOf(record).text)),
  (bytes) => mapped(decodeSol(bytes), (packet) => heard(NOTHING_HEARD, decodedAgain(encodeSol(packet)))),
  (bytes) => mapped(decodeDeviceId(bytes), (device) => holds({ device })),
  decodeSdrInfo,
  decodeReservation,
  decodeSdrLength,
  decodeSdrPart,
  decodeUserAccess,
  decodeUserName,
  (bytes) => mapped(decodeSdr(bytes), (record) => record.kind === 'sensor' && tells(record, bytes)),
  (bytes) => mapped(decodeGuid(bytes), (guid) => holds({ guid })),
  (bytes) => mapped(decodeFru(bytes), (fru) => holds({ fru })),
];

/**
 * Valid bytes, mutated `count` times from `seed`, each put through every codec and what is made of it. Throws at the
 * first that breaks a promise: that a codec never throws, that text is plain, that the contract of an inventory holds.
 */
export function fuzzIpmi(order: {
  readonly corpus: readonly Uint8Array[];
  readonly count: number;
  readonly seed: number;
}): FuzzResult {
  const random = randomNumbers(order.seed);
  let read = 0;
  for (let input = 0; input < order.count; input++) {
    const bytes = mutated(order.corpus, random);
    try {
      if (survives(bytes)) read += 1;
    } catch (cause) {
      throw new Error(`input ${input} of seed ${order.seed}: ${Buffer.from(bytes).toString('hex')}`, { cause });
    }
  }
  return { inputs: order.count, read, malformed: order.count - read };
}

/** Whether any of the codecs could read it, besides those that take all. */
export function survives(bytes: Uint8Array): boolean {
  if (decodeCipherSuites(bytes).length > bytes.length / 2) throw new Error('more suites than there is room for');
  if (fruSpan(bytes).length > 3) throw new Error('more areas than there are');
  return DECODERS.map((decode) => decode(bytes).ok).filter(Boolean).length > 10;
}

function mapped<T>(decoded: Decoded<T>, use: (value: T) => unknown): Decoded<unknown> {
  if (decoded.ok) use(decoded.value);
  return decoded;
}

function decodedAgain(bytes: Uint8Array) {
  const decoded = decodeSol(bytes);
  if (!decoded.ok) throw new Error(decoded.because);
  return decoded.value;
}

function plain(text: string): void {
  if (/[^ -~]/.test(text)) throw new Error(`${JSON.stringify(text)} is not plain`);
}

function holds(facts: Omit<Parameters<typeof inventoryOf>[0], 'gaps'>): void {
  identityOf({ ...facts, gaps: [] });
  const { error } = inventory.safeParse(inventoryOf({ ...facts, gaps: [] }, 0));
  if (error) throw error;
}

/** The same bytes are its reading: whatever they say, the contract holds. */
function tells(record: SensorRecord, bytes: Uint8Array): void {
  const reading = decodeSensorReading(bytes);
  const sensor = sensorOf(record, reading.ok ? { ...reading.value, isAvailable: true } : undefined, true);
  const { error } = inventorySensor.safeParse(sensor ?? { name: '', kind: 'other' });
  if (error) throw error;
}

type Random = (below: number) => number;

/** Mulberry32: the same inputs for the same seed everywhere. */
export function randomNumbers(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const INTERESTING = [0, 1, 2, 6, 7, 15, 16, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xc1, 0xfe, 0xff];

function mutated(corpus: readonly Uint8Array[], random: Random): Uint8Array {
  let bytes: number[] = [...(corpus[random(corpus.length)] ?? [])];
  const byte = (): number => (random(2) === 0 ? (INTERESTING[random(INTERESTING.length)] ?? 0) : random(256));
  for (let rounds = 1 + random(5); rounds > 0; rounds--) {
    const at = random(bytes.length + 1);
    switch (random(6)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        break;
      case 1:
        if (at < bytes.length) bytes[at] = byte();
        break;
      case 2:
        bytes = bytes.slice(0, at);
        break;
      case 3:
        bytes.splice(at, random(8));
        break;
      case 4:
        bytes.splice(at, 0, ...Array.from({ length: 1 + random(16) }, byte));
        break;
      default:
        bytes = [...bytes.slice(0, at), ...(corpus[random(corpus.length)] ?? []).slice(at)];
    }
  }
  return sealedAgain(Uint8Array.from(bytes), random);
}

/** Half of the time the checksums are put right, so that what lies behind them is reached, too. */
function sealedAgain(bytes: Uint8Array, random: Random): Uint8Array {
  if (random(2) === 0) return bytes;
  const seal = (start: number, end: number): void => {
    const span = bytes.subarray(start, end - 1);
    if (end <= bytes.length && end > start) bytes[end - 1] = -span.reduce((sum, byte) => sum + byte, 0) & 0xff;
  };
  if ((bytes[0] ?? 0) === 1 && bytes.length >= 8) {
    seal(0, 8);
    for (const start of fruSpan(bytes)) seal(start, start + (bytes[start + 1] ?? 0) * 8);
  } else if (bytes.length >= 8) {
    seal(0, 3);
    seal(3, bytes.length);
  }
  return bytes;
}
