/** What a parse function of a value gives: the branded value, or what was got and what was wanted. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly because: string };

export const parsed = <T>(value: T): Parsed<T> => ({ ok: true, value });

export const refused = (got: unknown, wanted: string): Parsed<never> => ({
  ok: false,
  because: `got ${JSON.stringify(got)}, want ${wanted}`,
});

/** The value of a literal that is known to be right; throws on a broken promise, so never for input. */
export function sure<T>(result: Parsed<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.because);
}
