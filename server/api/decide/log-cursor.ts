/** Where a page of a list that grows with time ended: the time and id of its last item. */
export type LogCursor = { readonly before: number; readonly beforeId: string };

export const writeLogCursor = ({ before, beforeId }: LogCursor): string => btoa(JSON.stringify([before, beforeId]));

export function readLogCursor(text: string): LogCursor | undefined {
  try {
    const [before, beforeId]: unknown[] = JSON.parse(atob(text));
    return typeof before === 'number' && typeof beforeId === 'string' ? { before, beforeId } : undefined;
  } catch {
    return undefined;
  }
}
