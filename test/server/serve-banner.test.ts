import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfig } from '#server/config/parse-config.ts';
import type { Restraint } from '#server/dhcp4/rivals.ts';
import { bannerText } from '#server/serve-banner.ts';

function banner(mode: 'server' | 'proxy', restraint: Restraint | undefined): string {
  const text = `interfaces: [{ name: eth9, mode: ${mode} }]\nsubnets: [{ cidr: 192.168.77.0/24, mode: ${mode} }]\n`;
  const config = parseConfig({ file: 'ingot.yaml', text, baseDir: '/srv/ingot' });
  assert.ok(config.ok, config.ok ? '' : config.issues.join('\n'));
  return bannerText({
    version: '0',
    config: config.config,
    api: 'http://127.0.0.1:4680',
    boot: 'http://192.168.77.1:8080',
    machine: 'http://192.168.77.1:8081',
    tftp: '192.168.77.1:69',
    dhcp: [],
    code: 'c',
    codeMinutes: 10,
    user: 'me',
    hostname: 'here',
    restraint: (name) => (name === 'eth9' ? restraint : undefined),
  });
}

const OTHER: Restraint = {
  from: 'new-leases',
  code: 'other-server',
  because: 'another DHCP server leases addresses on eth9: 192.168.77.9',
};
const ELDER: Restraint = {
  from: 'all',
  code: 'another-ingot',
  because: 'another Ingot answers here since before us: 192.168.77.8',
};

describe('what serve tells at its start', () => {
  it('says that a server leases, where it does', () => {
    assert.match(banner('server', undefined), /server: leases addresses;/);
  });

  it('says that it is held back by another server, and by which', () => {
    const text = banner('server', OTHER);
    assert.match(text, /server, held back: gives no new leases, for another DHCP server .*192\.168\.77\.9;/);
    assert.doesNotMatch(text, /server: leases/);
  });

  it('says that another Ingot was here first, in both modes', () => {
    for (const mode of ['server', 'proxy'] as const) {
      assert.match(banner(mode, ELDER), new RegExp(`${mode}, held back: answers nothing, for another Ingot`));
    }
  });
});
