import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openPasswords, PASSWORD_COST, TooManyLogins } from '#services/auth/password.ts';
import { networkOf } from '#services/auth/users.ts';

const cheap = openPasswords({ memoryKib: 8, passes: 1, lanes: 1 });

describe('a password', () => {
  it('is kept as an argon2id hash that no other password opens', async () => {
    const kept = await cheap.hash('correct horse');
    assert.match(kept, /^\$argon2id\$v=19\$m=8,t=1,p=1\$/);
    assert.equal(await cheap.verify('correct horse', kept), true);
    assert.equal(await cheap.verify('correct horsf', kept), false);
    assert.notEqual(await cheap.hash('correct horse'), kept, 'each has a salt of its own');
  });

  it('is the same by another keyboard', async () => {
    assert.equal(await cheap.verify('cafe\u0301', await cheap.hash('caf\u00e9')), true);
  });

  it('of an older cost still opens', async () => {
    const kept = await openPasswords({ memoryKib: 16, passes: 2, lanes: 1 }).hash('correct horse');
    assert.equal(await cheap.verify('correct horse', kept), true);
  });

  it('opens nothing where none is kept, or what is kept is broken', async () => {
    for (const kept of [undefined, '', '$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA', '$2b$12$x']) {
      assert.equal(await cheap.verify('correct horse', kept), false, kept);
    }
  });

  it('is hashed like any other where there is no user: the work is done all the same', async () => {
    const costly = openPasswords({ memoryKib: 1024, passes: 1, lanes: 1 });
    const before = process.cpuUsage();
    assert.equal(await costly.verify('correct horse', undefined), false);
    assert.ok(process.cpuUsage(before).user > 0);
  });

  it('is refused while too many wait, and none is lost', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 60 }, () => cheap.verify('x', undefined)));
    const refused = outcomes.filter((one) => one.status === 'rejected');
    assert.ok(refused.length > 0 && refused.every(({ reason }) => reason instanceof TooManyLogins));
    assert.equal(outcomes.length - refused.length, 34);
    assert.equal(await cheap.verify('x', undefined), false, 'and it goes on');
  });

  it('costs what OWASP asks for, at least', () => {
    assert.ok(PASSWORD_COST.memoryKib >= 19_456 && PASSWORD_COST.passes >= 2);
  });
});

describe('wrong passwords count together', () => {
  for (const [address, network] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::9', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
  ] as const) {
    it(`of ${address} as of ${network}`, () => assert.equal(networkOf(address), network));
  }
});
