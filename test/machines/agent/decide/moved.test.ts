import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hasMoved } from '#machines/agent/decide/moved.ts';

const V4 = { address: '192.0.2.7', family: 'inet4' } as const;
const OTHER = { address: '192.0.2.8', family: 'inet4' } as const;
const V6 = { address: '2001:db8::7', family: 'inet6' } as const;

for (const [name, registered, now, want] of [
  ['a machine whose addresses are the same has not moved', [V4, V6], [V6, V4], false],
  ['one more IPv6 address is no move', [V4], [V4, V6], false],
  ['an IPv6 address that is gone is one', [V4, V6], [V4], true],
  ['another lease is one', [V4], [OTHER], true],
  ['one more IPv4 address is one', [V4], [V4, OTHER], true],
  ['a lost lease is one', [V4], [], true],
] as const) {
  it(name, () => assert.equal(hasMoved(registered, now), want));
}
