import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { AuditEntry, AuditStore, ChainedEntry } from './contract.ts';

/** What the first entry follows. */
export const CHAIN_START = '0'.repeat(64);

/**
 * SHA-256 over the hash of the entry before and the entry itself, hex: no entry can be changed, taken out or put in
 * without every later hash being another one. Against somebody who writes all of them anew helps only a hash that is
 * kept elsewhere.
 */
export function chainHash(previous: string, seq: number, { at, who, action, target, detail }: AuditEntry): string {
  // As JSON, so that no text can pretend to be the end of one field and the begin of the next.
  return createHash('sha256')
    .update(JSON.stringify([previous, seq, at, who, action, target, detail]))
    .digest('hex');
}

/** The entry as it is kept, after the one that was last. */
export function chained(entry: AuditEntry, last: Pick<ChainedEntry, 'seq' | 'hash'> | undefined): ChainedEntry {
  const { at, who, action, target, detail } = entry;
  const seq = (last?.seq ?? 0) + 1;
  const previous = last?.hash ?? CHAIN_START;
  return { at, who, action, target, detail, seq, previous, hash: chainHash(previous, seq, entry) };
}

/** What is wrong with the log, and where. `seq` is the entry's number. */
export type ChainFinding = {
  readonly kind: 'changed' | 'removed' | 'inserted' | 'head-missing';
  readonly seq: number;
  readonly text: string;
};

export type ChainReport = {
  readonly entries: number;
  /** Of the newest entry: keep it elsewhere. */
  readonly head: { readonly seq: number; readonly hash: string };
  readonly findings: readonly ChainFinding[];
};

/** After so many findings the log is worth nothing; the rest is not told. */
const MAX_FINDINGS = 100;
const PAGE = 1000;
/** An entry that was put in stands before the one that does not know it. */
const LOOK_BACK = 64;

/**
 * Reads the whole log and looks whether each entry is as it was written. `kept`: a hash that was noted earlier; that no
 * entry has it any more means that the end of the log was cut off, or all of it was written anew.
 */
export async function verifyAudit(store: Pick<AuditStore, 'after'>, kept?: string): Promise<ChainReport> {
  const findings: ChainFinding[] = [];
  const find = (kind: ChainFinding['kind'], seq: number, text: string): void => {
    if (findings.length < MAX_FINDINGS) findings.push({ kind, seq, text });
  };
  let entries = 0;
  let last: ChainedEntry | undefined;
  let seen = kept === undefined;
  /** Hashes shortly before, oldest first. */
  const before: { readonly seq: number; readonly hash: string }[] = [{ seq: 0, hash: CHAIN_START }];
  for (;;) {
    const some = await store.after(last?.seq ?? 0, PAGE);
    for (const entry of some) {
      entries += 1;
      const { seq, hash, previous } = entry;
      const own = chainHash(previous, seq, entry) === hash;
      const known = before.findLast((one) => one.hash === previous);
      const lastSeq = last?.seq ?? 0;
      if (!own) find('changed', seq, `entry ${seq} is not what was written: it was changed, or put in`);
      if (known && known.seq !== lastSeq) {
        find('inserted', known.seq + 1, `${range(known.seq + 1, lastSeq)} put in: entry ${seq} follows ${known.seq}`);
      } else if (!known && seq > lastSeq + 1) {
        find('removed', lastSeq + 1, `${range(lastSeq + 1, seq - 1)} taken out`);
      } else if (!known) {
        const which = lastSeq === 0 ? 'what came before it is gone' : `entry ${lastSeq} is another one than it follows`;
        find(lastSeq === 0 ? 'removed' : 'changed', lastSeq === 0 ? seq : lastSeq, `entry ${seq}: ${which}`);
      }
      if (hash === kept) seen = true;
      before.push({ seq, hash });
      if (before.length > LOOK_BACK) before.shift();
      last = entry;
    }
    if (some.length < PAGE) break;
    await setImmediate();
  }
  if (!seen) {
    const text = `no entry has the hash ${String(kept)}: the end of the log is gone, or all of it was written anew`;
    find('head-missing', last?.seq ?? 0, text);
  }
  return { entries, head: { seq: last?.seq ?? 0, hash: last?.hash ?? CHAIN_START }, findings };
}

const range = (first: number, last: number): string =>
  first >= last ? `entry ${first} was` : `entries ${first} to ${last} were`;
