import { SOL_STATUS, type SolPacket } from '../wire/sol.ts';

/** The last packet with characters that came in. */
export type SolHearing = { readonly sequence: number; readonly length: number };

export const NOTHING_HEARD: SolHearing = { sequence: 0, length: 0 };

export type SolHeard = {
  readonly hearing: SolHearing;
  /** Characters that were not heard before. */
  readonly fresh: Uint8Array;
  /** What is said back; acknowledgements are not acknowledged. */
  readonly ack?: SolPacket;
};

/**
 * IPMI v2.0 §15.11: a packet that comes again, since its acknowledgement was lost, is acknowledged again; it may have
 * grown meanwhile, and then its tail is new.
 */
export function heard(hearing: SolHearing, packet: SolPacket): SolHeard {
  const { sequence, data } = packet;
  if (sequence === 0) return { hearing, fresh: new Uint8Array(0) };
  const known = sequence === hearing.sequence ? hearing.length : 0;
  return {
    hearing: { sequence, length: Math.max(known, data.length) },
    fresh: data.subarray(known),
    ack: { sequence: 0, ack: sequence, accepted: data.length, flags: 0, data: new Uint8Array(0) },
  };
}

/** Packets of a console are numbered 1 to 15. */
export const nextSolSequence = (sequence: number): number => (sequence % 15) + 1;

/** What an answer says of the packet with this number; undefined where it says nothing of it. */
export function ackOf(
  packet: SolPacket,
  sent: { readonly sequence: number; readonly length: number },
): { readonly accepted: number; readonly isHeld: boolean } | undefined {
  if (packet.ack !== sent.sequence || sent.sequence === 0) return undefined;
  const isRefused = (packet.flags & SOL_STATUS.nack) !== 0;
  const isHeld = (packet.flags & SOL_STATUS.unavailable) !== 0;
  // Some BMCs acknowledge and leave the count at 0: a packet that is not refused was taken.
  const accepted = packet.accepted === 0 && !isRefused ? sent.length : Math.min(packet.accepted, sent.length);
  return { accepted, isHeld };
}
