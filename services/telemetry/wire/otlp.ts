/**
 * OpenTelemetry traces as OTLP/HTTP carries them in JSON: opentelemetry-proto's trace/v1/trace.proto in the JSON form of
 * the OTLP specification, where ids are hex (not base64), enums are numbers, and 64-bit integers are strings.
 */

export type AttributeValue = string | number | boolean;
export type Attributes = Readonly<Record<string, AttributeValue>>;

export type Span = {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** Something that was done inside, where nothing is said; or an answer to somebody outside. */
  readonly kind?: 'server';
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly events: readonly { readonly name: string; readonly atMs: number; readonly attributes: Attributes }[];
  readonly status: { readonly kind: 'unset' | 'ok' } | { readonly kind: 'error'; readonly message: string };
};

const KIND_INTERNAL = 1;
const KIND_SERVER = 2;
const STATUS_CODE = { unset: 0, ok: 1, error: 2 } as const;

/** An ExportTraceServiceRequest. */
export function encodeSpans(
  spans: readonly Span[],
  {
    resource,
    scope,
  }: { readonly resource: Attributes; readonly scope: { readonly name: string; readonly version: string } },
): string {
  return JSON.stringify({
    resourceSpans: [
      { resource: { attributes: keyValues(resource) }, scopeSpans: [{ scope, spans: spans.map(spanOf) }] },
    ],
  });
}

const spanOf = ({ traceId, spanId, parentSpanId, name, kind, startMs, endMs, attributes, events, status }: Span) => ({
  traceId,
  spanId,
  ...(parentSpanId === undefined ? {} : { parentSpanId }),
  name,
  kind: kind === 'server' ? KIND_SERVER : KIND_INTERNAL,
  startTimeUnixNano: nanos(startMs),
  endTimeUnixNano: nanos(endMs),
  attributes: keyValues(attributes),
  events: events.map((event) => ({
    timeUnixNano: nanos(event.atMs),
    name: event.name,
    attributes: keyValues(event.attributes),
  })),
  status: { code: STATUS_CODE[status.kind], ...(status.kind === 'error' ? { message: status.message } : {}) },
});

/** Times have fractions of a millisecond; a double cannot hold nanoseconds since 1970. */
function nanos(ms: number): string {
  const whole = Math.floor(ms);
  return String(BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6)));
}

const keyValues = (attributes: Attributes) =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));

function anyValue(value: AttributeValue) {
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'string') return { stringValue: value.toWellFormed() };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
