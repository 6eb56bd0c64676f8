import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openAccess } from '#services/auth/access.ts';
import { type Passwords, TooManyLogins } from '#services/auth/password.ts';
import { openUsers, type Users } from '#services/auth/users.ts';
import type { User, UserStore } from '#services/store/contract.ts';
import { memoryAccessStore } from './memory-access-store.ts';

const NAME = 'mia';
const TRIED = { name: NAME, password: 'the old one', address: '192.0.2.1' };

function memoryUserStore(): UserStore {
  const users = new Map<string, User>();
  return {
    list: async () => [...users.values()],
    get: async (name) => users.get(name),
    put: async (user) => void users.set(user.name, user),
    remove: async (name) => users.delete(name),
  };
}

/** A user who logs in; `look` lets the daemon see that the password is right. */
async function loggingIn() {
  const store = memoryUserStore();
  const access = openAccess({ store: memoryAccessStore(), users: store, now: () => 0 });
  const looked = Promise.withResolvers<void>();
  const passwords: Passwords = {
    hash: async (password) => `hash of ${password}`,
    verify: async (password, kept) => {
      await looked.promise;
      return kept === `hash of ${password}`;
    },
  };
  const users = openUsers({ store, access, passwords, now: () => 0 });
  await users.create({ name: NAME, role: 'admin', password: TRIED.password });
  const login = users.login(TRIED);
  // The user was read; the password is being looked at.
  await new Promise(setImmediate);
  return { access, users, login, look: () => looked.resolve() };
}

describe('what happens to a user while their password is looked at', () => {
  const changes: readonly [string, (users: Users) => Promise<unknown>, (user: User | undefined) => void][] = [
    ['disabled', (users) => users.change(NAME, { disabled: true }), (user) => assert.equal(user?.disabled, true)],
    [
      'another password',
      (users) => users.setPassword(NAME, 'a new one'),
      (user) => assert.equal(user?.passwordHash, 'hash of a new one'),
    ],
    ['removed', (users) => users.remove(NAME), (user) => assert.equal(user, undefined)],
  ];
  for (const [what, change, check] of changes) {
    it(`${what}: stays so, and nobody comes in`, async () => {
      const { access, users, login, look } = await loggingIn();
      await change(users);
      look();
      assert.deepEqual(await login, { kind: 'wrong', locked: false });
      check(await users.get(NAME));
      assert.deepEqual(await access.list(), []);
    });
  }

  it('another role: they come in with that one', async () => {
    const { users, login, look } = await loggingIn();
    await users.change(NAME, { role: 'viewer' });
    look();
    const outcome = await login;
    assert.equal(outcome.kind === 'in' && outcome.key.role, 'viewer');
    assert.equal((await users.get(NAME))?.role, 'viewer');
  });
});

it('who changes their own password does not undo what an admin sets meanwhile', async () => {
  const { users, look } = await loggingIn();
  const own = users.setPassword(NAME, 'their own', TRIED.password);
  await users.setPassword(NAME, 'by an admin');
  look();
  assert.equal(await own, false);
  assert.equal((await users.get(NAME))?.passwordHash, 'hash of by an admin');
});

it('a new password ends codes that were made before it', async () => {
  const { access, users, login, look } = await loggingIn();
  look();
  const outcome = await login;
  assert(outcome.kind === 'in');
  const { secret } = await access.createCode(outcome.key);
  await users.setPassword(NAME, 'a new one');
  assert.equal(await access.exchange(secret), undefined);
});

describe('a password that nobody had time to look at', () => {
  function busyUsers() {
    const clock = { now: 0 };
    const state = { busy: true };
    const store = memoryUserStore();
    const access = openAccess({ store: memoryAccessStore(), users: store, now: () => clock.now });
    const passwords: Passwords = {
      hash: async (password) => `hash of ${password}`,
      verify: async (password, kept) => {
        if (state.busy) throw new TooManyLogins();
        return kept === `hash of ${password}`;
      },
    };
    const users = openUsers({ store, access, passwords, now: () => clock.now });
    return { clock, state, users };
  }
  const right = { ...TRIED, password: 'right' };

  it('is no wrong one: neither name nor address waits', async () => {
    const { state, users } = busyUsers();
    await users.create({ name: NAME, role: 'admin', password: 'right' });
    for (let tries = 0; tries < 30; tries += 1) await assert.rejects(users.login(right), TooManyLogins);
    state.busy = false;
    assert.equal((await users.login(right)).kind, 'in');
  });

  it('neither forgives wrong ones nor makes the wait longer', async () => {
    const { clock, state, users } = busyUsers();
    await users.create({ name: NAME, role: 'admin', password: 'right' });
    state.busy = false;
    for (let tries = 0; tries < 5; tries += 1) await users.login({ ...right, password: 'wrong' });
    assert.equal((await users.login(right)).kind, 'wait');
    clock.now += 30_000;
    state.busy = true;
    await assert.rejects(users.login(right), TooManyLogins);
    state.busy = false;
    assert.deepEqual(await users.login({ ...right, password: 'wrong' }), { kind: 'wrong', locked: true });
    assert.deepEqual(await users.login(right), { kind: 'wait', ms: 60_000 });
    clock.now += 60_000;
    assert.equal((await users.login(right)).kind, 'in');
  });
});
