import { z } from 'zod';

/** What a resource holds, or which of its properties is of the wrong type. */
export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly because: string };

/** Unknown properties are dropped; a wrong type is told with its path: `Boot.BootSourceOverrideTarget: got number, …`. */
export function read<T>(schema: z.ZodType<T>, body: unknown): Read<T> {
  const result = schema.safeParse(body);
  if (result.success) return { ok: true, value: result.data };
  const [issue] = result.error.issues;
  const path = issue?.path.join('.') ?? '';
  return { ok: false, because: `${path === '' ? '' : `${path}: `}${issue?.message ?? 'not understood'}` };
}

/** JSON, or why it is none. Some services put a byte order mark before it. */
export function readJson(text: string): Read<unknown> {
  try {
    return { ok: true, value: JSON.parse(text.replace(/^\uFEFF/, '')) };
  } catch {
    const start = text.slice(0, 60).replace(/\p{Cc}+/gu, ' ');
    return {
      ok: false,
      because: text === '' ? 'the answer is empty' : `the answer is no JSON: ${JSON.stringify(start)}`,
    };
  }
}

/** One line of at most 255 characters: what the contract of an inventory allows. */
export const plainText = (text: string): string =>
  text
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 255)
    .toWellFormed();

/** DSP0266 §"Null values": a property that a service cannot tell now is null, and is here as if it were missing. */
export function maybe<T>(schema: z.ZodType<T>) {
  return schema.nullish().transform((value) => value ?? undefined);
}

// Serial and part numbers of digits alone come as JSON numbers from some firmware.
const anyText = z.union([z.string(), z.number().transform(String)], { error: 'want text' });

/** Absent where it is empty, too. */
export const text = anyText.nullish().transform((value) => {
  const plain = plainText(value ?? '');
  return plain === '' ? undefined : plain;
});
export const number = maybe(z.number({ error: 'want a number' }));
export const flag = maybe(z.boolean({ error: 'want true or false' }));
export const texts = maybe(z.array(z.string({ error: 'want text' }), { error: 'want a list' }));

const linkObject = z.object({ '@odata.id': z.string().min(1).max(2048) });

/** A reference to another resource: its path. An object without `@odata.id` leads nowhere. */
export const link = z
  .union([linkObject, z.object({})], { error: 'want a reference' })
  .nullish()
  .transform((value) => (value && '@odata.id' in value ? value['@odata.id'] : undefined));

/** Paths of a list of references. HPE lists entries without `@odata.id` while it powers on: they are skipped. */
export const links = z
  .array(link, { error: 'want a list of references' })
  .nullish()
  .transform((value) => (value ?? []).filter((path) => path !== undefined));

export const object = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape);
export const maybeObject = <Shape extends z.ZodRawShape>(shape: Shape) => maybe(z.object(shape));
export const listOf = <T>(schema: z.ZodType<T>) =>
  z
    .array(schema)
    .nullish()
    .transform((value) => value ?? []);
