import type { PowerBackend } from '../power-backend.ts';
import type { IpmiSession } from './sessions.ts';
import { concat } from './wire/byte-reader.ts';
import { encodeSol, SOL_FROM_BMC, SOL_FROM_CONSOLE, type SolPacket } from './wire/sol-packet.ts';

/** How many characters one packet may hold. */
export const SOL_CHARACTERS = 200;
/** IPMI v2.0 table 26-5, parameter 4: so many tries, so long apart. */
const RETRIES = 7;
const RETRY_MS = 500;
/** What a slow console leaves lying is lost from the oldest on. */
const BUFFER_BYTES = 16 * 1024;

/** The serial line of a machine, in one session at a time (IPMI v2.0 §15). */
export type SerialOverLan = {
  /** False when another session has it. */
  activate(session: IpmiSession): boolean;
  holder(): IpmiSession | undefined;
  deactivate(): void;
  receive(session: IpmiSession, packet: SolPacket): void;
};

export function openSerialOverLan(options: {
  readonly backend: PowerBackend;
  readonly send: (session: IpmiSession, payload: Uint8Array) => void;
  /** A BMC that is stopped sends nothing more. */
  readonly signal: AbortSignal;
}): SerialOverLan {
  const { backend, send, signal } = options;
  let active: Active | undefined;

  function deactivate(): void {
    const ended = active;
    if (!ended) return;
    active = undefined;
    ended.unlisten();
    clearTimeout(ended.timer);
    say(ended.session, { bits: SOL_FROM_BMC.deactivating });
  }

  function say(session: IpmiSession, packet: Partial<SolPacket>): void {
    if (signal.aborted) return;
    const empty = { sequence: 0, acknowledges: 0, accepted: 0, bits: 0, characters: new Uint8Array() };
    send(session, encodeSol({ ...empty, ...packet }));
  }

  /** One packet is on its way at a time; the next goes when it is acknowledged. */
  function flush(line: Active): void {
    if (line.flight || line.waiting.length === 0) return;
    line.number = (line.number % 15) + 1;
    line.flight = { sequence: line.number, characters: line.waiting.slice(0, SOL_CHARACTERS), tries: 0 };
    line.waiting = line.waiting.slice(line.flight.characters.length);
    transmit(line);
  }

  function transmit(line: Active): void {
    const { flight } = line;
    if (!flight || line !== active) return;
    if (flight.tries++ > RETRIES) {
      // Nobody listens: what comes after it may reach somebody.
      line.flight = undefined;
      flush(line);
      return;
    }
    const { sequence, characters } = flight;
    say(line.session, { sequence, characters, bits: line.overrun ? SOL_FROM_BMC.overrun : 0 });
    line.overrun = false;
    clearTimeout(line.timer);
    line.timer = setTimeout(() => transmit(line), RETRY_MS).unref();
  }

  function acknowledged(line: Active, packet: SolPacket): void {
    const { flight } = line;
    if (!flight || packet.acknowledges !== flight.sequence) return;
    // A console that cannot take it gets it again in a while.
    if ((packet.bits & SOL_FROM_CONSOLE.nack) !== 0) return;
    clearTimeout(line.timer);
    line.waiting = concat(flight.characters.subarray(packet.accepted), line.waiting);
    line.flight = undefined;
    flush(line);
  }

  return {
    activate(session) {
      if (active) return active.session === session;
      const line: Active = {
        session,
        waiting: new Uint8Array(),
        number: 0,
        heard: undefined,
        overrun: false,
        unlisten: backend.onConsole((bytes) => {
          const all = concat(line.waiting, bytes);
          line.overrun ||= all.length > BUFFER_BYTES;
          line.waiting = all.subarray(-BUFFER_BYTES);
          flush(line);
        }),
      };
      active = line;
      return true;
    },
    holder: () => active?.session,
    deactivate,
    receive(session, packet) {
      const line = active;
      if (!line || line.session !== session) return;
      if ((packet.bits & SOL_FROM_CONSOLE.flushOutbound) !== 0) line.waiting = new Uint8Array();
      acknowledged(line, packet);
      if (packet.sequence === 0) return;
      // The same packet once more: our acknowledgement got lost, its characters did not.
      if (packet.sequence !== line.heard) backend.type(packet.characters);
      line.heard = packet.sequence;
      say(session, { acknowledges: packet.sequence, accepted: packet.characters.length });
    },
  };
}

type Active = {
  readonly session: IpmiSession;
  readonly unlisten: () => void;
  waiting: Uint8Array;
  flight?: { readonly sequence: number; readonly characters: Uint8Array; tries: number } | undefined;
  number: number;
  heard: number | undefined;
  overrun: boolean;
  timer?: NodeJS.Timeout;
};
