import { z } from 'zod';

/** The keys that a schema knows at a path, following the branch of a union that the value has taken. */
export function knownKeys(schema: z.core.$ZodType, path: readonly PropertyKey[], value: unknown): readonly string[] {
  const objects = objectsOf(schema, value);
  if (path.length === 0) return [...new Set(objects.flatMap(({ shape }) => Object.keys(shape)))];
  const [head, ...rest] = path;
  const inside: unknown = isRecord(value) || Array.isArray(value) ? Reflect.get(value, head as PropertyKey) : undefined;
  const inner =
    typeof head === 'number' ? elementsOf(schema) : objects.flatMap(({ shape }) => shape[String(head)] ?? []);
  return [...new Set(inner.flatMap((one) => knownKeys(one, rest, inside)))];
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Wrappers that stand between a schema and its object: optional, default, readonly, pipe, preprocess. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodReadonly ||
    schema instanceof z.ZodPrefault
  ) {
    return unwrap(schema.def.innerType);
  }
  if (!(schema instanceof z.ZodPipe)) return schema;
  return unwrap(schema.def.in instanceof z.ZodTransform ? schema.def.out : schema.def.in);
}

function objectsOf(schema: z.core.$ZodType, value: unknown): readonly z.ZodObject[] {
  const bare = unwrap(schema);
  if (bare instanceof z.ZodObject) return [bare];
  if (!(bare instanceof z.ZodUnion)) return [];
  const options = bare.options.flatMap((option) => objectsOf(option, value));
  const kind = isRecord(value) ? value['kind'] : undefined;
  const taken = options.filter(({ shape }) => shape['kind'] && z.safeParse(shape['kind'], kind).success);
  return taken.length > 0 ? taken : options;
}

function elementsOf(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const bare = unwrap(schema);
  return bare instanceof z.ZodArray ? [bare.element] : [];
}

/** The known word that differs least, if it is near enough to have been meant. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const ranked = known
    .map((one) => ({ one, distance: editDistance(lower, one.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.one : undefined;
}

/** Damerau's distance with adjacent transpositions: typing errors are mostly these. */
function editDistance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1] ? 0 : 1;
      let best = Math.min((rows[i - 1]?.[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (rows[i - 1]?.[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        best = Math.min(best, (rows[i - 2]?.[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    rows.push(row);
  }
  return rows[from.length]?.[to.length] ?? Number.POSITIVE_INFINITY;
}
