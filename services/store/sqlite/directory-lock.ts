import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { StoreError } from '../store-error.ts';
import { failureOf } from './failure.ts';

/** In the data directory: the process that serves from it, or the last one that did. */
export const PID_FILE = 'ingot.pid';

/**
 * One daemon a data directory. The lock is an exclusive transaction on a small database: the kernel lets go of it when
 * the process dies, however it dies, so no stale lock file ever keeps a daemon from starting.
 */
export function holdDirectory(dir: string): { release(): void } {
  const pidFile = join(dir, PID_FILE);
  const lockFile = join(dir, 'ingot.lock');
  let db: Database.Database | undefined;
  try {
    db = new Database(lockFile, { timeout: 0 });
    db.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    db?.close();
    const { code, message } = failureOf(cause, lockFile);
    if (code !== 'locked') throw new StoreError(code, message, { cause });
    throw new StoreError(
      'locked',
      `${dir} is used by another daemon${holder(pidFile)}: stop it, or use another data directory`,
      { cause },
    );
  }
  const held = db;
  notePid(pidFile);
  return {
    release() {
      held.exec('ROLLBACK');
      held.close();
    },
  };
}

/** Only for the message of whoever comes second: a full disk must not keep a daemon from starting. */
function notePid(pidFile: string): void {
  try {
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch {
    // The lock holds all the same.
  }
}

function holder(pidFile: string): string {
  try {
    const pid = readFileSync(pidFile, 'utf8').trim();
    return /^\d+$/.test(pid) ? ` (pid ${pid})` : '';
  } catch {
    return '';
  }
}
