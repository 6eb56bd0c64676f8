/** JSON, as documents hold it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** One layer: who says it, such as `profile rescue`, and what. */
export type Layer = { readonly from: string; readonly value: JsonObject };

/** A value of the result and who said it. `path` as in `data.users[0].name`, by its keys. */
export type Origin = { readonly path: string; readonly value: Json; readonly from: string };

export type Merged = { readonly value: JsonObject; readonly origins: readonly Origin[] };

/**
 * Layers, the least specific first. Maps are merged key by key; a scalar or a list takes the place of what was there;
 * `null` takes a key away, and is then no value of the result. (As RFC 7396, and as people know it from values files.)
 */
export function mergeLayers(layers: readonly Layer[]): Merged {
  const from = new Map<string, string>();
  let value: JsonObject = {};
  for (const layer of layers) value = merged(value, layer.value, '', layer.from, from);
  return { value, origins: leavesOf(value, '', from) };
}

function merged(under: JsonObject, over: JsonObject, path: string, by: string, from: Map<string, string>): JsonObject {
  const result = new Map(Object.entries(under));
  for (const [key, value] of Object.entries(over)) {
    const at = joined(path, key);
    const before = result.get(key);
    if (value === null) result.delete(key);
    else if (isObject(value)) {
      // In the place of a scalar or a list a map begins anew, and its own nulls still say nothing.
      result.set(key, merged(isObject(before) ? before : {}, value, at, by, from));
    } else result.set(key, value);
    from.set(at, by);
  }
  // Keys come from documents: `__proto__` must become a key like any other.
  return Object.fromEntries(result);
}

function leavesOf(value: JsonObject, path: string, from: ReadonlyMap<string, string>): readonly Origin[] {
  return Object.entries(value).flatMap(([key, inner]): readonly Origin[] => {
    const at = joined(path, key);
    if (isObject(inner) && Object.keys(inner).length > 0) return leavesOf(inner, at, from);
    return [{ path: at, value: inner, from: from.get(at) ?? 'nobody' }];
  });
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A key that would not read as part of a path is quoted. */
function joined(path: string, key: string): string {
  const word = /^[\p{L}\p{N}_-]+$/u.test(key) ? key : JSON.stringify(key);
  return path === '' ? word : `${path}.${word}`;
}
