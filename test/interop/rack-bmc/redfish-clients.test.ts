import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BMC_PROFILE_NAMES } from '#machines/rack/bmc/quirks.ts';
import { need } from '#test/lab/need.ts';
import { type RackBmc, rackBmc, USER } from '#test/machines/rack/bmc/rig.ts';
import { runTool } from './run-tool.ts';

// OpenStack's client, as Ironic uses it: a session, a boot that is set once, power, and what the machine is made of.
const SUSHY = `
import json, sys, warnings
warnings.simplefilter('ignore')
import sushy
root = sushy.Sushy(sys.argv[1] + '/redfish/v1/', username=sys.argv[2], password=sys.argv[3], verify=False)
system = root.get_system(root.get_system_collection().members_identities[0])
told = {'power': str(system.power_state), 'uuid': system.uuid, 'sku': system.sku, 'serial': system.serial_number}
try:
    system.set_system_boot_options(sushy.BOOT_SOURCE_TARGET_PXE, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE,
                                   mode=sushy.BOOT_SOURCE_MODE_UEFI)
except sushy.exceptions.BadRequestError:
    system.set_system_boot_options(sushy.BOOT_SOURCE_TARGET_PXE, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE)
system.reset_system(sushy.RESET_ON)
told['processors'] = [one.model for one in system.processors.get_members()]
told['memory'] = system.memory_summary.size_gib
told['macs'] = sorted(system.ethernet_interfaces.summary)
told['drives'] = [drive.serial_number for one in system.storage.get_members() for drive in one.drives]
told['secure_boot'] = system.secure_boot.enabled
told['bios'] = sorted(system.bios.attributes)
told['manager'] = root.get_manager(root.get_manager_collection().members_identities[0]).firmware_version
print(json.dumps(told))
`;

async function sushy({ bmc }: RackBmc): Promise<Readonly<Record<string, unknown>>> {
  const { status, output } = await runTool(['/usr/bin/python3', '-c', SUSHY, bmc.url, USER.username, USER.password]);
  assert.equal(status, 0, output);
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Readonly<Record<string, unknown>>;
}

for (const profile of BMC_PROFILE_NAMES) {
  test(`sushy boots a machine of ${profile} from the network once, and reads what it is`, async (t) => {
    if (!need(t, ['sushy'])) return;
    await using at = await rackBmc({ profile });
    const told = await sushy(at);
    await at.bmc.board.power.settled();
    assert.match(String(told['power']), /off/i);
    assert.equal(told[profile === 'dell-idrac' ? 'sku' : 'serial'], 'SN0001');
    assert.equal(told['memory'], 64);
    assert.deepEqual(told['macs'], ['52:54:00:00:00:01', '52:54:01:00:00:01']);
    assert.deepEqual(told['drives'], ['SN0001-D0', 'SN0001-N1']);
    assert.equal(told['secure_boot'], false);
    assert.deepEqual(told['bios'], ['BootMode', 'NumLock', 'PxeDev1EnDis']);
    assert.equal(told['manager'], at.bmc.board.profile.version);
    assert.deepEqual(at.boots, ['network uefi']);
  });
}

test('redfishtool switches the power, and sets the next boot', async (t) => {
  const tools = need(t, ['redfishtool']);
  if (!tools) return;
  await using at = await rackBmc();
  const ask = async (...more: readonly string[]): Promise<string> => {
    const where = ['-r', `127.0.0.1:${at.port.redfish}`, '-S', 'Always', '-A', 'Session'];
    const { status, output } = await runTool([
      tools.redfishtool,
      ...where,
      '-u',
      USER.username,
      '-p',
      USER.password,
      ...more,
    ]);
    assert.equal(status, 0, output);
    return output;
  };
  await ask('Systems', '-I', '1', 'setBootOverride', 'Once', 'Pxe');
  await ask('Systems', '-I', '1', 'reset', 'On');
  await at.bmc.board.power.settled();
  assert.deepEqual(at.boots, ['network uefi']);
  assert.match(await ask('Systems', '-I', '1', 'get'), /"PowerState": "On"/);
  await ask('Systems', '-I', '1', 'reset', 'ForceOff');
  await at.bmc.board.power.settled();
  assert.equal(at.backend.stage(), 'off');
});
