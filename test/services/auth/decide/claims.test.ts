import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Claims, type ClaimRules, userOfClaims } from '#services/auth/decide/claims.ts';

const RULES: ClaimRules = {
  userClaim: 'preferred_username',
  roleClaim: 'realm_access.roles',
  roles: [
    { value: 'boss', role: 'admin' },
    { value: 'rack-1', role: 'operator', scope: 'rack=r1' },
  ],
  defaultRole: undefined,
};
const roles = (...all: readonly unknown[]) => ({ realm_access: { roles: all } });

describe('claims', () => {
  for (const [name, claims, rules, want] of [
    [
      'of a group give its role and scope',
      { preferred_username: 'anna', ...roles('x', 'rack-1') },
      {},
      ['anna', 'operator', 'rack=r1'],
    ],
    [
      'of several groups give what stands first',
      { preferred_username: 'anna', ...roles('rack-1', 'boss') },
      {},
      ['anna', 'admin', undefined],
    ],
    ['of no group give nothing', { preferred_username: 'anna', ...roles('x') }, {}, /gives a role/],
    [
      'of no group give the default',
      { preferred_username: 'anna' },
      { defaultRole: 'viewer' },
      ['anna', 'viewer', undefined],
    ],
    [
      'may be one text',
      { preferred_username: 'a', groups: 'boss' },
      { roleClaim: 'groups' },
      ['a', 'admin', undefined],
    ],
    [
      'may have dots in their names',
      { preferred_username: 'a', 'https://x.example/g': ['boss'] },
      { roleClaim: 'https://x.example/g' },
      ['a', 'admin', undefined],
    ],
    [
      'that are no text give nothing',
      { preferred_username: 'anna', ...roles(['boss'], { boss: 1 }, 1) },
      {},
      /gives a role/,
    ],
    [
      'that every object has are none',
      { preferred_username: 'a' },
      { roleClaim: 'constructor.name', roles: [{ value: 'Object', role: 'admin' }] },
      /gives a role/,
    ],
    ['without a name are refused', roles('boss'), {}, /no name of a user/],
    [
      'with a name that breaks out are refused',
      { preferred_username: 'a\nb', ...roles('boss') },
      {},
      /no name of a user/,
    ],
    [
      'with an email that is not verified are refused',
      { email: 'a@x.example', ...roles('boss') },
      { userClaim: 'email' },
      /not verified/,
    ],
    [
      'with a verified email are taken',
      { email: 'a@x.example', email_verified: true, ...roles('boss') },
      { userClaim: 'email' },
      ['a@x.example', 'admin', undefined],
    ],
  ] as const satisfies readonly (readonly [string, Claims, Partial<ClaimRules>, RegExp | readonly unknown[]])[]) {
    it(name, () => {
      const got = userOfClaims(claims, { ...RULES, ...rules });
      if (want instanceof RegExp) return assert.match(got.kind === 'refused' ? got.because : 'let in', want);
      return assert.deepEqual(got.kind === 'user' && [got.name, got.role, got.scope], want);
    });
  }
});
