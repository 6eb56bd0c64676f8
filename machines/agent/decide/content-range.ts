/**
 * Where the bytes of an answer begin: 0 for a whole one (200), the first byte of a part (206, RFC 9110 §14.4), undefined
 * for any other.
 */
export function contentStart(status: number, contentRange: string | undefined): number | undefined {
  if (status === 200) return 0;
  if (status !== 206) return undefined;
  const start = /^bytes (\d{1,15})-/.exec(contentRange ?? '')?.[1];
  return start === undefined ? undefined : Number(start);
}
