import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Access } from '#services/auth/access.ts';
import type { BootTokens } from '#services/boot-tokens/boot-tokens.ts';
import type { Approvals } from '#services/jobs/approvals.ts';
import type { Plans } from '#services/jobs/plans.ts';
import type { RunningJobs } from '#services/jobs/open-jobs.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { AuditEntry, AuditStore } from '#services/store/contract.ts';

/** Whatever may still act on what was true before. */
export type VoidParts = {
  readonly jobs: Pick<RunningJobs, 'parkAll'>;
  readonly registry: Pick<Registry, 'voidGrants'>;
  readonly tokens: Pick<BootTokens, 'voidAll'>;
  readonly plans: Pick<Plans<unknown>, 'voidAll'>;
  readonly approvals: Pick<Approvals, 'voidAll'>;
  /** Where given, the operators' tokens, sessions and codes end, too: after a restore one that was void since is back. */
  readonly access?: Pick<Access, 'removeAll'>;
  readonly audit: Pick<AuditStore, 'append'>;
  readonly now: () => number;
  readonly log: Pick<Logger, 'warn'>;
};

export type Voided = {
  readonly jobs: number;
  readonly grants: number;
  readonly plans: number;
  readonly approvals: number;
  readonly bootTokens: number;
  readonly keys: number;
};

/**
 * Safety rule 6: after a restore, a clone or a clock jump all jobs are parked, and all grants, tokens and plans void. Durable
 * when it resolves; jobs that were at work end at their next safe point. `because` is what people read in the jobs, the
 * audit log and the daemon's: `the clock went back by 2 h`.
 */
export async function voidAll(parts: VoidParts, because: string): Promise<Voided> {
  const { jobs, registry, tokens, plans, approvals, access, audit, now, log } = parts;
  // What was shown before is not to be confirmed while the rest is made void.
  const shown = plans.voidAll();
  const approved = await approvals.voidAll(because);
  // Grants first: they are what lets a machine boot something new in this very moment.
  const grants = await registry.voidGrants();
  const bootTokens = await tokens.voidAll();
  const parked = await jobs.parkAll(because);
  const keys = (await access?.removeAll()) ?? 0;
  // One more may have been made in between, from what was known before.
  const voided = { jobs: parked, grants, plans: shown + plans.voidAll(), approvals: approved, bootTokens, keys };
  log.warn({ because, ...voided }, 'all jobs are parked, all grants, tokens and plans are void');
  await audit.append({
    at: now(),
    who: 'daemon',
    action: 'voidAll',
    target: 'everything',
    detail: `${because}: ${parked} jobs parked; void: ${grants} grants, ${voided.plans} plans, ${approved} approvals, ${bootTokens} boot tokens, ${keys} keys`,
  });
  return voided;
}

/** Beside the database: whoever restores or clones a data directory leaves it there, and the next start voids everything. */
export const RESTORED_FILE = 'restored.json';

const restored = z.object({ because: z.string().min(1).max(255) });

/** For whoever puts an older database in place, before the daemon starts on it. */
export async function noteRestored(dataDir: string, because: string): Promise<void> {
  await writeFile(join(dataDir, RESTORED_FILE), `${JSON.stringify(restored.parse({ because }))}\n`, { mode: 0o600 });
}

/**
 * Why what is in the store cannot be trusted to be the present, or nothing: the note of a restore, or entries that were
 * written later than now. `settle` takes the note away once everything is void: a crash in between voids it again.
 */
export async function distrust(parts: {
  readonly dataDir: string;
  readonly audit: { list(limit: number): Promise<readonly Pick<AuditEntry, 'at'>[]> };
  readonly now: () => number;
}): Promise<{ readonly because: string; readonly restored: boolean; settle(): Promise<void> } | undefined> {
  const path = join(parts.dataDir, RESTORED_FILE);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  const settle = (): Promise<void> => rm(path, { force: true });
  if (text !== undefined) {
    // A note that cannot be read is still a note.
    const read = restored.safeParse(jsonOf(text));
    return { because: read.success ? read.data.because : 'restored from a backup', restored: true, settle };
  }
  const newest = (await parts.audit.list(1))[0];
  const aheadMs = newest === undefined ? 0 : newest.at - parts.now();
  if (aheadMs <= JUMP_MS) return undefined;
  const because = `the clock went back by ${spanText(aheadMs)} while the daemon was away`;
  return { because, restored: false, settle };
}

/** NTP slews what is below 128 ms and steps what is above; grants and tokens are counted in minutes. */
export const JUMP_MS = 60_000;

export const spanText = (ms: number): string => {
  const seconds = Math.round(Math.abs(ms) / 1000);
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
};

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
