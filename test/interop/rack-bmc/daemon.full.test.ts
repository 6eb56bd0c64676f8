import { test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { POWER_NEEDS, powersMachine } from './daemon-power.ts';

test('the same by IPMI, with a BIOS', async (t) => {
  const tools = need(t, POWER_NEEDS);
  if (tools) await powersMachine(tools, 'ipmi');
});
