import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openAccess } from '#services/auth/access.ts';
import type { Passwords } from '#services/auth/password.ts';
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
  const access = openAccess({ store: memoryAccessStore(), now: () => 0 });
  const looked = Promise.withResolvers<void>();
  const passwords: Passwords = {
    hash: async (password) => `hash of ${password}`,
    verify: async (password, kept) => {
      await looked.promise;
      return kept === `hash of ${password}`;
    },
  };
  const users = openUsers({ store: memoryUserStore(), access, passwords, now: () => 0 });
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
