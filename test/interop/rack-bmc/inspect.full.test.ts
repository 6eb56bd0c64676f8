import { test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { INSPECT_NEEDS, inspectsByBmc } from './inspect.ts';

test('the same by Redfish, under UEFI', async (t) => {
  const tools = need(t, INSPECT_NEEDS);
  if (tools) await inspectsByBmc(tools, 'redfish');
});
