import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import type { IpAddress } from '#machines/values/ip-address.ts';
import { DATABASE_FILE, openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { StoreError, type StoreErrorCode } from '#services/store/store-error.ts';
import { lease, storeConformance } from './conformance.ts';

const directory = (): Promise<string> => mkdtemp(join(tmpdir(), 'ingot-store-'));

storeConformance('SQLite', async () => {
  const dir = await directory();
  const store = await openSqliteStore({ dir });
  return {
    store,
    async reopen() {
      await store[Symbol.asyncDispose]();
      return await openSqliteStore({ dir });
    },
    remove: () => rm(dir, { recursive: true }),
  };
});

async function refused(dir: string, code: StoreErrorCode, text: RegExp): Promise<void> {
  await assert.rejects(openSqliteStore({ dir }), (error: unknown) => {
    assert.ok(error instanceof StoreError);
    assert.equal(error.code, code);
    assert.match(error.message, text);
    return true;
  });
}

describe('SQLite', () => {
  it('keeps its files from others, also in a folder that is open to them', async () => {
    const dir = await directory();
    await chmod(dir, 0o755);
    const before = process.umask(0o022);
    try {
      await using store = await openSqliteStore({ dir });
      await store.leases.bind(lease());
      for (const name of (await readdir(dir)).filter((one) => one.startsWith(DATABASE_FILE))) {
        assert.equal((await stat(join(dir, name))).mode & 0o007, 0, name);
      }
    } finally {
      process.umask(before);
      await rm(dir, { recursive: true });
    }
  });

  it('every lease whose promise resolved is there after kill -9', async () => {
    const dir = await directory();
    const child = spawn(process.execPath, [fileURLToPath(new URL('./bind-for-ever.ts', import.meta.url)), dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const bound: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      bound.push(line);
      if (bound.length === 2000) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    assert.equal(child.signalCode, 'SIGKILL');
    const store = await openSqliteStore({ dir });
    const stored = new Set((await store.leases.all()).map(({ address }) => String(address)));
    await store[Symbol.asyncDispose]();
    assert.deepEqual(
      bound.filter((address) => !stored.has(address)),
      [],
    );
    await rm(dir, { recursive: true });
  });

  it('a data directory has one daemon, and the other is told whose it is', async () => {
    const dir = await directory();
    const store = await openSqliteStore({ dir });
    await refused(dir, 'locked', new RegExp(`pid ${process.pid}`));
    await store[Symbol.asyncDispose]();
    await (await openSqliteStore({ dir }))[Symbol.asyncDispose]();
    await rm(dir, { recursive: true });
  });

  it('a file that is no database is refused, and left as it was', async () => {
    const dir = await directory();
    await writeFile(join(dir, DATABASE_FILE), 'x'.repeat(8192));
    await refused(dir, 'corrupt', /ingot\.sqlite is damaged.*Nothing was changed/);
    await rm(dir, { recursive: true });
  });

  it('a database that is damaged in the middle is refused at the start, and left as it was', async () => {
    const dir = await directory();
    const file = join(dir, DATABASE_FILE);
    const store = await openSqliteStore({ dir });
    const addresses = Array.from({ length: 2000 }, (_, number) => `10.0.${number >> 8}.${number & 255}` as IpAddress);
    await Promise.all(addresses.map((address) => store.leases.bind(lease({ address, key: `key of ${address}` }))));
    await store[Symbol.asyncDispose]();
    const bytes = await readFile(file);
    bytes.fill(0xa5, bytes.length >> 1, (bytes.length >> 1) + 16_384);
    await writeFile(file, bytes);
    await refused(dir, 'corrupt', /ingot\.sqlite is damaged.*move the file away/);
    assert.deepEqual(await readFile(file), bytes);
    await rm(dir, { recursive: true });
  });

  it('a data directory that cannot be written says so, and not that another daemon has it', async () => {
    const dir = await directory();
    await mkdir(join(dir, 'ingot.lock'));
    await refused(dir, 'broken', /ingot\.lock/);
    await rm(dir, { recursive: true });
  });

  it('is closed as often as one likes, and leaves one file with everything in it', async () => {
    const dir = await directory();
    const store = await openSqliteStore({ dir });
    await store.leases.bind(lease());
    await Promise.all([store[Symbol.asyncDispose](), store[Symbol.asyncDispose]()]);
    assert.deepEqual((await readdir(dir)).toSorted(), ['ingot.lock', 'ingot.pid', DATABASE_FILE]);
    await assert.rejects(store.leases.all(), { code: 'closed' });
    await rm(dir, { recursive: true });
  });

  it('a database of a newer version is refused', async () => {
    const dir = await directory();
    const db = new Database(join(dir, DATABASE_FILE));
    db.pragma('user_version = 999');
    db.close();
    await refused(dir, 'newer-schema', /schema 999/);
    await rm(dir, { recursive: true });
  });

  it('what is asked of a closed store is refused, not lost in silence', async () => {
    const dir = await directory();
    const store = await openSqliteStore({ dir });
    const last = store.leases.bind(lease());
    await store[Symbol.asyncDispose]();
    assert.deepEqual(await last, { kind: 'bound' });
    await assert.rejects(store.leases.bind(lease()), { code: 'closed' });
    await rm(dir, { recursive: true });
  });
});
