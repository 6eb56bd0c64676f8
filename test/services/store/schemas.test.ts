import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { DATABASE_FILE, openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { migrate, SQLITE_SCHEMAS } from '#services/store/sqlite/schema.ts';
import { ROOT } from '#test/project/source-files.ts';
import { lease, machine } from './conformance.ts';

/** As each version made it, in text. A released one never changes: GOLDEN_UPDATE=1 only adds what is missing. */
const golden = (version: number): string => join(ROOT, `test/golden/schemas/sqlite-${version}.sql`);
const VERSIONS = Array.from({ length: SQLITE_SCHEMAS }, (_, index) => index + 1);

function dumped(version: number): string {
  const db = new Database(':memory:');
  migrate(db, ':memory:', version);
  const rows = db
    .prepare<[string], { readonly sql: string }>(
      'SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE ? ORDER BY rowid',
    )
    .all('sqlite_%');
  db.close();
  return `${rows.map(({ sql }) => `${sql};`).join('\n')}\nPRAGMA user_version = ${version};\n`;
}

for (const version of VERSIONS) {
  test(`SQLite's schema ${version} is as it was, and is brought to the newest with its data`, async (t) => {
    if (process.env['GOLDEN_UPDATE'] !== undefined && !existsSync(golden(version))) {
      writeFileSync(golden(version), dumped(version));
    }
    const text = readFileSync(golden(version), 'utf8');
    assert.equal(dumped(version), text);
    const dir = await mkdtemp(join(tmpdir(), 'ingot-schema-'));
    t.after(() => rm(dir, { recursive: true, force: true }));
    const old = new Database(join(dir, DATABASE_FILE));
    old.exec(text);
    const { site, subnet, address, key, mac, state, boundAt, expiresAt } = lease();
    old
      .prepare(
        'INSERT INTO leases (site, subnet, address, key, mac, state, bound_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      )
      .run(site, subnet, address, key, mac, state, boundAt, expiresAt);
    const kept = { ...machine('r1-u1', '52:54:00:00:00:01'), rev: 1 };
    old
      .prepare('INSERT INTO machines (name, site, body, rev) VALUES (?, ?, ?, 1)')
      .run('r1-u1', 'default', JSON.stringify(kept));
    const entry = { at: 1, who: 'operator', action: 'a', target: 't', detail: 'from before' };
    if (version < SQLITE_SCHEMAS) old.prepare('INSERT INTO audit (at, body) VALUES (1, ?)').run(JSON.stringify(entry));
    old.close();
    await using store = await openSqliteStore({ dir });
    assert.deepEqual(await store.leases.all(), [lease()]);
    assert.deepEqual(await store.machines.all(), [kept]);
  });
}
