import assert from 'node:assert/strict';
import { test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { PROXY_NEEDS, proxyBoots } from './proxy-boot.ts';

test('proxy mode beside dnsmasq: uefi-http boots with dnsmasq’s address and our URL', async (t) => {
  const tools = need(t, PROXY_NEEDS);
  if (tools) await proxyBoots(tools, 'uefi-http');
});

test('proxy mode beside dnsmasq: without option 43 uefi-pxe asks at port 4011 what to boot, and boots it', async (t) => {
  const tools = need(t, PROXY_NEEDS);
  if (!tools) return;
  const events = await proxyBoots(tools, 'uefi-pxe', { labels: { 'ingot/no-option-43': 'true' } });
  const asked = events.flatMap((event) => (event.kind === 'dhcp-received' && event.port === 4011 ? [event] : []));
  assert.deepEqual([...new Set(asked.map(({ message, client }) => `${message} ${client.kind}`))], ['REQUEST pxe']);
});

for (const firmware of ['bios-pxe', 'uefi-pxe', 'uefi-http'] as const) {
  test(`proxy mode beside dnsmasq, one frame in twenty lost: ${firmware} boots`, async (t) => {
    const tools = need(t, [...PROXY_NEEDS, 'nft']);
    if (tools) await proxyBoots(tools, firmware, { loss: { nft: tools.nft, percent: 5 } });
  });
}
