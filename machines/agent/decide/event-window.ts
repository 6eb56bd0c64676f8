import type { EventsRequest } from '../../api/messages/streams.ts';

type Kept = { readonly id: string; readonly atMs: number };

/** Which of the kept events, oldest first, a new stream starts with: all from an index on. */
export function firstEvent(
  kept: readonly Kept[],
  request: EventsRequest,
  nowMs: number,
): { readonly ok: true; readonly index: number } | { readonly ok: false; readonly because: string } {
  const asked = [request.tail_events !== 0, request.tail_id !== '', request.tail_seconds !== 0];
  if (asked.filter(Boolean).length > 1) return { ok: false, because: 'want at most one of the tail options' };
  if (request.tail_events < 0) return { ok: true, index: 0 };
  if (request.tail_events > 0) return { ok: true, index: Math.max(0, kept.length - request.tail_events) };
  // Ids sort by time, so an id that was forgotten still has its place.
  if (request.tail_id !== '') return { ok: true, index: indexWhere(kept, ({ id }) => id > request.tail_id) };
  if (request.tail_seconds !== 0) {
    return { ok: true, index: indexWhere(kept, ({ atMs }) => atMs >= nowMs - request.tail_seconds * 1000) };
  }
  return { ok: true, index: kept.length };
}

function indexWhere(kept: readonly Kept[], matches: (one: Kept) => boolean): number {
  const index = kept.findIndex(matches);
  return index < 0 ? kept.length : index;
}
