import { test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { PROXY_NEEDS, proxyBoots } from './proxy-boot.ts';

for (const firmware of ['bios-pxe', 'uefi-pxe'] as const) {
  test(`proxy mode beside dnsmasq: ${firmware} boots with dnsmasq’s address and our boot file`, async (t) => {
    const tools = need(t, PROXY_NEEDS);
    if (tools) await proxyBoots(tools, firmware);
  });
}
