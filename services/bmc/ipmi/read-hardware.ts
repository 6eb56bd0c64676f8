import { isMachineMac, macFromBytes } from '#machines/values/mac-address.ts';
import { BmcError } from '../contract.ts';
import type { Conversation, Order } from './conversation.ts';
import { COMPLETION } from './decide/completion.ts';
import { type HardwareFacts, statusOf } from './decide/hardware.ts';
import { readSensors } from './read-sensors.ts';
import { CHASSIS, decodeChassisStatus } from './wire/chassis.ts';
import { type Decoded, joined } from './wire/cursor.ts';
import {
  DCMI_POWER_REQUEST,
  DEVICE,
  decodeDcmiPower,
  decodeDeviceId,
  type DeviceId,
  decodeGuid,
  decodeLanAddress,
  decodeLanMac,
  LAN_PARAMETER,
  lanParameterRequest,
} from './wire/device.ts';
import { decodeFru, decodeFruAreaInfo, decodeFruRead, FRU, type Fru, fruReadRequest, fruSpan } from './wire/fru.ts';
import { NET_FN } from './wire/message.ts';

/** FRU device 0 is the BMC's own board, by which the machine is known (IPMI v2.0 §34). */
const OWN_FRU = 0;
/** Small enough for every BMC: ipmitool begins with 32 too. Those that have less say so. */
const FRU_CHUNK = 32;
const FRU_CHUNK_LEAST = 8;
/** An area holds 255 units of 8; those of interest begin early. */
const FRU_MOST_BYTES = 8192;

export const readDeviceId = (talk: Conversation, signal: AbortSignal): Promise<DeviceId> =>
  talk.read({ netFn: NET_FN.app, cmd: DEVICE.deviceId, doing: 'reading its device ID' }, decodeDeviceId, signal);

/** Who the machine is: what a BMC cannot tell is a gap, unless it does not answer at all. */
export async function readIdentity(talk: Conversation, signal: AbortSignal): Promise<HardwareFacts> {
  const gaps: string[] = [];
  const device = await orGap(gaps, readDeviceId(talk, signal));
  const guidOrder = { netFn: NET_FN.app, cmd: DEVICE.systemGuid, doing: 'reading its GUID' };
  // go-ipmi's BMC does not know the question, and tells the GUID to who logs in.
  const guid = (await orGap([], talk.read(guidOrder, decodeGuid, signal))) ?? talk.guid();
  if (!guid) gaps.push('its GUID cannot be read');
  const fru = await orGap(gaps, readFru(talk, signal));
  return { device, guid, fru, gaps };
}

export async function readInventory(talk: Conversation, signal: AbortSignal): Promise<HardwareFacts> {
  const identity = await readIdentity(talk, signal);
  const gaps = [...identity.gaps];
  const lan = <T>(parameter: number, doing: string, decode: (data: Uint8Array) => Decoded<T>) => {
    const order: Order = {
      netFn: NET_FN.transport,
      cmd: DEVICE.lanParameters,
      data: lanParameterRequest(parameter),
      doing,
    };
    return orGap(gaps, talk.read(order, decode, signal));
  };
  const address = await lan(LAN_PARAMETER.address, 'reading its IP address', decodeLanAddress);
  const mac = await lan(LAN_PARAMETER.mac, 'reading its MAC address', decodeLanMac);
  const dcmi: Order = {
    netFn: NET_FN.group,
    cmd: DEVICE.dcmiPower,
    data: DCMI_POWER_REQUEST,
    doing: 'reading how much power it draws',
  };
  // Few boards have DCMI; that one does not is no gap.
  const measured = await orGap([], talk.read(dcmi, decodeDcmiPower, signal));
  const chassis: Order = { netFn: NET_FN.chassis, cmd: CHASSIS.status, doing: 'reading the power' };
  const status = await orGap(gaps, talk.read(chassis, decodeChassisStatus, signal));
  const told = await orGap(gaps, readSensors(talk, status?.isOn ?? true, signal));
  return {
    ...identity,
    // What is not set is all zero.
    address: address === '0.0.0.0' ? undefined : address,
    mac: mac && isMachineMac(macFromBytes(mac)) ? macFromBytes(mac) : undefined,
    watts: measured ?? told?.watts,
    sensors: told?.sensors,
    health: worst(told?.health, status && statusOf(status).health),
    gaps: [...gaps, ...(told?.gaps ?? [])],
  };
}

type Health = HardwareFacts['health'];

const worst = (one: Health, other: Health): Health =>
  (['critical', 'warning', 'ok'] as const).find((health) => health === one || health === other);

/** Nothing, with a gap, where the BMC says no; what concerns the whole BMC is thrown. */
async function orGap<T>(gaps: string[], reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof BmcError) || !OF_ONE_THING.has(error.code)) throw error;
    gaps.push(error.message);
    return undefined;
  }
}

const OF_ONE_THING: ReadonlySet<string> = new Set(['not-supported', 'refused', 'malformed', 'privilege', 'state']);

async function readFru(talk: Conversation, signal: AbortSignal): Promise<Fru> {
  const doing = 'reading its FRU';
  const infoOrder = { netFn: NET_FN.storage, cmd: FRU.areaInfo, data: Uint8Array.of(OWN_FRU), doing };
  const info = await talk.read(infoOrder, decodeFruAreaInfo, signal);
  const size = Math.min(info.bytes, FRU_MOST_BYTES);
  const unit = info.isByWords ? 2 : 1;
  let bytes: Uint8Array = new Uint8Array(0);
  let chunk = FRU_CHUNK;
  while (bytes.length < size) {
    if (hasAll(bytes)) break;
    const count = Math.max(1, Math.floor(Math.min(chunk, size - bytes.length) / unit));
    const response = await talk.send(
      {
        netFn: NET_FN.storage,
        cmd: FRU.read,
        data: fruReadRequest(OWN_FRU, bytes.length / unit, count),
        doing,
        allow: chunk > FRU_CHUNK_LEAST ? [COMPLETION.limit, COMPLETION.requestLength] : [],
      },
      signal,
    );
    if (response.completion !== COMPLETION.ok) {
      chunk /= 2;
      continue;
    }
    const part = decodeFruRead(response.data, unit);
    if (!part.ok) throw new BmcError('malformed', `${doing}: ${part.because}`);
    if (part.value.length === 0) break;
    bytes = joined(bytes, part.value);
  }
  const decoded = decodeFru(bytes);
  if (!decoded.ok) throw new BmcError('malformed', `${doing}: ${decoded.because}`);
  return decoded.value;
}

/** The areas that are read here are here: FRU devices of kilobytes are mostly empty. */
function hasAll(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  return fruSpan(bytes).every((start) => {
    const length = bytes[start + 1];
    return length !== undefined && bytes.length >= start + length * 8;
  });
}
