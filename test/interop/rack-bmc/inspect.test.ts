import { test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { INSPECT_NEEDS, inspectsByBmc } from './inspect.ts';

test('inspect turns a machine on by IPMI, boots it into the agent, and knows what it is made of', async (t) => {
  const tools = need(t, INSPECT_NEEDS);
  if (tools) await inspectsByBmc(tools, 'ipmi');
});
