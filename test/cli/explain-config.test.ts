import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { MachineConfiguration } from '#machines/contract/api/machine-config.ts';
import { runningCli } from './running-cli.ts';

const DOCUMENTS = `
kind: Network
name: rack1
interfaces: [{ name: eno1, address: dhcp, mtu: 9000 }]
---
kind: Profile
name: web
os: disk
data: { ntp: { servers: [10.0.0.1] }, apiToken: hush, locale: en_US.UTF-8 }
config:
  cloudInit: { users: [{ name: op, passwd: hush }], packages: [vim] }
---
kind: Class
name: all
match: { labels: { env: lab } }
profile: web
data: { locale: de_DE.UTF-8, timezone: Europe/Berlin }
---
kind: Machine
name: r1-u1
macs: ["52:54:00:00:00:01"]
labels: { env: lab }
network: rack1
data: { ntp: { servers: [10.0.0.9] } }
`;

describe('ingot explain --config', () => {
  it('shows each value and who said it, and no secret', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ingot-config-'));
    try {
      const file = join(folder, 'documents.yaml');
      await writeFile(file, DOCUMENTS);
      await using cli = await runningCli();
      await cli.done('apply', '-f', file);
      const { out } = await cli.done('explain', 'r1-u1', '--config');
      assert.match(out, /^r1-u1: class all, profile web\n/);
      assert.match(out, /^data\.ntp\.servers +\["10\.0\.0\.9"\] +machine r1-u1$/m);
      assert.match(out, /^data\.locale +en_US\.UTF-8 +profile web$/m);
      assert.match(out, /^data\.timezone +Europe\/Berlin +class all$/m);
      assert.match(out, /^network\.interfaces .* network rack1$/m);
      assert.match(out, /Bottlerocket: network\.interfaces\[0\]\.mtu: net\.toml has no MTU/);
      assert.doesNotMatch(out, /hush/);
      const json = JSON.parse(
        (await cli.done('explain', 'r1-u1', '--config', '-o', 'json')).out,
      ) as MachineConfiguration;
      const users = json.values.find(({ path }) => path === 'config.cloudInit.users');
      assert.deepEqual(users?.value, [{ name: 'op', passwd: '***' }]);
      assert.equal((await cli.run(['explain', 'nobody', '--config'])).status, 3);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
