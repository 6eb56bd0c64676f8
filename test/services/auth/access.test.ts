import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CODE_MS, openAccess, SESSION_MS } from '#services/auth/access.ts';
import { operatorToken } from '#services/auth/operator-token.ts';
import { memoryAccessStore } from './memory-access-store.ts';

function access() {
  const clock = { now: 1_000_000 };
  const store = memoryAccessStore();
  return { clock, store, access: openAccess({ store, now: () => clock.now }) };
}

describe('access', () => {
  it('lets a token in by its secret, and keeps only its hash', async () => {
    const { access: one, store } = access();
    const { key, secret } = await one.createToken({ name: 'ci', role: 'operator' });
    assert.equal((await one.authenticate(secret))?.id, key.id);
    assert.ok(!JSON.stringify([...store.keys.values()]).includes(secret));
  });

  it('lets nothing in that is no secret, or is another one', async () => {
    const { access: one } = access();
    const { key } = await one.createToken({ name: 'ci', role: 'operator' });
    for (const secret of ['', 'operator', key.id, key.hash, `ingot_${'A'.repeat(43)}`]) {
      assert.equal(await one.authenticate(secret), undefined, secret);
    }
  });

  it('opens one session for a code, once', async () => {
    const { access: one } = access();
    const code = await one.createCode({ name: 'operator', role: 'admin' });
    const session = await one.exchange(code.secret);
    assert.equal(session?.key.kind, 'session');
    assert.equal((await one.authenticate(session?.secret ?? ''))?.role, 'admin');
    assert.equal(await one.exchange(code.secret), undefined);
  });

  it('opens one session even when a code is tried many times at once', async () => {
    const { access: one } = access();
    const code = await one.createCode({ name: 'operator', role: 'admin' });
    const sessions = await Promise.all(Array.from({ length: 20 }, () => one.exchange(code.secret)));
    assert.equal(sessions.filter(Boolean).length, 1);
  });

  it('lets nobody in with a code itself', async () => {
    const { access: one } = access();
    const code = await one.createCode({ name: 'operator', role: 'admin' });
    assert.equal(await one.authenticate(code.secret), undefined);
    assert.ok(await one.exchange(code.secret), 'and trying it so has not used it up');
  });

  it('does not use a token up that is tried as a code', async () => {
    const { access: one } = access();
    const { secret } = await one.createToken({ name: 'ci', role: 'viewer' });
    assert.equal(await one.exchange(secret), undefined);
    assert.ok(await one.authenticate(secret));
  });

  it('forgets codes and sessions when their time is over', async () => {
    const { access: one, clock } = access();
    const late = await one.createCode({ name: 'operator', role: 'admin' });
    const code = await one.createCode({ name: 'operator', role: 'admin' });
    const session = await one.exchange(code.secret);
    clock.now += CODE_MS;
    assert.equal(await one.exchange(late.secret), undefined);
    assert.ok(await one.authenticate(session?.secret ?? ''));
    clock.now += SESSION_MS;
    assert.equal(await one.authenticate(session?.secret ?? ''), undefined);
    assert.deepEqual(await one.list(), []);
  });

  it('voids a removed token at once, although it was in use a moment ago', async () => {
    const { access: one } = access();
    const { key, secret } = await one.createToken({ name: 'ci', role: 'viewer' });
    const gone: string[] = [];
    one.onRemoved((id) => gone.push(id));
    assert.ok(await one.authenticate(secret));
    assert.equal(await one.remove(key.id), true);
    assert.equal(await one.authenticate(secret), undefined);
    assert.deepEqual(gone, [key.id]);
  });
});

describe('the operator’s token', () => {
  async function inFolder(work: (dir: string) => Promise<void>): Promise<void> {
    const dir = await mkdtemp(join(tmpdir(), 'ingot-auth-'));
    try {
      await work(dir);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }

  it('is made at the first start, for its owner only, and is an admin’s', async () => {
    await inFolder(async (dir) => {
      const { access: one } = access();
      const { path, made } = await operatorToken({ access: one, dataDir: join(dir, 'data') });
      assert.equal(made, true);
      assert.equal((await stat(path)).mode & 0o777, 0o600);
      assert.equal((await one.authenticate((await readFile(path, 'utf8')).trim()))?.role, 'admin');
    });
  });

  it('stays the same at the next start, also over an empty database', async () => {
    await inFolder(async (dir) => {
      await operatorToken({ access: access().access, dataDir: dir });
      const { access: two } = access();
      const { path, made } = await operatorToken({ access: two, dataDir: dir });
      assert.equal(made, false);
      assert.ok(await two.authenticate((await readFile(path, 'utf8')).trim()));
    });
  });

  it('is a new one after its file was removed, and the old one is void', async () => {
    await inFolder(async (dir) => {
      const { access: one } = access();
      const { path } = await operatorToken({ access: one, dataDir: dir });
      const old = (await readFile(path, 'utf8')).trim();
      await rm(path);
      await operatorToken({ access: one, dataDir: dir });
      assert.equal(await one.authenticate(old), undefined);
      assert.ok(await one.authenticate((await readFile(path, 'utf8')).trim()));
    });
  });

  it('is closed to others when its file was open to them', async () => {
    await inFolder(async (dir) => {
      const { access: one } = access();
      const { path } = await operatorToken({ access: one, dataDir: dir });
      await chmod(path, 0o644);
      assert.equal((await operatorToken({ access: one, dataDir: dir })).wasOpen, true);
      assert.equal((await stat(path)).mode & 0o777, 0o600);
    });
  });

  it('is not replaced silently when its file holds something else', async () => {
    await inFolder(async (dir) => {
      await writeFile(join(dir, 'operator.token'), 'hello');
      await assert.rejects(operatorToken({ access: access().access, dataDir: dir }), /remove it/);
      assert.equal(await readFile(join(dir, 'operator.token'), 'utf8'), 'hello');
    });
  });
});
