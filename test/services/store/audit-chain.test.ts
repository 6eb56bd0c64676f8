import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import Database from 'better-sqlite3';
import { CHAIN_START, chained, chainHash, verifyAudit } from '#services/store/audit-chain.ts';
import type { ChainedEntry } from '#services/store/contract.ts';
import { DATABASE_FILE, openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { migrate } from '#services/store/sqlite/schema.ts';

function log(length: number): ChainedEntry[] {
  const all: ChainedEntry[] = [];
  for (let number = 1; number <= length; number += 1) {
    const entry = { at: number, who: 'anna', action: 'accept', target: `m${number}`, detail: '' };
    all.push(chained(entry, all.at(-1)));
  }
  return all;
}
const over = (all: readonly ChainedEntry[]) => ({
  after: async (seq: number, limit: number) => all.filter((one) => one.seq > seq).slice(0, limit),
});
const rehashed = (entry: ChainedEntry): ChainedEntry => ({
  ...entry,
  hash: chainHash(entry.previous, entry.seq, entry),
});

describe('the audit log', () => {
  for (const [name, tamper, want] of [
    ['that nobody touched is whole', (all) => all, []],
    [
      'of which one entry was changed',
      (all) => all.map((one) => (one.seq === 3 ? { ...one, who: 'bert' } : one)),
      [['changed', 3]],
    ],
    [
      'of which one entry was changed together with its hash',
      (all) => all.map((one) => (one.seq === 3 ? rehashed({ ...one, who: 'bert' }) : one)),
      [['changed', 3]],
    ],
    ['of which one entry was taken out', (all) => all.filter(({ seq }) => seq !== 3), [['removed', 3]]],
    ['of which two entries were taken out', (all) => all.filter(({ seq }) => seq !== 3 && seq !== 4), [['removed', 3]]],
    ['of which the first was taken out', (all) => all.slice(1), [['removed', 1]]],
    [
      'into which an entry was put, with a hash that fits',
      (all) => {
        const third = all[2];
        assert.ok(third);
        const put = { ...third, seq: 3.5, previous: third.hash, target: 'evil' };
        return [...all.slice(0, 3), rehashed(put), ...all.slice(3)];
      },
      [['inserted', 4]],
    ],
    [
      'to which an entry was added, without a hash that fits',
      (all) => {
        const last = all[5];
        assert.ok(last);
        return [...all, { ...last, seq: 7, previous: last.hash }];
      },
      [['changed', 7]],
    ],
  ] as const satisfies readonly (readonly [
    string,
    (all: readonly ChainedEntry[]) => readonly ChainedEntry[],
    readonly (readonly [string, number])[],
  ])[]) {
    it(name, async () => {
      const { findings } = await verifyAudit(over(tamper(log(6))));
      assert.deepEqual(
        findings.map(({ kind, seq }) => [kind, seq]),
        want,
      );
    });
  }

  it('whose end was cut off is whole by itself, but does not have the hash that was kept elsewhere', async () => {
    const all = log(6);
    const kept = all[5]?.hash;
    assert.deepEqual((await verifyAudit(over(all.slice(0, 4)))).findings, []);
    const { findings } = await verifyAudit(over(all.slice(0, 4)), kept);
    assert.deepEqual(
      findings.map(({ kind }) => kind),
      ['head-missing'],
    );
    assert.deepEqual((await verifyAudit(over([...all, chained({ ...log(1)[0]! }, all[5])]), kept)).findings, []);
  });

  it('that is empty has a head, too', async () => {
    assert.deepEqual(await verifyAudit(over([])), { entries: 0, head: { seq: 0, hash: CHAIN_START }, findings: [] });
  });

  it('of thousands is read a page at a time', async () => {
    const { entries, findings } = await verifyAudit(over(log(2500)));
    assert.deepEqual([entries, findings], [2500, []]);
  });
});

describe('an audit log in SQLite', () => {
  async function inFolder(work: (dir: string, file: string) => Promise<void>): Promise<void> {
    const dir = await mkdtemp(join(tmpdir(), 'ingot-audit-'));
    try {
      await work(dir, join(dir, DATABASE_FILE));
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }
  const sql = (file: string, text: string): void => {
    const db = new Database(file);
    db.exec(text);
    db.close();
  };
  async function written(dir: string, count: number): Promise<void> {
    await using store = await openSqliteStore({ dir });
    for (let at = 1; at <= count; at += 1) {
      await store.audit.append({ at, who: 'anna', action: 'accept', target: `m${at}`, detail: '' });
    }
  }
  async function findings(dir: string): Promise<readonly (readonly [string, number])[]> {
    await using store = await openSqliteStore({ dir });
    return (await verifyAudit(store.audit)).findings.map(({ kind, seq }) => [kind, seq]);
  }

  for (const [name, text, want] of [
    [
      'of which a row was changed',
      "UPDATE audit SET body = json_set(body, '$.who', 'bert') WHERE id = 2",
      [['changed', 2]],
    ],
    ['of which a row was deleted', 'DELETE FROM audit WHERE id = 2', [['removed', 2]]],
    [
      'into which a row was put',
      "INSERT INTO audit SELECT 6, at, body, hash, 'ab' FROM audit WHERE id = 5",
      [['changed', 6]],
    ],
  ] as const) {
    it(`${name} says which`, () =>
      inFolder(async (dir, file) => {
        await written(dir, 5);
        assert.deepEqual(await findings(dir), []);
        sql(file, text);
        assert.deepEqual(await findings(dir), want);
      }));
  }

  it('from before the chain is bound together when the database is upgraded', () =>
    inFolder(async (dir, file) => {
      // As the last schema before the chain has it.
      const old = new Database(file);
      migrate(old, file, 6);
      const insert = old.prepare('INSERT INTO audit (at, body) VALUES (?, ?)');
      for (const at of [1, 2, 3])
        insert.run(at, JSON.stringify({ at, who: 'anna', action: 'accept', target: `m${at}`, detail: '' }));
      old.close();
      await using store = await openSqliteStore({ dir });
      await store.audit.append({ at: 4, who: 'anna', action: 'accept', target: 'm4', detail: '' });
      assert.deepEqual(await verifyAudit(store.audit).then(({ entries, findings: found }) => [entries, found]), [
        4,
        [],
      ]);
    }));
});
