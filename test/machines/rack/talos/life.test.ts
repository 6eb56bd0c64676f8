import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TalosSecrets } from '#machines/os/talos/secrets.ts';
import { openThinDisks } from '#machines/rack/node/thin-disks.ts';
import { only } from '#services/machine-api/client.ts';
import { watchInstall } from '#services/talos/install.ts';
import { waitFor } from '#test/lab/wait.ts';
import { join } from 'node:path';
import { talosNode } from '#services/talos/node.ts';
import { configFor, definition, endOf, installer, secretsFor, talosRig } from './rig.ts';

const EMPTY = {} as const;
const limit = () => AbortSignal.timeout(20_000);

for (const [version, next] of [
  ['v1.11.5', 'v1.12.4'],
  ['v1.13.2', 'v1.13.9'],
  ['v1.14.0', 'v1.14.1'],
] as const) {
  describe(`a simulated node of ${version}`, () => {
    let secrets: TalosSecrets;
    before(async () => void (secrets = await secretsFor(version)));

    it('is installed by a configuration that is pushed, bootstrapped once, upgraded, rolled back and reset', async () => {
      await using rig = await talosRig({ version });
      const machine = rig.machine();
      rig.machines[0]?.powerOn();
      {
        using client = await machine.maintenance();
        const node = await talosNode({ definition, client, signal: limit() });
        assert.equal(await node.systemDisk(), undefined);
        const { mode } = await node.applyConfig(
          configFor({ version, secrets, role: 'controlplane', spec: machine.spec }),
        );
        assert.equal(mode, version.startsWith('v1.14') ? 'NO_REBOOT' : 'REBOOT');
      }

      const progress: string[] = [];
      const watching = watchInstall({
        definition,
        open: (mode) => (mode === 'running' ? machine.running(secrets) : machine.maintenance()),
        pause: (signal) => sleep(20, undefined, { signal }),
        round: () => AbortSignal.timeout(300),
        signal: limit(),
      });
      for (;;) {
        const state = await watching.next();
        if (state.done) {
          assert.deepEqual(state.value, { kind: 'installed', disk: 'sda' });
          break;
        }
        progress.push(state.value.kind);
      }
      assert.ok(progress.length > 0);
      // From memory the kernel of the disk was started at once, without firmware.
      assert.deepEqual(machine.story, ['network kexec']);
      const disks = await openThinDisks({ dir: join(rig.dir, machine.spec.name, 'disks'), spec: machine.spec });
      assert.partialDeepStrictEqual(await disks.signatures('sda'), [
        ...['gpt', 'gpt:BIOS', 'gpt:BOOT', 'gpt:EFI', 'gpt:EPHEMERAL', 'gpt:META', 'gpt:STATE'],
      ]);

      {
        using node = await machine.node(secrets);
        await waitFor('its bootstrap', async () => (await node.bootstrap()).kind === 'bootstrapped', 10_000);
        assert.equal((await node.bootstrap()).kind, 'already');
        await waitFor('its health', async () => (await node.health()).ready, 10_000);
        const { members, status } = await node.etcd();
        assert.equal(members.length, 1);
        assert.equal(members[0]?.id, status?.leader);
        assert.deepEqual(
          await endOf(node.upgrade({ installer: installer(next) }, limit())).then(({ kind }) => kind),
          'rebooting',
        );
      }
      await machine.ended(2);
      {
        using node = await machine.node(secrets);
        assert.equal(`v1.${node.version.minor}.${node.version.patch}`, next);
        await waitFor('its health', async () => (await node.health()).ready, 10_000);
        assert.equal((await node.bootstrap()).kind, 'already', 'what was in EPHEMERAL is there still');
        assert.equal((await endOf(node.rollback(limit()))).kind, 'rebooting');
      }
      await machine.ended(3);
      {
        using node = await machine.node(secrets);
        assert.equal(`v1.${node.version.minor}.${node.version.patch}`, version);
        await waitFor('its health', async () => (await node.health()).ready, 10_000);
        const graceful = await endOf(node.reset({ graceful: true, what: 'disk', afterwards: 'power-off' }, limit()));
        assert.equal(graceful.kind, 'failed', 'the last member of etcd cannot leave');
        const reset = { graceful: false, what: 'configuration', afterwards: 'reboot' } as const;
        assert.equal((await endOf(node.reset(reset, limit()))).kind, 'rebooting');
      }
      await machine.ended(4);
      {
        const before = await machine.fingerprint();
        using client = await waitFor('maintenance', () => machine.maintenance().catch(() => undefined), 10_000);
        const node = await talosNode({ definition, client, signal: limit() });
        assert.equal(await node.systemDisk(), 'sda', 'the system is there, its configuration is not');
        await node.applyConfig(configFor({ version, secrets, role: 'controlplane', spec: machine.spec }));
        assert.notEqual(before, '');
      }
      {
        using node = await machine.node(secrets);
        await waitFor('its bootstrap', async () => (await node.bootstrap()).kind === 'bootstrapped', 10_000);
        const reset = { graceful: false, what: 'disk', afterwards: 'power-off' } as const;
        assert.equal((await endOf(node.reset(reset, limit()))).kind, 'rebooting');
      }
      await machine.ended(5);
      assert.equal(machine.story.at(-1), 'disk shutdown');
      assert.deepEqual(await disks.signatures('sda'), []);
      assert.equal(await disks.isBootable(), false);
      assert.deepEqual(
        machine.screen.filter((line) => line.startsWith('BUG')),
        [],
      );
    });

    it('lets strangers do in maintenance what that release lets them', async () => {
      await using rig = await talosRig({ version });
      rig.machines[0]?.powerOn();
      using client = await rig.machine().maintenance();
      const codeOf = (call: Promise<unknown>): Promise<string> =>
        call.then(
          () => 'ok',
          (error: { readonly code: string }) => error.code,
        );
      const old = version === 'v1.11.5';
      const got = {
        version: await codeOf(client.call('/machine.MachineService/Version', EMPTY)),
        disks: await codeOf(client.call('/storage.StorageService/Disks', EMPTY)),
        services: await codeOf(client.call('/machine.MachineService/ServiceList', EMPTY)),
        reboot: await codeOf(client.call('/machine.MachineService/Reboot', { mode: 'DEFAULT' })),
        reset: await codeOf(client.call('/machine.MachineService/Reset', EMPTY)),
        wrong: await codeOf(
          client.call('/machine.MachineService/ApplyConfiguration', {
            data: Buffer.from('version: v1alpha1\n'),
            mode: 'AUTO',
          }),
        ),
        partial: await codeOf(
          client.call('/machine.MachineService/ApplyConfiguration', {
            data: Buffer.from('apiVersion: v1alpha1\nkind: EventSinkConfig\nendpoint: 192.0.2.9:8080\n'),
            mode: 'AUTO',
          }),
        ),
        wipe: await codeOf(
          client.call('/storage.StorageService/BlockDeviceWipe', {
            devices: [{ device: 'nvme0n1', method: 'FAST', skip_volume_check: true }],
          }),
        ),
      };
      assert.deepEqual(got, {
        version: old ? 'not-implemented' : 'ok',
        disks: 'ok',
        services: old ? 'not-implemented' : 'ok',
        reboot: old ? 'not-implemented' : 'forbidden',
        reset: old ? 'not-implemented' : 'forbidden',
        wrong: 'invalid',
        partial: 'ok',
        wipe: 'ok',
      });
    });
  });
}

describe('a simulated node', () => {
  const version = 'v1.13.2';
  let secrets: TalosSecrets;
  before(async () => void (secrets = await secretsFor(version)));

  it('gives a reader what is a reader’s, and passes nothing on', async () => {
    await using rig = await talosRig({ version });
    rig.machines[0]?.powerOn();
    const machine = rig.machine();
    {
      using client = await machine.maintenance();
      const node = await talosNode({ definition, client, signal: limit() });
      await node.applyConfig(configFor({ version, secrets, role: 'controlplane', spec: machine.spec }));
    }
    await machine.ended(1);
    using admin = await machine.node(secrets);
    assert.equal(admin.version.minor, 13);
    using reader = await machine.running(secrets, ['os:reader']);
    assert.equal(only(await reader.call('/machine.MachineService/Hostname', EMPTY)).hostname, machine.spec.name);
    await assert.rejects(reader.call('/machine.MachineService/Reboot', { mode: 'DEFAULT' }), { code: 'forbidden' });
    await assert.rejects(reader.call('/machine.MachineService/Hostname', EMPTY, { node: '192.0.2.7' }), {
      code: 'forbidden',
    });
    const other = await secretsFor(version);
    using stranger = await machine.running({ ...secrets, ca: { ...secrets.ca, machine: other.ca.machine } });
    await assert.rejects(stranger.call('/machine.MachineService/Hostname', EMPTY), { code: 'untrusted' });
  });
});
