import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { type QemuMachine, qemuMachine } from '#test/harness/qemu-backend.ts';
import { makeDisk } from '#test/lab/disk.ts';
import { GUEST_NEEDS } from '#test/lab/guest.ts';
import { openLab } from '#test/lab/lab.ts';
import { need } from '#test/lab/need.ts';
import { waitFor } from '#test/lab/wait.ts';
import { type RackBmc, rackBmc, USER } from '#test/machines/rack/bmc/rig.ts';
import { ask } from '#test/machines/rack/bmc/redfish/ask.ts';
import { runTool } from './run-tool.ts';

const LIMIT_MS = 120_000;
const OWN_DISK = /^I am the own disk$/m;
/** iPXE has begun to boot; its name alone stands there at each power-on. */
const PXE = /net0: 52:54:00:00:00:01/;

type Rig = {
  readonly at: RackBmc;
  readonly machine: QemuMachine;
  readonly ipmitool: (command: string) => Promise<string>;
};

/** A machine in QEMU with its own disk behind a BMC, on a network without any server. */
async function rig(
  t: TestContext,
  firmware: 'bios-pxe' | 'uefi-pxe',
  options: { readonly order?: 'network' | 'disk'; readonly disk?: (folder: string) => string } = {},
): Promise<Rig | undefined> {
  const tools = need(t, [...GUEST_NEEDS, 'ipmitool']);
  if (!tools) return undefined;
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const lab = stack.use(openLab());
  const { order = 'disk', disk = ownDisk } = options;
  const machine = stack.use(await qemuMachine(lab, { tools, firmware, order, disk: disk(lab.folder) }));
  const at = stack.use(await rackBmc({ backend: machine }));
  const where = ['-I', 'lanplus', '-C', '17', '-H', '127.0.0.1', '-p', String(at.port.ipmi), '-U', USER.username, '-E'];
  function ownDisk(folder: string): string {
    return makeDisk(folder, firmware === 'bios-pxe' ? 'bios' : 'uefi', 'I am the own disk');
  }
  return {
    at,
    machine,
    async ipmitool(command) {
      const { status, output } = await runTool([tools.ipmitool, ...where, ...command.split(' ')], {
        env: { IPMI_PASSWORD: USER.password },
      });
      assert.equal(status, 0, output);
      return output;
    },
  };
}

const isThere = (pid: number): boolean => existsSync(`/proc/${pid}`);
const powerStates = z.object({ PowerState: z.string() });

test('IPMI starts a real machine from its disk or from the network, resets it, and kills it', async (t) => {
  const lab = await rig(t, 'bios-pxe');
  if (!lab) return;
  const { at, machine, ipmitool } = lab;
  await ipmitool('chassis power on');
  await machine.waitForSerial(OWN_DISK, LIMIT_MS);
  assert.deepEqual(machine.boots, [{ firmware: 'bios-pxe', first: 'disk' }]);
  const first = machine.pid() ?? assert.fail('it has no process');

  // Its own disk has halted it: only its power helps, and this time it goes to the network.
  await ipmitool('chassis bootdev pxe');
  const before = machine.serial().length;
  await ipmitool('chassis power reset');
  await at.bmc.board.power.settled();
  await waitFor('iPXE', () => PXE.test(machine.serial().slice(before)), LIMIT_MS);
  assert.deepEqual(machine.boots[1], { firmware: 'bios-pxe', first: 'network' });
  assert.equal(isThere(first), false, 'another process');
  const second = machine.pid() ?? assert.fail('it has no process');

  await ipmitool('chassis power off');
  await at.bmc.board.power.settled();
  assert.deepEqual([machine.stage(), isThere(second)], ['off', false]);
  assert.match(await ipmitool('chassis power status'), /is off/);
  assert.match(await ipmitool('sel list'), /Power Unit/);
});

test('Redfish starts one under UEFI, whose console comes by IPMI', async (t) => {
  const lab = await rig(t, 'uefi-pxe');
  if (!lab) return;
  const { at, machine } = lab;
  const tools = need(t, ['ipmitool']);
  if (!tools) return;
  const system = '/redfish/v1/Systems/1';
  // The console is open before there is power, and stays while the machine starts.
  const where = ['-I', 'lanplus', '-C', '17', '-H', '127.0.0.1', '-p', String(at.port.ipmi), '-U', USER.username, '-E'];
  let begun: Promise<unknown> | undefined;
  const { output } = await runTool([tools.ipmitool, ...where, 'sol', 'activate'], {
    env: { IPMI_PASSWORD: USER.password },
    limitMs: LIMIT_MS,
    answer(said) {
      if (!begun && /SOL Session operational/.test(said)) {
        begun = ask(at, 'POST', `${system}/Actions/ComputerSystem.Reset`, { body: { ResetType: 'On' } });
      }
      return /I am the own disk/.test(said) ? '\r~.' : undefined;
    },
  });
  await begun;
  assert.match(output, /I am the own disk/);
  assert.equal(powerStates.parse((await ask(at, 'GET', system)).body).PowerState, 'On');
  const pid = machine.pid() ?? assert.fail('it has no process');
  await ask(at, 'POST', `${system}/Actions/ComputerSystem.Reset`, { body: { ResetType: 'ForceOff' } });
  await at.bmc.board.power.settled();
  assert.equal(isThere(pid), false);
});

test('a machine that restarts itself has had its one boot from where it was told', async (t) => {
  const lab = await rig(t, 'bios-pxe', { order: 'network', disk: diskThatRestarts });
  if (!lab) return;
  const { machine, ipmitool } = lab;
  await ipmitool('chassis bootdev disk');
  await ipmitool('chassis power on');
  await machine.waitForSerial(PXE, LIMIT_MS);
  assert.deepEqual(
    machine.boots.map(({ first }) => first),
    ['disk', 'network'],
  );
  assert.match(await ipmitool('chassis power status'), /is on/);
});

/** A master boot record that asks the keyboard controller for a reset: mov al, 0xfe; out 0x64, al; hlt. */
function diskThatRestarts(folder: string): string {
  const image = Buffer.alloc(1024 * 1024);
  image.set([0xb0, 0xfe, 0xe6, 0x64, 0xf4]);
  image.set([0x55, 0xaa], 510);
  const path = join(folder, 'restarts.img');
  writeFileSync(path, image);
  return path;
}
