import type { TracePacket } from './contract.ts';

export type KeptPacket = TracePacket & { readonly at: number };

/**
 * The first datagrams of each attempt, in memory. Bounded for each attempt and in all; what is over the bounds is not
 * kept, and `keep` says so.
 */
export function packetKeeper(limits: {
  readonly packets: number;
  readonly packetBytes: number;
  readonly packetBytesInAll: number;
}) {
  const kept = new Map<string, KeptPacket[]>();
  let bytes = 0;
  return {
    keep(attempt: string, packet: TracePacket, at: number): boolean {
      const list = kept.get(attempt) ?? [];
      const { length } = packet.payload;
      if (list.length >= limits.packets || length > limits.packetBytes) return false;
      if (bytes + length > limits.packetBytesInAll) return false;
      bytes += length;
      list.push({ ...packet, payload: packet.payload.slice(), at });
      kept.set(attempt, list);
      return true;
    },
    of: (attempt: string): readonly KeptPacket[] => kept.get(attempt) ?? [],
    forget(attempt: string): void {
      for (const { payload } of kept.get(attempt) ?? []) bytes -= payload.length;
      kept.delete(attempt);
    },
  };
}
