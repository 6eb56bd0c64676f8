import type { Attempt, TraceEvent } from '#machines/contract/trace.ts';
import type { TraceBatch, TracedPacket, TraceStore } from '#services/store/contract.ts';

/** Traces in memory. `broken` makes every write fail, as on a full disk; `batches` are what was written. */
export function memoryTraceStore(): TraceStore & { broken: boolean; readonly batches: TraceBatch[] } {
  const attempts = new Map<string, Attempt>();
  const events = new Map<string, TraceEvent[]>();
  const packets: TracedPacket[] = [];
  const newestFirst = () =>
    [...attempts.values()].sort((one, other) => other.startedAt - one.startedAt || (one.id < other.id ? 1 : -1));
  return {
    broken: false,
    batches: [],
    async append(batch) {
      if (this.broken) throw new Error('the disk is full');
      this.batches.push(batch);
      for (const attempt of batch.attempts) attempts.set(attempt.id, attempt);
      for (const { attempt, event } of batch.events) {
        const list = events.get(attempt) ?? [];
        if (list.some(({ seq }) => seq === event.seq)) throw new Error(`event ${event.seq} twice`);
        if (!attempts.has(attempt)) throw new Error('an event of no attempt');
        list.push(event);
        events.set(attempt, list);
      }
      for (const packet of batch.packets ?? []) {
        if (!attempts.has(packet.attempt)) throw new Error('a packet of no attempt');
        packets.push(packet);
      }
    },
    async attempts({ machine, mac, before, beforeId = '', limit }) {
      return newestFirst()
        .filter((one) => machine === undefined || one.machine === machine)
        .filter((one) => mac === undefined || one.mac === mac)
        .filter(
          ({ startedAt, id }) => before === undefined || startedAt < before || (startedAt === before && id < beforeId),
        )
        .slice(0, limit);
    },
    async attempt(id) {
      return attempts.get(id);
    },
    async events(attempt, after, limit) {
      return (events.get(attempt) ?? []).filter(({ seq }) => seq > after).slice(0, limit);
    },
    async packets(attempt) {
      return packets.filter((one) => one.attempt === attempt);
    },
    async prune(keep) {
      const kept = newestFirst().slice(0, keep.attempts);
      const gone = [...attempts.values()].filter(
        (one) => !kept.includes(one) || (one.endedAt !== undefined && one.endedAt < keep.after),
      );
      for (const { id } of gone) {
        attempts.delete(id);
        events.delete(id);
      }
      return gone.length;
    },
  };
}
