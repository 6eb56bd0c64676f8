import type { TracedPacket } from '#services/store/contract.ts';
import type { TracePacket } from './contract.ts';

/**
 * The first datagrams of each attempt, on their way to the store. Bounded for each attempt, and in bytes that wait in
 * all; what is over the bounds is not kept.
 */
export function packetKeeper(limits: {
  readonly packets: number;
  readonly packetBytes: number;
  readonly packetBytesInAll: number;
}) {
  let waiting: TracedPacket[] = [];
  let writing: readonly TracedPacket[] = [];
  let bytes = 0;

  return {
    /** `number` is how many are kept already. Tells whether this one is, too. */
    keep(attempt: string, number: number, packet: TracePacket, at: number): boolean {
      const { source, destination, payload } = packet;
      const { length } = payload;
      if (number >= limits.packets || length > limits.packetBytes) return false;
      if (bytes + length > limits.packetBytesInAll) return false;
      bytes += length;
      waiting.push({ attempt, number: number + 1, at, source, destination, payload: payload.slice() });
      return true;
    },
    pending: (attempt: string): readonly TracedPacket[] =>
      [...writing, ...waiting].filter((one) => one.attempt === attempt),
    get waiting(): number {
      return waiting.length;
    },
    /** Takes some to write; then either `written` or `failed` is to be called. */
    take(most: number): readonly TracedPacket[] {
      writing = waiting.splice(0, most);
      return writing;
    },
    written(): void {
      for (const { payload } of writing) bytes -= payload.length;
      writing = [];
    },
    failed(): void {
      waiting = [...writing, ...waiting];
      writing = [];
    },
  };
}

export type PacketKeeper = ReturnType<typeof packetKeeper>;
