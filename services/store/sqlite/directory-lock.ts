import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { StoreError } from '../store-error.ts';

/**
 * One daemon a data directory. The lock is an exclusive transaction on a small database: the kernel lets go of it when
 * the process dies, however it dies, so no stale lock file ever keeps a daemon from starting.
 */
export function holdDirectory(dir: string): { release(): void } {
  const pidFile = join(dir, 'ingot.pid');
  const db = new Database(join(dir, 'ingot.lock'), { timeout: 0 });
  try {
    db.pragma('journal_mode = DELETE');
    db.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    db.close();
    throw new StoreError(
      'locked',
      `${dir} is used by another daemon${holder(pidFile)}: stop it, or use another data directory`,
      { cause },
    );
  }
  writeFileSync(pidFile, `${process.pid}\n`);
  return {
    release() {
      db.exec('ROLLBACK');
      db.close();
    },
  };
}

function holder(pidFile: string): string {
  try {
    return ` (pid ${readFileSync(pidFile, 'utf8').trim()})`;
  } catch {
    return '';
  }
}
