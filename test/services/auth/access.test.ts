import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { certificateId, CODE_MS, KeyEnded, openAccess, SESSION_MS } from '#services/auth/access.ts';
import { operatorToken } from '#services/auth/operator-token.ts';
import type { AccessKey, User } from '#services/store/contract.ts';
import { memoryAccessStore } from './memory-access-store.ts';

function access() {
  const clock = { now: 1_000_000 };
  const store = memoryAccessStore();
  const people = new Map<string, User>();
  const person = (name: string, more: Partial<User> = {}): void => {
    const user: User = {
      name,
      role: 'admin',
      disabled: false,
      certificates: [],
      source: 'local',
      createdAt: 0,
      ...more,
    };
    people.set(name, user);
  };
  return {
    clock,
    store,
    person,
    access: openAccess({ store, users: { get: async (name) => people.get(name) }, now: () => clock.now }),
  };
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

describe('what is made with a key', () => {
  const DAY = 86_400_000;
  /** Whoever shows a certificate, as the guard lets them in. */
  const certified = (sha256: string, expiresAt: number): AccessKey => ({
    id: certificateId(sha256),
    kind: 'token',
    hash: sha256,
    name: 'anna',
    user: 'anna',
    certificate: sha256,
    role: 'admin',
    createdAt: 0,
    expiresAt,
  });

  it('lasts no longer than a token with an end: tokens, codes, sessions, and what those make', async () => {
    const { access: one, clock } = access();
    const { key: ci, secret } = await one.createToken({ name: 'ci', role: 'admin', days: 1 });
    clock.now += DAY - 1000;
    const [token, endless] = [
      await one.createToken({ name: 'b', role: 'admin', days: 3650, by: ci }),
      await one.createToken({ name: 'c', role: 'admin', by: ci }),
    ];
    const session = await one.exchange((await one.createCode(ci)).secret);
    assert(session);
    const second = await one.exchange((await one.createCode(session.key)).secret);
    assert(second);
    const ofSession = await one.createToken({ name: 'd', role: 'admin', days: 9, by: second.key });
    const late = await one.createCode(ci);
    const all = [token, endless, session, second, ofSession];
    for (const { key } of all) assert.equal(key.expiresAt, ci.expiresAt, key.name);
    for (const made of all) assert.ok(await one.authenticate(made.secret));
    clock.now += 1000;
    for (const made of [...all, { secret }]) assert.equal(await one.authenticate(made.secret), undefined);
    assert.equal(await one.exchange(late.secret), undefined);
    assert.deepEqual(await one.list(), []);
  });

  it('ends with the token that is removed, to the last, and each is told', async () => {
    const { access: one, store } = access();
    const { key: root } = await one.createToken({ name: 'root', role: 'admin' });
    const child = await one.createToken({ name: 'child', role: 'operator', by: root });
    const session = await one.exchange((await one.createCode(child.key)).secret);
    assert(session);
    const ofSession = await one.createToken({ name: 'page', role: 'viewer', by: session.key });
    const code = await one.createCode(session.key);
    const other = await one.createToken({ name: 'other', role: 'viewer' });
    for (const { secret } of [child, session, ofSession]) assert.ok(await one.authenticate(secret));
    const gone: string[] = [];
    one.onRemoved((id) => gone.push(id));
    assert.equal(await one.remove(root.id), true);
    for (const { secret } of [child, session, ofSession]) assert.equal(await one.authenticate(secret), undefined);
    assert.equal(await one.exchange(code.secret), undefined);
    const ended = [root, child.key, session.key, ofSession.key, code.key].map(({ id }) => id);
    assert.deepEqual(gone.toSorted(), ended.toSorted());
    assert.deepEqual([...store.keys.keys()], [other.key.id]);
  });

  it('ends with a session that it was opened from, but a token does not: people log out', async () => {
    const { access: one, person } = access();
    person('anna');
    const login = await one.openSession({ name: 'anna', user: 'anna', role: 'admin' });
    const phone = await one.exchange((await one.createCode(login.key)).secret);
    assert(phone);
    assert.equal(phone.key.expiresAt, login.key.expiresAt, 'nobody stays in for ever by one code after another');
    const ofLogin = await one.createToken({ name: 'ci', role: 'viewer', by: login.key });
    const ofPhone = await one.createToken({ name: 'ci', role: 'viewer', by: phone.key });
    await one.remove(login.key.id);
    assert.equal(await one.authenticate(phone.secret), undefined);
    for (const { key, secret } of [ofLogin, ofPhone]) {
      assert.equal(key.expiresAt, undefined);
      assert.equal((await one.authenticate(secret))?.user, 'anna');
    }
    await one.removeOf('anna');
    for (const { secret } of [ofLogin, ofPhone]) assert.equal(await one.authenticate(secret), undefined);
  });

  it('cannot be made any more with a key that has just ended', async () => {
    const { access: one } = access();
    const { key } = await one.createToken({ name: 'ci', role: 'admin' });
    const session = await one.exchange((await one.createCode(key)).secret);
    assert(session);
    await one.remove(key.id);
    await assert.rejects(one.createToken({ name: 'x', role: 'viewer', by: key }), KeyEnded);
    await assert.rejects(one.createToken({ name: 'x', role: 'viewer', by: session.key }), KeyEnded);
    await assert.rejects(one.createCode(key), KeyEnded);
    assert.deepEqual(await one.list(), []);
  });

  it('ends with a client certificate: with its time, and when it is its user’s no more', async () => {
    const { access: one, clock, person } = access();
    const [mine, other] = ['a'.repeat(64), 'b'.repeat(64)];
    person('anna', { certificates: [mine, other] });
    const by = certified(mine, clock.now + DAY);
    const token = await one.createToken({ name: 'ci', role: 'viewer', by });
    const grandchild = await one.createToken({ name: 'ci', role: 'viewer', by: token.key });
    const session = await one.exchange((await one.createCode(by)).secret);
    assert(session);
    const ofSession = await one.createToken({ name: 'ci', role: 'viewer', by: session.key });
    const ofOther = await one.createToken({ name: 'ci', role: 'viewer', by: certified(other, clock.now + 9 * DAY) });
    for (const { key } of [token, grandchild, ofSession]) assert.equal(key.expiresAt, by.expiresAt);
    assert.equal(await one.isValid(by), true);
    const gone: string[] = [];
    one.onRemoved((id) => gone.push(id));
    person('anna', { certificates: [other] });
    await one.endCertificates([mine]);
    for (const { secret } of [token, grandchild, session, ofSession]) {
      assert.equal(await one.authenticate(secret), undefined);
    }
    assert.ok(await one.authenticate(ofOther.secret));
    assert.ok(gone.includes(by.id), 'streams that it opened are told');
    assert.equal(await one.isValid(by), false);
  });

  it('is worth nothing once its user may do less, also where another daemon has seen to that', async () => {
    const { access: one, person, clock } = access();
    const kept = { role: 'operator', scope: 'rack=r1' } as const;
    for (const [change, want] of [
      [kept, true],
      [{ role: 'admin' }, true],
      [{ ...kept, role: 'viewer' }, false],
      [{ ...kept, scope: 'rack=r2' }, false],
      [{ ...kept, disabled: true }, false],
    ] as const) {
      person('anna', kept);
      const session = await one.openSession({ name: 'anna', user: 'anna', ...kept });
      const made = await one.createToken({ name: 'ci', role: 'operator', scope: 'rack=r1,env=x', by: session.key });
      for (const { secret } of [session, made]) assert.ok(await one.authenticate(secret));
      person('anna', change);
      assert.equal(await one.isValid(made.key), want, JSON.stringify(change));
      // What was looked up a moment ago is remembered so long.
      clock.now += 5001;
      for (const { secret } of [session, made]) {
        assert.equal((await one.authenticate(secret)) !== undefined, want, JSON.stringify(change));
      }
    }
  });

  it('is looked for in the store, where a stream asks whether it still holds', async () => {
    const { access: one, store } = access();
    const { key, secret } = await one.createToken({ name: 'ci', role: 'viewer' });
    assert.ok(await one.authenticate(secret));
    assert.equal(await one.isValid(key), true);
    // By another daemon on the same database.
    await store.remove(key.id);
    assert.equal(await one.isValid(key), false);
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
      const { path, key } = await operatorToken({ access: one, dataDir: dir });
      const made = await one.createToken({ name: 'ci', role: 'admin', by: key });
      assert.ok(await one.authenticate(made.secret));
      const old = (await readFile(path, 'utf8')).trim();
      await rm(path);
      await operatorToken({ access: one, dataDir: dir });
      assert.equal(await one.authenticate(old), undefined);
      assert.equal(await one.authenticate(made.secret), undefined, 'and what was made with it');
      assert.ok(await one.authenticate((await readFile(path, 'utf8')).trim()));
    });
  });

  it('is each daemon’s own, where several share a database', async () => {
    await inFolder(async (dir) => {
      const { access: one } = access();
      const open = (which: string) => operatorToken({ access: one, dataDir: join(dir, which), sharedBy: which });
      const [a, b] = [await open('a'), await open('b')];
      await open('a');
      for (const { path } of [a, b]) assert.ok(await one.authenticate((await readFile(path, 'utf8')).trim()));
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
