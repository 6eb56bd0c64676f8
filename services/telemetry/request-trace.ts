import type { Span } from './wire/otlp.ts';

/** A request to the operator API that was answered. */
export type AnsweredRequest = {
  /** Its name in the route table. */
  readonly route: string;
  readonly method: string;
  /** As the table has it, `{name}` and all: no name of a machine, and nothing from a query. */
  readonly path: string;
  readonly status: number;
  readonly startMs: number;
  readonly endMs: number;
  /** The `traceparent` header of whoever asked. */
  readonly parent: string | undefined;
};

/** https://www.w3.org/TR/trace-context/#traceparent-header: version, trace, parent, flags; zeros mean none. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?$/;

/**
 * A request as a span, in the trace of whoever asked where they said so. Names and attributes are those of OpenTelemetry's
 * conventions for HTTP servers, where a server's own failure (5xx) is an error and a caller's is none. `newId` gives so
 * many hex digits.
 */
export function requestSpan(request: AnsweredRequest, newId: (digits: number) => string): Span {
  const { route, method, path, status, startMs, endMs, parent = '' } = request;
  const [, traceId = newId(32), parentSpanId] = TRACEPARENT.exec(parent) ?? [];
  return {
    traceId,
    spanId: newId(16),
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    kind: 'server',
    name: `${method} ${path}`,
    startMs,
    endMs: Math.max(startMs, endMs),
    attributes: {
      'http.request.method': method,
      'http.route': path,
      'http.response.status_code': status,
      'ingot.route': route,
    },
    events: [],
    status: status >= 500 ? { kind: 'error', message: `it answered ${status}` } : { kind: 'unset' },
  };
}
