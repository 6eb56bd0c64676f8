import { StoreError, type StoreErrorCode } from '../store-error.ts';
import type { Failure } from './protocol.ts';

const CODES: readonly (readonly [RegExp, StoreErrorCode])[] = [
  [/^SQLITE_(CORRUPT|NOTADB)/, 'corrupt'],
  // Growing the file that shares the log's index says IOERR_SHMSIZE.
  [/^SQLITE_(FULL|IOERR_WRITE|IOERR_SHMSIZE)/, 'full'],
  [/^SQLITE_BUSY/, 'locked'],
];

/** A foreign failure in our words, once. */
export function failureOf(error: unknown, file: string): Failure {
  if (error instanceof StoreError) return { code: error.code, message: error.message };
  const sqlite = error instanceof Error && 'code' in error ? String(error.code) : '';
  const code = CODES.find(([pattern]) => pattern.test(sqlite))?.[1] ?? 'broken';
  const text = error instanceof Error ? error.message : String(error);
  return { code, message: `${text}${sqlite === '' ? '' : ` (${sqlite})`}${adviceOn(code, file)}` };
}

export function adviceOn(code: StoreErrorCode, file: string): string {
  switch (code) {
    case 'corrupt':
      return `: ${file} is damaged or no database of ours. Nothing was changed. Restore a backup, or move the file away to start empty`;
    case 'full':
      return `: no room for ${file}. Nothing was lost; make room`;
    case 'locked':
      return `: ${file} is used by another daemon`;
    default:
      return `: ${file}`;
  }
}
