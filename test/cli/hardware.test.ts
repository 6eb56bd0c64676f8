import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inventory } from '#machines/contract/inventory.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { runningCli } from './running-cli.ts';

const HOSTILE = 'evil\u202e\u2066name';

const AGENT = {
  source: 'agent',
  at: Date.now() - 120_000,
  system: { manufacturer: 'Maker', product: 'Model 5', serial: 'S1', uuid: '11223344-5566-7788-9900-aabbccddeeff' },
  bios: { vendor: 'Vendor', version: '1.2', date: '01/02/2025' },
  firmware: 'uefi',
  secureBoot: false,
  tpm: { present: true, version: '2.0' },
  processors: [
    { model: 'CPU Gold', cores: 16, threads: 32, maxMhz: 2900 },
    { model: 'CPU Gold', cores: 16, threads: 32, maxMhz: 2900 },
  ],
  memory: { totalBytes: 64 * 2 ** 30, modules: [1, 2].map(() => ({ bytes: 32 * 2 ** 30, type: 'DDR5', mhz: 4800 })) },
  disks: [
    { name: 'nvme0n1', serial: 'D1', bytes: 480_103_981_056, transport: 'nvme', signatures: ['gpt', 'zfs_member'] },
    { name: 'sda', bytes: 4_000_787_030_016, transport: 'sata', rotational: true, model: HOSTILE },
  ],
  nics: [
    {
      name: 'eno1',
      mac: '52:54:00:00:00:01',
      linkUp: true,
      speedMbit: 25_000,
      booted: true,
      neighbour: { system: 'tor-1', port: 'Ethernet1/3', vlan: 10 },
    },
    { name: 'eno2', mac: '52:54:00:00:00:02', linkUp: false },
  ],
  bmc: { address: '10.0.0.12', model: 'Controller', version: '6.1' },
  gaps: ['smartctl: /dev/sda: permission denied'],
} as const;

describe('the hardware sheet', () => {
  it('shows parts in groups, disks and cards one a line, and what could not be read', async () => {
    await using cli = await runningCli();
    await cli.done('machine', 'add', 'r1-u1', '-m', '52:54:00:00:00:01');
    assert.match((await cli.done('machine', 'show', 'r1-u1')).out, /not known: ingot inspect r1-u1/);
    await cli.api.store.inventories.put('r1-u1', inventory.parse(AGENT));
    const { out } = await cli.done('machine', 'show', 'r1-u1');
    for (const line of [
      /^hardware {2}by agent 2m ago$/m,
      /^system +Maker Model 5, serial S1$/m,
      /^firmware +UEFI, Vendor 1\.2, 01\/02\/2025, Secure Boot off, TPM 2\.0$/m,
      /^processors +2 × CPU Gold, 32 cores, 64 threads, 2\.9 GHz$/m,
      /^memory +64 GiB, 2 × 32 GiB DDR5 4800 MHz$/m,
      /^BMC +10\.0\.0\.12, Controller 6\.1$/m,
      /^DISK +SIZE +KIND +SERIAL +MODEL +HOLDS$/m,
      /^nvme0n1 +480 GB +nvme +D1 +gpt zfs_member$/m,
      /^sda +4 TB +sata HDD +none .*nothing known$/m,
      /^eno1 +52:54:00:00:00:01 +up 25 Gbit\/s +tor-1 Ethernet1\/3 VLAN 10 +from here$/m,
      /^eno2 +52:54:00:00:00:02 +down$/m,
      /^1 +smartctl: \/dev\/sda: permission denied$/m,
    ]) {
      assert.match(out, line);
    }
    assert.doesNotMatch(out, /[\u202e\u2066]/);
    const shown = JSON.parse((await cli.done('machine', 'show', 'r1-u1', '-o', 'json')).out) as {
      inventories: readonly { source: string }[];
    };
    assert.deepEqual(
      shown.inventories.map(({ source }) => source),
      ['agent'],
    );
  });

  it('says in what the agent and the BMC do not agree', async () => {
    await using cli = await runningCli();
    await cli.done('machine', 'add', 'r1-u1');
    const { inventories } = cli.api.store;
    await inventories.put('r1-u1', inventory.parse(AGENT));
    await inventories.put(
      'r1-u1',
      inventory.parse({
        source: 'bmc',
        at: Date.now(),
        system: { serial: 's1' },
        memory: { totalBytes: 96 * 2 ** 30 },
        disks: [
          { serial: 'D1', bytes: 1 },
          { serial: 'D7', bytes: 1 },
        ],
      }),
    );
    const { out } = await cli.done('machine', 'show', 'r1-u1');
    assert.match(
      out,
      /agent and BMC do not agree\n1 +memory: 64 GiB by the agent, 96 GiB by the BMC\n2 +disks that only the BMC sees: D7\n/,
    );
  });
});

describe('what a BMC measures', () => {
  it('stands in the sheet: what is not well by name, the rest in a line of its kind', async () => {
    await using cli = await runningCli();
    await cli.done('machine', 'add', 'r1-u1');
    const temperatures = Array.from({ length: 8 }, (_, index) => ({
      name: `T${index}`,
      kind: 'temperature',
      value: 40 + index,
      unit: '°C',
      health: 'ok',
    }));
    const fan = { name: 'Fan 1', kind: 'fan', value: 0, unit: 'rpm', health: 'critical', state: 'below the threshold' };
    const supply = { name: 'PS1', kind: 'supply', state: 'present', health: 'ok' };
    const sensors = [...temperatures, fan, { name: 'Fan 2', kind: 'fan' }, supply];
    const told = { source: 'bmc', at: Date.now(), health: 'critical', powerWatts: 180, sensors };
    await cli.api.store.inventories.put('r1-u1', inventory.parse(told));
    const { out } = await cli.done('machine', 'show', 'r1-u1');
    assert.match(out, /health +critical, 180 W\nnot well +critical: Fan 1 0 rpm below the threshold\n/);
    assert.match(out, /warmth +T0 40 °C, .*T5 45 °C, and 2 more\nfans +Fan 1 0 rpm .*\nsupplies +PS1 present\n/);
    assert.doesNotMatch(out, /Fan 2/);
  });
});

describe('ingot machine replace', () => {
  async function world() {
    const cli = await runningCli();
    const { registry, store } = cli.api;
    await cli.done('machine', 'add', 'r1-u1', '-m', '52:54:00:00:00:01', '-a', '192.0.2.7', '--serial', 'OLD');
    registry.observe({
      mac: sure(parseMacAddress('52:54:00:00:00:09')),
      serial: 'NEW',
      facts: { product: 'Model 6' },
      source: 'ipxe',
      at: 1,
    });
    await store.inventories.put('m-525400000009', inventory.parse({ source: 'agent', at: 1, nics: [] }));
    return cli;
  }

  it('moves name, address and history to the new hardware, whose record ends', async () => {
    await using cli = await world();
    const dry = await cli.run(['machine', 'replace', 'r1-u1', 'm-525400000009', '--dry-run']);
    assert.match(dry.error, /address 192\.0\.2\.7 goes to the new hardware/);
    assert.ok(cli.api.registry.machine('m-525400000009'));
    assert.equal((await cli.run(['machine', 'replace', 'r1-u1', 'm-525400000009'])).status, 5);
    await cli.done('machine', 'replace', 'r1-u1', '52:54:00:00:00:09', '--yes');
    const { registry, store } = cli.api;
    const machine = registry.machine('r1-u1');
    assert.deepEqual(machine?.document.macs, ['52:54:00:00:00:09']);
    assert.equal(machine.document.serial, 'NEW');
    assert.equal(machine.document.address, '192.0.2.7');
    assert.equal(machine.facts['product']?.value, 'Model 6');
    assert.equal(registry.machine('m-525400000009'), undefined);
    assert.equal(registry.machineByMac(sure(parseMacAddress('52:54:00:00:00:01'))), undefined);
    assert.equal((await store.inventories.latest('r1-u1')).length, 1);
    const entry = (await cli.api.audit()).find(({ action }) => action === 'replaceMachine');
    assert.match(entry?.detail ?? '', /by m-525400000009/);
  });

  it('goes on in spite of conflicts only when they have been counted', async () => {
    await using cli = await world();
    await cli.done('machine', 'add', 'r1-u2', '-m', '52:54:00:00:00:22', '-a', '192.0.2.8', '--label', 'a=b');
    const args = ['machine', 'replace', 'r1-u1', 'r1-u2'];
    for (const more of [['--yes'], ['--conflicts', '1'], []]) {
      const { status, error } = await cli.run([...args, ...more]);
      assert.equal(status, 5, error);
      assert.match(error, /the address 192\.0\.2\.8 of its own[\s\S]*labels a=b of its own/);
    }
    const answer = await cli.api.send('POST', '/api/v1/machines/r1-u1/replace', { by: 'r1-u2' });
    assert.equal(answer.status, 409);
    assert.ok(cli.api.registry.machine('r1-u2'));
    await cli.done(...args, '--conflicts', '2');
    assert.equal(cli.api.registry.machine('r1-u2'), undefined);
  });
});
