import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inheritedSockets } from '#server/sockets/inherited-sockets.ts';

for (const [name, env, want] of [
  ['nothing is inherited without a supervisor', {}, []],
  [
    'descriptors begin at 3 and have the names of their units',
    { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'eth0:eth1' },
    ['3 eth0', '4 eth1'],
  ],
  ['a descriptor may have no name', { LISTEN_PID: '7', LISTEN_FDS: '1' }, ['3 ']],
  ['what is meant for another process is left alone', { LISTEN_PID: '8', LISTEN_FDS: '1' }, []],
  ['a count that is none is none', { LISTEN_PID: '7', LISTEN_FDS: 'many' }, []],
  ['so is a negative one', { LISTEN_PID: '7', LISTEN_FDS: '-1' }, []],
] as const) {
  test(name, () => {
    assert.deepEqual(
      inheritedSockets(env, 7).map(({ fd, name: given }) => `${fd} ${given}`),
      want,
    );
  });
}
