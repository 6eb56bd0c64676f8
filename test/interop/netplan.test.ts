import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { stringify } from 'yaml';
import { renderNetplan } from '#machines/os/network/netplan.ts';
import { need } from '#test/lab/need.ts';
import { INTENTS } from '#test/machines/os/network/intents.ts';

/** What netplan makes of a network-config: units of systemd-networkd, by name; or what it says against it. */
function generated(
  t: TestContext,
  tree: object,
): { readonly said: string; readonly units: Record<string, string> } | false {
  const tools = need(t, ['netplan-generate', 'libnetplan']);
  if (!tools) return false;
  const root = mkdtempSync(join(tmpdir(), 'ingot-netplan-'));
  try {
    const file = join(root, 'etc', 'netplan', '50-cloud-init.yaml');
    mkdirSync(join(root, 'etc', 'netplan'), { recursive: true });
    writeFileSync(file, stringify({ network: tree }));
    chmodSync(file, 0o600);
    const { stderr } = spawnSync(tools['netplan-generate'], ['--root-dir', root], {
      env: { ...process.env, LD_LIBRARY_PATH: tools.libnetplan },
      encoding: 'utf8',
    });
    const folder = join(root, 'run', 'systemd', 'network');
    const names = stderr === '' ? readdirSync(folder) : [];
    return {
      said: stderr,
      units: Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')])),
    };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

suite('netplan takes our network-config', () => {
  for (const [name, intent] of Object.entries(INTENTS)) {
    test(name, (t) => {
      const rendered = renderNetplan(intent);
      assert.ok(rendered.kind === 'rendered');
      const result = generated(t, rendered.value);
      if (!result) return;
      assert.equal(result.said, '');
      const all = Object.values(result.units).join('\n');
      // Every address and every server of the intent stands in what would be configured.
      const { interfaces, bonds, vlans, dns } = intent;
      for (const { address, gateway } of [...interfaces, ...bonds, ...vlans]) {
        for (const one of address) {
          if (one !== 'dhcp' && one !== 'dhcp6') assert.ok(all.includes(`Address=${one}`), `${one} in ${all}`);
        }
        if (gateway !== undefined) assert.ok(all.includes(`Gateway=${gateway}`), `${gateway} in ${all}`);
      }
      for (const server of dns) assert.ok(all.includes(`DNS=${server}`), `${server} in ${all}`);
      for (const { name: bond, mode } of bonds) {
        assert.ok(all.includes(`Bond=${bond}`) && all.includes(`Mode=${mode}`), all);
      }
      for (const { id } of vlans) assert.ok(all.includes(`Id=${id}`), all);
    });
  }

  test('and refuses what is wrong, so that the tests above could fail', (t) => {
    const result = generated(t, { version: 2, ethernets: { eno1: { addresses: ['10.0.0.300/24'] } } });
    if (result) assert.match(result.said, /malformed address/);
  });
});
