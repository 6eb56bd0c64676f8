import type { BmcEvent } from '#machines/contract/power.ts';
import { BmcError } from '../contract.ts';
import type { Conversation } from './conversation.ts';
import { COMPLETION } from './decide/completion.ts';
import { eventOf } from './decide/event-text.ts';
import { NET_FN } from './wire/message.ts';
import {
  decodeSelEntry,
  decodeSelInfo,
  FIRST_RECORD,
  LAST_RECORD,
  SEL,
  selEntryRequest,
  type SelEntry,
  type SelRecord,
} from './wire/sel.ts';

/** The newest that are read: each costs a round trip. */
const MOST_EVENTS = 256;
/** No log is followed further, whatever its records point at. */
const MOST_STEPS = 4096;

/** The System Event Log, newest last. Record by record: nothing is reserved, so that nothing is lost to other readers. */
export async function readEvents(talk: Conversation, signal: AbortSignal): Promise<readonly BmcEvent[]> {
  const doing = 'reading its event log';
  const infoOrder = { netFn: NET_FN.storage, cmd: SEL.info, doing };
  const { entries } = await talk.read(infoOrder, decodeSelInfo, signal);
  if (entries === 0) return [];
  const records = (entries > MOST_EVENTS ? await fromTheEnd() : undefined) ?? (await follow(FIRST_RECORD)) ?? [];
  return records.slice(-MOST_EVENTS).map(eventOf);

  /** Record IDs of most BMCs count up: then the last ones are found without the first ones. */
  async function fromTheEnd(): Promise<readonly SelRecord[] | undefined> {
    const last = await entry(LAST_RECORD);
    const start = last ? last.record.id - MOST_EVENTS + 1 : 0;
    return start > 0 ? await follow(start) : undefined;
  }

  /** From a record to the last one; undefined where there is no such record. */
  async function follow(first: number): Promise<readonly SelRecord[] | undefined> {
    const records: SelRecord[] = [];
    const seen = new Set<number>();
    for (let id = first; records.length < MOST_STEPS; ) {
      const got = await entry(id);
      if (!got) return records.length > 0 ? records : undefined;
      records.push(got.record);
      seen.add(got.record.id);
      if (got.next === LAST_RECORD || seen.has(got.next)) break;
      id = got.next;
    }
    return records;
  }

  async function entry(id: number): Promise<SelEntry | undefined> {
    const response = await talk.send(
      {
        netFn: NET_FN.storage,
        cmd: SEL.entry,
        data: selEntryRequest(id),
        doing,
        allow: [COMPLETION.notPresent, COMPLETION.outOfRange],
      },
      signal,
    );
    if (response.completion !== COMPLETION.ok) return undefined;
    const decoded = decodeSelEntry(response.data);
    if (!decoded.ok) throw new BmcError('malformed', `${doing}: ${decoded.because}`);
    return decoded.value;
  }
}
