import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BMC_PROFILE_NAMES } from '#machines/rack/bmc/quirks.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { CREDENTIAL, HARDWARE, simulatedBmc, soon } from './rig.ts';

describe('each maker’s BMC in the rack', () => {
  for (const profile of BMC_PROFILE_NAMES) {
    it(`${profile}: boots once from the network, and goes off`, async () => {
      await using rig = await simulatedBmc({ profile });
      await using driver = await rig.open();
      assert.equal((await driver.status(soon())).power, 'off');
      await driver.bootOnce({ device: 'network', mode: 'uefi' }, soon());
      assert.equal(rig.bmc.board.boot.get().target, 'Pxe');
      assert.equal(rig.bmc.board.boot.get().enabled, 'Once');
      await driver.power('on', soon());
      await rig.bmc.board.power.settled();
      assert.deepEqual(rig.boots, ['network']);
      const status = await driver.status(soon());
      assert.equal(status.power, 'on');
      assert.equal(status.health, 'ok');
      assert.equal(status.bootProgress, 'OSRunning');
      assert.equal(status.powerWatts, HARDWARE.watts);
      await driver.power('on', soon());
      await driver.power('reset', soon());
      await rig.bmc.board.power.settled();
      assert.deepEqual(rig.boots, ['network', 'none']);
      await driver.power('off', soon());
      await rig.bmc.board.power.settled();
      assert.equal((await driver.status(soon())).power, 'off');
      await driver.power('off', soon());
      await driver.identify(15, soon());
      assert.equal(rig.bmc.board.identifying(), true);
      await driver.identify(0, soon());
      assert.equal(rig.bmc.board.identifying(), false);
    });

    it(`${profile}: tells who it is and what it is made of`, async () => {
      await using rig = await simulatedBmc({ profile });
      await using driver = await rig.open();
      const identity = await driver.identity(soon());
      assert.deepEqual(
        identity.macs,
        HARDWARE.nics.map(({ mac }) => mac),
      );
      assert.equal(profile === 'dell-idrac' ? identity.sku : identity.serial, HARDWARE.serial);
      const told = await driver.inventory(soon());
      assert.deepEqual(told.gaps, []);
      assert.equal(told.system.serial, HARDWARE.serial);
      assert.deepEqual(
        told.processors.map(({ cores, threads }) => [cores, threads]),
        [
          [16, 32],
          [16, 32],
        ],
      );
      assert.equal(told.memory?.totalBytes, 4 * 16 * 2 ** 30);
      assert.deepEqual(
        told.disks.map(({ serial, bytes, transport, wwn }) => ({ serial, bytes, transport, wwn })),
        HARDWARE.drives.map(({ serial, bytes, protocol, wwn }) => ({
          serial,
          bytes,
          transport: protocol.toLowerCase(),
          wwn,
        })),
      );
      assert.deepEqual(
        told.nics.map(({ mac, linkUp }) => [mac, linkUp]),
        [
          [HARDWARE.nics[0]?.mac, true],
          [HARDWARE.nics[1]?.mac, false],
        ],
      );
      assert.deepEqual(told.tpm, { present: true, version: '2.0' });
      assert.equal(told.pci[0]?.vendorId, '8086');
      assert.ok((await driver.events(soon())).some(({ text }) => text === 'BMC started'));
    });
  }
});

describe('the serial line, which Redfish has not', () => {
  it('is where the manager says that IPMI listens, and that way a console opens', async () => {
    await using rig = await simulatedBmc();
    await using driver = await rig.open();
    const port = await driver.serialPort?.(soon());
    assert.equal(port, rig.bmc.board.ports.ipmi);
    const { hostname } = new URL(rig.target.address);
    await driver.power('on', soon());
    await using ipmi = await openIpmi({ type: 'ipmi', address: `${hostname}:${port}`, credential: CREDENTIAL }, {});
    await using line = await ipmi.console(soon());
    await line.write(new TextEncoder().encode('hello\r'));
    const { value } = await line.output[Symbol.asyncIterator]().next();
    assert.ok(value instanceof Uint8Array && value.length > 0);
  });

  it('is told to be off before anything is sent there', async () => {
    await using rig = await simulatedBmc({ faults: ['ipmi-off'] });
    await using driver = await rig.open();
    await assert.rejects(driver.serialPort?.(soon()) ?? Promise.resolve(), {
      code: 'not-supported',
      message: /IPMI over LAN is off/,
    });
  });
});
