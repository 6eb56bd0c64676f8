import fc from 'fast-check';
import { z } from 'zod';

type Json = Readonly<Record<string, unknown>>;

/** Names of things that are there, so that requests get further than "not found". */
export const KNOWN_NAMES = ['r1-u1', 'r1-u2', 'rescue', 'local', 'rack1', 'all'] as const;

/** Nothing that is asked for may be fetched from anywhere. */
const URLS = ['http://127.0.0.1:1/file', 'https://127.0.0.1:1/file'];

export const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    null,
    true,
    0,
    -1,
    1.5,
    Number.MAX_SAFE_INTEGER,
    '',
    '..',
    '\u0000',
    '\u202e',
    '__proto__',
    '{{facts.x}}',
  ),
  fc.string({ maxLength: 40, unit: 'grapheme' }),
  fc.array(fc.constantFrom(null, 'x', 1), { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('kind', '__proto__', 'constructor', 'x'), fc.constantFrom(null, 'x', 1), {
    maxKeys: 3,
  }),
);

/** Values that a schema takes, or nearly: what JSON Schema cannot say (`refine`, `transform`) may still refuse them. */
export function valuesOf(schema: z.ZodType): fc.Arbitrary<unknown> {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json;
  const definitions = (json['$defs'] ?? {}) as Readonly<Record<string, Json>>;
  return arbitrary(json, definitions, 0);
}

/** The same, but somewhere in it stands what does not belong there. */
export function wrongValuesOf(schema: z.ZodType): fc.Arbitrary<unknown> {
  return fc.tuple(valuesOf(schema), junk, fc.nat()).map(([value, wrong, at]) => replaced(value, wrong, at));
}

const MAX_DEPTH = 8;

function arbitrary(schema: Json, definitions: Readonly<Record<string, Json>>, depth: number): fc.Arbitrary<unknown> {
  const inner = (one: unknown): fc.Arbitrary<unknown> => arbitrary(one as Json, definitions, depth + 1);
  if (depth > MAX_DEPTH) return fc.constant(null);
  const reference = schema['$ref'];
  if (typeof reference === 'string') return inner(definitions[reference.split('/').at(-1) ?? ''] ?? {});
  if ('const' in schema) return fc.constant(schema['const']);
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...(schema['enum'] as readonly unknown[]));
  const choices = (schema['anyOf'] ?? schema['oneOf']) as readonly unknown[] | undefined;
  if (choices) return fc.oneof(...choices.map(inner));
  const [all] = (schema['allOf'] ?? []) as readonly unknown[];
  if (all !== undefined) return inner(all);
  switch (schema['type']) {
    case 'string':
      return textOf(schema);
    case 'integer':
      return fc.integer({ min: bound(schema['minimum'], 0), max: bound(schema['maximum'], 1_000_000) });
    case 'number':
      return fc.double({ min: bound(schema['minimum'], 0), max: bound(schema['maximum'], 1e6), noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(inner(schema['items'] ?? {}), {
        minLength: Math.min(Number(schema['minItems'] ?? 0), 3),
        maxLength: Math.max(Math.min(Number(schema['maxItems'] ?? 3), 3), Math.min(Number(schema['minItems'] ?? 0), 3)),
      });
    case 'object':
      return objectOf(schema, inner);
    default:
      return junk;
  }
}

function objectOf(schema: Json, inner: (schema: unknown) => fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const properties = Object.entries((schema['properties'] ?? {}) as Json);
  const more = schema['additionalProperties'];
  if (properties.length === 0 && typeof more === 'object' && more !== null) {
    return fc.dictionary(fc.constantFrom('rack', 'env', 'gpu.count'), inner(more), { maxKeys: 2 });
  }
  const required = (schema['required'] ?? []) as string[];
  return fc.record(Object.fromEntries(properties.map(([key, one]) => [key, inner(one)])), { requiredKeys: required });
}

function textOf(schema: Json): fc.Arbitrary<string> {
  const { pattern, format } = schema;
  if (format === 'uri') return fc.constantFrom(...URLS);
  const max = Math.min(Number(schema['maxLength'] ?? 30), 30);
  const plain = fc.oneof(
    fc.constantFrom(...KNOWN_NAMES, '52:54:00:00:00:01', '192.0.2.1', '192.0.2.0/24'),
    fc.string({ maxLength: max, unit: 'grapheme' }),
  );
  if (typeof pattern !== 'string') return plain;
  try {
    return fc.oneof(
      { weight: 1, arbitrary: plain },
      { weight: 2, arbitrary: fc.stringMatching(new RegExp(pattern, 'u')) },
    );
  } catch {
    return plain;
  }
}

const bound = (value: unknown, otherwise: number): number =>
  typeof value === 'number' && Math.abs(value) < 2 ** 31 ? value : otherwise;

/** One of all places in a value, counted, takes another one. */
function replaced(value: unknown, wrong: unknown, at: number): unknown {
  const places: (readonly (string | number)[])[] = [];
  const visit = (one: unknown, path: readonly (string | number)[]): void => {
    places.push(path);
    if (typeof one !== 'object' || one === null) return;
    for (const [key, inner] of Object.entries(one)) visit(inner, [...path, Array.isArray(one) ? Number(key) : key]);
  };
  visit(value, []);
  const write = (one: unknown, path: readonly (string | number)[]): unknown => {
    const [key, ...rest] = path;
    if (key === undefined) return wrong;
    if (Array.isArray(one)) return one.map((inner: unknown, index) => (index === key ? write(inner, rest) : inner));
    return { ...(one as object), [key]: write(Reflect.get(one as object, key), rest) };
  };
  return write(value, places[at % places.length] ?? []);
}
