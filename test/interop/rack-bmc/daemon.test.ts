import { test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { POWER_NEEDS, powersMachine } from './daemon-power.ts';

test('power by Redfish: a real machine starts, boots from us, and then its own disk again', async (t) => {
  const tools = need(t, POWER_NEEDS);
  if (tools) await powersMachine(tools, 'redfish');
});
