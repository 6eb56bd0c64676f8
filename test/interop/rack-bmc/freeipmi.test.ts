import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { type RackBmc, type RackBmcOptions, rackBmc, USER } from '#test/machines/rack/bmc/rig.ts';
import { runTool } from './run-tool.ts';

const TOOLS = ['ipmipower', 'ipmi-chassis', 'ipmi-chassis-config', 'bmc-info', 'ipmi-sel', 'ipmi-fru'] as const;

/** GNU FreeIPMI's programs against a BMC of the rack; a run that fails fails the test. */
async function rig(
  t: TestContext,
  suite: number,
  options: RackBmcOptions = {},
): Promise<
  | { readonly at: RackBmc; readonly ask: (tool: (typeof TOOLS)[number], ...more: string[]) => Promise<string> }
  | undefined
> {
  const tools = need(t, TOOLS);
  if (!tools) return undefined;
  const at = await rackBmc(options);
  t.after(() => at[Symbol.asyncDispose]());
  const where = ['-D', 'LAN_2_0', '-I', String(suite), '-h', `127.0.0.1:${at.port.ipmi}`];
  return {
    at,
    async ask(tool, ...more) {
      const { status, output } = await runTool([
        tools[tool],
        ...where,
        '-u',
        USER.username,
        '-p',
        USER.password,
        ...more,
      ]);
      assert.equal(status, 0, `${tool}: ${output}`);
      return output;
    },
  };
}

for (const suite of [17, 3]) {
  test(`freeipmi with suite ${suite} switches the power`, async (t) => {
    const lab = await rig(t, suite);
    if (!lab) return;
    const { at, ask } = lab;
    assert.match(await ask('ipmipower', '--stat'), /: off/);
    await ask('ipmipower', '--on', '--wait-until-on');
    await ask('ipmipower', '--reset');
    await at.bmc.board.power.settled();
    assert.match(await ask('ipmi-chassis', '--get-chassis-status'), /System Power +: on\n/);
    await ask('ipmi-chassis', '--chassis-identify=force');
    assert.equal(at.bmc.board.identifiesForever(), true);
    await ask('ipmipower', '--soft');
    await ask('ipmipower', '--off', '--wait-until-off');
    assert.deepEqual(at.boots, ['none uefi', 'none uefi']);
  });
}

test('freeipmi sets the boot device, and reads it back', async (t) => {
  const lab = await rig(t, 17);
  if (!lab) return;
  const { at, ask } = lab;
  await ask(
    'ipmi-chassis-config',
    '--commit',
    '-e',
    'Chassis_Boot_Flags:Boot_Device=PXE',
    '-e',
    'Chassis_Boot_Flags:BIOS_Boot_Type=EFI',
  );
  const flags = await ask('ipmi-chassis-config', '--checkout', '-S', 'Chassis_Boot_Flags');
  assert.match(flags, /\n\s+Boot_Device +PXE\n/);
  assert.match(flags, /\n\s+BIOS_Boot_Type +EFI\n/);
  await ask('ipmipower', '--on');
  await at.bmc.board.power.settled();
  assert.deepEqual(at.boots, ['network uefi']);
});

test('freeipmi reads the BMC, its log and its labels', async (t) => {
  // It reads a GUID as IPMI has it, which few BMCs write so.
  const lab = await rig(t, 17, { profile: 'dell-idrac' });
  if (!lab) return;
  const { ask } = lab;
  assert.match(await ask('bmc-info'), /Firmware Revision +: 7.10\n[^]*GUID : 12345678-1234-5678-9abc-def012345678/i);
  assert.match(await ask('ipmi-sel', '--ignore-sdr-cache'), /System Event/);
  assert.match(await ask('ipmi-fru', '--ignore-sdr-cache'), /Product Serial Number: SN0001/);
});
