import type { Database } from 'better-sqlite3';
import type { DocumentKind } from '#machines/contract/documents.ts';
import type { Grant, Machine } from '#machines/contract/machine.ts';
import type { Inventory } from '#machines/contract/inventory.ts';
import type { Approval } from '#machines/contract/approval.ts';
import { isOver, type Job, type JobEvent } from '#machines/contract/job.ts';
import { chained } from '../audit-chain.ts';
import {
  type AccessKey,
  type AuditEntry,
  type BmcRecord,
  type Conflict,
  type Delivery,
  type KeptAnswer,
  KEPT_INVENTORIES,
  type Lease,
  type StoredDocument,
  type TraceBatch,
  type User,
} from '../contract.ts';

/** Every change the store can make, each a function on the writing connection. They run inside one transaction. */
export function sqliteWrites(db: Database) {
  const sql = (text: string) => db.prepare(text);
  const leaseAt = sql('SELECT key, state, expires_at AS expiresAt FROM leases WHERE site = ? AND address = ?');
  // Left to itself the planner reads every lease of the site for each binding.
  const releaseOthers = sql(
    "UPDATE leases INDEXED BY leases_by_key SET state = 'released' WHERE site = ? AND subnet = ? AND key = ? AND address <> ? AND state = 'bound'",
  );
  const putLease = sql(
    `INSERT INTO leases (site, address, subnet, key, mac, hostname, state, bound_at, expires_at)
     VALUES (@site, @address, @subnet, @key, @mac, @hostname, @state, @boundAt, @expiresAt)
     ON CONFLICT (site, address) DO UPDATE SET subnet = excluded.subnet, key = excluded.key, mac = excluded.mac,
       hostname = excluded.hostname, state = excluded.state, bound_at = excluded.bound_at, expires_at = excluded.expires_at`,
  );
  const releaseLease = sql(
    "UPDATE leases SET state = 'released', expires_at = ? WHERE site = ? AND address = ? AND key = ? AND state = 'bound'",
  );
  const forgetLease = sql('DELETE FROM leases WHERE site = ? AND address = ?');
  const revOfMachine = sql('SELECT rev FROM machines WHERE name = ?').pluck();
  const bodyOfMachine = sql('SELECT body FROM machines WHERE name = ?').pluck();
  const ownerOfMac = sql(
    'SELECT machine FROM machine_macs WHERE site = ? AND mac = ? AND machine NOT IN (?, ?)',
  ).pluck();
  const putMachine = sql(
    `INSERT INTO machines (name, site, body, rev) VALUES (?, ?, ?, ?)
     ON CONFLICT (name) DO UPDATE SET site = excluded.site, body = excluded.body, rev = excluded.rev`,
  );
  const setMachineBody = sql('UPDATE machines SET body = ? WHERE name = ?');
  const dropMacs = sql('DELETE FROM machine_macs WHERE machine = ?');
  const putMac = sql('INSERT INTO machine_macs (site, mac, machine) VALUES (?, ?, ?)');
  const dropMachine = sql('DELETE FROM machines WHERE name = ?');
  const revOfDocument = sql('SELECT rev FROM documents WHERE kind = ? AND name = ?').pluck();
  const putDocument = sql(
    `INSERT INTO documents (kind, name, body, rev, applied_from) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (kind, name) DO UPDATE SET body = excluded.body, rev = excluded.rev, applied_from = excluded.applied_from`,
  );
  const dropDocument = sql('DELETE FROM documents WHERE kind = ? AND name = ?');
  const putGrant = sql(
    'INSERT INTO grants (id, body, spent_at) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body, spent_at = excluded.spent_at',
  );
  const openGrants = sql('SELECT id, body FROM grants WHERE spent_at IS NULL');
  const putAttempt = sql(
    `INSERT INTO attempts (id, machine, mac, started_at, last_at, body) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET machine = excluded.machine, mac = excluded.mac, last_at = excluded.last_at, body = excluded.body`,
  );
  const putEvent = sql(
    'INSERT OR REPLACE INTO events (attempt, seq, body) SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM attempts WHERE id = ?)',
  );
  const putPacket = sql(
    `INSERT OR REPLACE INTO packets (attempt, number, at, ends, payload)
     SELECT ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM attempts WHERE id = ?)`,
  );
  const dropOld = sql('DELETE FROM attempts WHERE id IN (SELECT id FROM attempts WHERE last_at < ? LIMIT ?)');
  const dropOver = sql(
    'DELETE FROM attempts WHERE id IN (SELECT id FROM attempts ORDER BY started_at DESC, id DESC LIMIT ? OFFSET ?)',
  );
  const putKey = sql(
    `INSERT INTO access (id, hash, body, parent) SELECT @id, @hash, @body, @parent
     WHERE @parent IS NULL OR EXISTS (SELECT 1 FROM access WHERE id = @parent)
     ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, body = excluded.body, parent = excluded.parent`,
  );
  const takeKey = sql('DELETE FROM access WHERE hash = ? RETURNING body').pluck();
  const madeWith = sql(
    `WITH RECURSIVE made (id) AS (
       SELECT id FROM access WHERE id = ? UNION SELECT access.id FROM access JOIN made ON access.parent = made.id)
     SELECT id FROM made`,
  ).pluck();
  const dropKey = sql('DELETE FROM access WHERE id = ?');
  const putUser = sql('INSERT OR REPLACE INTO users (name, body) VALUES (?, ?)');
  const dropUser = sql('DELETE FROM users WHERE name = ?');
  const putAudit = sql('INSERT INTO audit (id, at, body, previous, hash) VALUES (?, ?, ?, ?, ?)');
  const lastAudit = sql('SELECT id AS seq, hash FROM audit ORDER BY id DESC LIMIT 1');

  const putInventory = sql('INSERT INTO inventories (machine, source, at, body) VALUES (?, ?, ?, ?)');
  const dropInventories = sql(
    `DELETE FROM inventories WHERE machine = @machine AND source = @source AND id NOT IN (
       SELECT id FROM inventories WHERE machine = @machine AND source = @source ORDER BY id DESC LIMIT ${KEPT_INVENTORIES})`,
  );
  const moveInventories = sql('UPDATE inventories SET machine = ? WHERE machine = ?');
  const dropMachineInventories = sql('DELETE FROM inventories WHERE machine = ?');
  const putBmc = sql('INSERT OR REPLACE INTO bmcs (address, body) VALUES (?, ?)');
  const dropBmc = sql('DELETE FROM bmcs WHERE address = ?');
  const putSecret = sql('INSERT OR REPLACE INTO secrets (name, body) VALUES (?, ?)');
  const dropSecret = sql('DELETE FROM secrets WHERE name = ?');

  const revOfJob = sql('SELECT rev FROM jobs WHERE id = ?').pluck();
  const putJob = sql(
    `INSERT INTO jobs (id, machine, created_at, over, body, rev) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET machine = excluded.machine, over = excluded.over, body = excluded.body, rev = excluded.rev`,
  );
  const putJobEvent = sql('INSERT OR REPLACE INTO job_events (job, seq, body) VALUES (?, ?, ?)');
  const revOfApproval = sql('SELECT rev FROM approvals WHERE id = ?').pluck();
  const putApproval = sql('INSERT OR REPLACE INTO approvals (id, body, rev) VALUES (?, ?, ?)');
  const answerOf = sql('SELECT body FROM answers WHERE key = ?').pluck();
  const putAnswer = sql('INSERT OR REPLACE INTO answers (key, at, body) VALUES (?, ?, ?)');
  const dropAnswer = sql('DELETE FROM answers WHERE key = ?');
  const dropAnswers = sql('DELETE FROM answers WHERE at < ?');
  const putDelivery = sql('INSERT OR REPLACE INTO deliveries (id, at, state, body) VALUES (?, ?, ?, ?)');
  const dropDeliveries = sql(
    `DELETE FROM deliveries WHERE state <> 'waiting' AND id NOT IN (
       SELECT id FROM deliveries WHERE state <> 'waiting' ORDER BY at DESC, id DESC LIMIT ?)`,
  );

  const nullable = (lease: Lease) => ({ ...lease, mac: lease.mac ?? null, hostname: lease.hostname ?? null });
  const stale = (rev: unknown): Conflict => ({ kind: 'stale', rev: Number(rev ?? 0) });

  return {
    bindLease(lease: Lease) {
      const held = leaseAt.get(lease.site, lease.address) as
        | { key: string; state: string; expiresAt: number }
        | undefined;
      if (held && held.expiresAt > lease.boundAt) {
        if (held.state === 'declined') return { kind: 'taken', by: 'declined' } as const;
        if (held.state === 'bound' && held.key !== lease.key) return { kind: 'taken', by: held.key } as const;
      }
      releaseOthers.run(lease.site, lease.subnet, lease.key, lease.address);
      putLease.run(nullable(lease));
      return { kind: 'bound' } as const;
    },
    releaseLease: (site: string, address: string, key: string, at: number): boolean =>
      releaseLease.run(at, site, address, key).changes > 0,
    declineLease: (lease: Lease): void => void putLease.run(nullable({ ...lease, state: 'declined' })),
    forgetLease: (site: string, address: string): boolean => forgetLease.run(site, address).changes > 0,

    putMachine(machine: Machine, expected: number, previousName?: string) {
      const { name, macs, location } = machine.document;
      const before = revOfMachine.get(previousName ?? name);
      if (Number(before ?? 0) !== expected) return stale(before);
      if (previousName !== undefined && previousName !== name && revOfMachine.get(name) !== undefined) {
        return { kind: 'exists', what: `machine ${name}`, holder: name } as const;
      }
      for (const mac of macs) {
        const holder = ownerOfMac.get(location.site, mac, name, previousName ?? name) as string | undefined;
        if (holder !== undefined) return { kind: 'exists', what: `MAC ${mac}`, holder } as const;
      }
      if (previousName !== undefined && previousName !== name) dropMachine.run(previousName);
      const value = { ...machine, rev: expected + 1 };
      putMachine.run(name, location.site, JSON.stringify(value), value.rev);
      dropMacs.run(name);
      for (const mac of new Set(macs)) putMac.run(location.site, mac, name);
      return { kind: 'stored', value } as const;
    },
    observeMachine({ document, identifiers, facts, firstSeen, lastSeen }: Machine): void {
      const body = bodyOfMachine.get(document.name) as string | undefined;
      if (body === undefined) return;
      setMachineBody.run(
        JSON.stringify({ ...JSON.parse(body), identifiers, facts, firstSeen, lastSeen }),
        document.name,
      );
    },
    removeMachine(name: string, expected?: number): boolean | Conflict {
      const before = revOfMachine.get(name);
      if (before === undefined) return false;
      if (expected !== undefined && before !== expected) return stale(before);
      return dropMachine.run(name).changes > 0;
    },

    putDocument({ document, appliedFrom }: Omit<StoredDocument, 'rev'>, expected: number) {
      const before = revOfDocument.get(document.kind, document.name);
      if (Number(before ?? 0) !== expected) return stale(before);
      const rev = expected + 1;
      putDocument.run(document.kind, document.name, JSON.stringify(document), rev, appliedFrom ?? null);
      return {
        kind: 'stored',
        value: { document, rev, ...(appliedFrom === undefined ? {} : { appliedFrom }) },
      } as const;
    },
    removeDocument(kind: DocumentKind, name: string, expected?: number): boolean | Conflict {
      const before = revOfDocument.get(kind, name);
      if (before === undefined) return false;
      if (expected !== undefined && before !== expected) return stale(before);
      return dropDocument.run(kind, name).changes > 0;
    },

    putGrant: (grant: Grant): void => void putGrant.run(grant.id, JSON.stringify(grant), grant.spentAt ?? null),
    voidGrants(at: number): number {
      const open = openGrants.all() as { id: string; body: string }[];
      for (const { id, body } of open)
        putGrant.run(id, JSON.stringify({ ...JSON.parse(body), attempt: undefined, spentAt: at }), at);
      return open.length;
    },

    appendTrace({ attempts, events, packets = [] }: TraceBatch): void {
      for (const one of attempts) {
        putAttempt.run(one.id, one.machine ?? null, one.mac ?? null, one.startedAt, one.lastAt, JSON.stringify(one));
      }
      for (const { attempt, event } of events) putEvent.run(attempt, event.seq, JSON.stringify(event), attempt);
      for (const { attempt, number, at, source, destination, payload } of packets) {
        putPacket.run(attempt, number, at, JSON.stringify({ source, destination }), payload, attempt);
      }
    },
    /** At most so many at once. */
    pruneTraces: (after: number, attempts: number, limit: number): number =>
      dropOld.run(after, limit).changes + dropOver.run(limit, attempts).changes,

    putKey: (key: AccessKey): boolean =>
      putKey.run({ id: key.id, hash: key.hash, body: JSON.stringify(key), parent: key.parent ?? null }).changes > 0,
    takeKey(hash: string): AccessKey | undefined {
      const body = takeKey.get(hash) as string | undefined;
      return body === undefined ? undefined : (JSON.parse(body) as AccessKey);
    },
    removeKey(id: string): readonly string[] {
      const gone = madeWith.all(id) as string[];
      // The others go with it: ON DELETE CASCADE.
      dropKey.run(id);
      return gone;
    },
    putUser: (user: User): void => void putUser.run(user.name, JSON.stringify(user)),
    removeUser: (name: string): boolean => dropUser.run(name).changes > 0,
    appendAudit(entry: AuditEntry): void {
      const last = lastAudit.get() as { seq: number; hash: string } | undefined;
      const { seq, previous, hash } = chained(entry, last);
      putAudit.run(seq, entry.at, JSON.stringify(entry), previous, hash);
    },

    putInventory(machine: string, inventory: Inventory): void {
      putInventory.run(machine, inventory.source, inventory.at, JSON.stringify(inventory));
      dropInventories.run({ machine, source: inventory.source });
    },
    moveInventories: (from: string, to: string): void => void moveInventories.run(to, from),
    removeInventories: (machine: string): void => void dropMachineInventories.run(machine),
    putBmc: (record: BmcRecord): void => void putBmc.run(record.address, JSON.stringify(record)),
    removeBmc: (address: string): boolean => dropBmc.run(address).changes > 0,
    putSecret: (name: string, sealed: string): void => void putSecret.run(name, sealed),
    removeSecret: (name: string): boolean => dropSecret.run(name).changes > 0,

    putJob(job: Job, expected: number, events: readonly JobEvent[]) {
      const before = revOfJob.get(job.id);
      if (Number(before ?? 0) !== expected) return stale(before);
      const value = { ...job, rev: expected + 1 };
      putJob.run(job.id, job.machine, job.createdAt, isOver(job.state) ? 1 : 0, JSON.stringify(value), value.rev);
      for (const event of events) putJobEvent.run(job.id, event.seq, JSON.stringify(event));
      return { kind: 'stored', value } as const;
    },

    putApproval(approval: Approval, expected: number) {
      const before = revOfApproval.get(approval.id);
      if (Number(before ?? 0) !== expected) return stale(before);
      const value = { ...approval, rev: expected + 1 };
      putApproval.run(approval.id, JSON.stringify(value), value.rev);
      return { kind: 'stored', value } as const;
    },

    claimAnswer(answer: KeptAnswer) {
      const known = answerOf.get(answer.key) as string | undefined;
      if (known !== undefined) return { kind: 'known', answer: JSON.parse(known) as KeptAnswer } as const;
      putAnswer.run(answer.key, answer.at, JSON.stringify(answer));
      return { kind: 'claimed' } as const;
    },
    finishAnswer: (answer: KeptAnswer): void => void putAnswer.run(answer.key, answer.at, JSON.stringify(answer)),
    releaseAnswer: (key: string): void => void dropAnswer.run(key),
    pruneAnswers: (before: number): number => dropAnswers.run(before).changes,
    putDelivery: (one: Delivery): void => void putDelivery.run(one.id, one.at, one.state, JSON.stringify(one)),
    pruneDeliveries: (keep: number): number => dropDeliveries.run(keep).changes,
  };
}

export type SqliteWrites = ReturnType<typeof sqliteWrites>;
export type WriteName = keyof SqliteWrites;
