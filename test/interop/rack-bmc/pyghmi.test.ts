import assert from 'node:assert/strict';
import { test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { rackBmc, USER } from '#test/machines/rack/bmc/rig.ts';
import { runTool } from './run-tool.ts';

// What virtualbmc and OpenStack speak IPMI with.
const PROGRAM = `
import sys
from pyghmi.ipmi import command
bmc = command.Command(bmc='127.0.0.1', userid=sys.argv[1], password=sys.argv[2], port=int(sys.argv[3]))
print(bmc.get_power()['powerstate'])
bmc.set_bootdev('network', uefiboot=True)
print(bmc.get_bootdev())
print(bmc.set_power('on', wait=True)['powerstate'])
print(bmc.get_bootdev()['bootdev'])
bmc.set_identify(on=True)
`;

test('pyghmi turns a machine on, which boots from where it was told', async (t) => {
  if (!need(t, ['pyghmi'])) return;
  await using at = await rackBmc();
  const { status, output } = await runTool([
    '/usr/bin/python3',
    '-c',
    PROGRAM,
    USER.username,
    USER.password,
    String(at.port.ipmi),
  ]);
  assert.equal(status, 0, output);
  assert.deepEqual(output.trim().split('\n'), [
    'off',
    "{'bootdev': 'network', 'persistent': False, 'uefimode': True}",
    'on',
    'default',
  ]);
  assert.deepEqual(at.boots, ['network uefi']);
  assert.equal(at.bmc.board.identifiesForever(), true);
});
