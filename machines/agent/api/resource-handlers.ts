import type { Sendable } from '../../api/messages/shape.ts';
import type { ResourceEvent, WatchedResources, WatchResources } from '../../api/messages/resource.ts';
import { type Matcher, matcherOf } from '../decide/resource-query.ts';
import { type KeptResource, resourceEvent, type Resources } from '../resources.ts';
import { type Caller, forbidden, invalid, notFound, type StreamHandlers, type UnaryHandlers } from './call.ts';

/** The hardware and the state of the agent as COSI resources: to be read and watched, never written. */
export function resourceHandlers(parts: { readonly resources: Resources }): {
  readonly unary: UnaryHandlers;
  readonly streams: StreamHandlers;
} {
  const { resources } = parts;
  const known = ({ namespace, type }: { readonly namespace: string; readonly type: string }) => {
    if (!resources.knows(namespace, type)) throw forbidden(`no type ${type} in the namespace ${namespace}`);
  };
  return {
    unary: {
      '/cosi.resource.State/Get': (request) => {
        known(request);
        const found = resources.get(request.namespace, request.type, request.id);
        if (!found) throw notFound(`resource ${request.type}(${request.namespace}/${request.id}) doesn't exist`);
        return { resource: found.message };
      },
    },
    streams: {
      async *'/cosi.resource.State/List'(request) {
        known(request);
        const matches = matcher(request.options);
        for (const resource of resources.list(request.namespace, request.type)) {
          if (matches(resource)) yield { resource: resource.message };
        }
      },
      '/cosi.resource.State/Watch'(request, caller) {
        return watch(resources, request, caller, () => known(request));
      },
    },
  };
}

async function* watch(
  resources: Resources,
  request: WatchResources,
  { signal }: Caller,
  check: () => void,
): AsyncGenerator<Sendable<WatchedResources>> {
  check();
  const { namespace, type, id, options } = request;
  const matches = matcher(options);
  const concerns = (resource: KeptResource) =>
    resource.namespace === namespace &&
    resource.type === type &&
    (id === undefined || resource.id === id) &&
    matches(resource);
  // What there is now and the place in the journal belong together: nothing is awaited between.
  const end = resources.changes.end();
  const start = startOf(resources, options, end);
  const contents = start === end ? opening(resources, request, concerns, end) : [];
  // Empty: the watch is established.
  yield {};
  if (options?.aggregated) {
    if (contents.length > 0) yield { event: contents };
  } else {
    for (const event of contents) yield { event: [event] };
  }
  for (let place = start; !signal.aborted; ) {
    const passage = resources.changes.read(place, 64);
    if (passage.lost > 0) {
      yield { event: [{ event_type: 'ERRORED', error: `${passage.lost} changes were missed: watch again` }] };
      return;
    }
    for (const [index, change] of passage.entries.entries()) {
      if (!concerns(change.resource)) continue;
      yield { event: [{ ...resourceEvent(change), bookmark: bookmarkAt(place + index + 1) }] };
    }
    place = passage.next;
    await resources.changes.grown(place, signal).catch(() => {});
  }
}

/** The events before those of changes: the one resource as it is, or all of them where that was asked for. */
function opening(
  resources: Resources,
  request: WatchResources,
  concerns: (resource: KeptResource) => boolean,
  end: number,
): Sendable<ResourceEvent>[] {
  const { namespace, type, id, options } = request;
  if (id !== undefined) {
    const found = resources.get(namespace, type, id);
    if (found) return [{ event_type: 'CREATED', resource: found.message, bookmark: bookmarkAt(end) }];
    const gone = { metadata: { namespace, type, id, version: 'undefined', phase: 'running' }, spec: {} };
    return [{ event_type: 'DESTROYED', resource: gone, bookmark: bookmarkAt(end) }];
  }
  const bookmark = bookmarkAt(end);
  if (options?.bootstrap_contents) {
    const all = resources.list(namespace, type).filter(concerns);
    return [
      ...all.map(({ message }) => ({ event_type: 'CREATED', resource: message, bookmark }) as const),
      { event_type: 'BOOTSTRAPPED', bookmark },
    ];
  }
  return options?.bootstrap_bookmark ? [{ event_type: 'NOOP', bookmark }] : [];
}

function startOf(resources: Resources, options: WatchResources['options'], end: number): number {
  const bookmark = options?.start_from_bookmark;
  if (bookmark && bookmark.length > 0) {
    const place = bookmark.length === 8 ? Number(Buffer.from(bookmark).readBigUInt64BE()) : Number.NaN;
    if (!(place <= end) || resources.changes.read(place, 0).lost > 0) throw invalid('the bookmark is not known');
    return place;
  }
  return Math.max(0, end - Math.max(0, options?.tail_events ?? 0));
}

/** The place behind the change that it comes with. */
function bookmarkAt(place: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(place));
  return bytes;
}

function matcher(query: Parameters<typeof matcherOf>[0]): Matcher {
  const result = matcherOf(query);
  if (!result.ok) throw invalid(result.because);
  return result.matches;
}
