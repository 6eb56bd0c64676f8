import { test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { PROXY_NEEDS, proxyBoots } from './proxy-boot.ts';

test('proxy mode beside dnsmasq: uefi-http boots with dnsmasq’s address and our URL', async (t) => {
  const tools = need(t, PROXY_NEEDS);
  if (tools) await proxyBoots(tools, 'uefi-http');
});

for (const firmware of ['bios-pxe', 'uefi-pxe', 'uefi-http'] as const) {
  test(`proxy mode beside dnsmasq, one frame in twenty lost: ${firmware} boots`, async (t) => {
    const tools = need(t, [...PROXY_NEEDS, 'nft']);
    if (tools) await proxyBoots(tools, firmware, { nft: tools.nft, percent: 5 });
  });
}
