/** Seconds are enough for people; nothing for nothing. */
export const isoTime = (at: number | undefined): string | undefined =>
  at === undefined ? undefined : new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
