import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openRedfish } from '#services/bmc/redfish/open-redfish.ts';
import { fromTree, plainTree, scripted, simulatedBmc, soon, TEST_LIMITS } from './rig.ts';

const SYSTEM = '/redfish/v1/Systems/1';
const to = (path: string) => ({ '@odata.id': path });
const list = (paths: readonly string[]) => ({ Members: paths.map(to) });

describe('an inventory', () => {
  it('finds network cards through the system where the chassis tells of none, and no placeholder is a name', async () => {
    const card = `${SYSTEM}/NetworkInterfaces/1/NetworkAdapter`;
    await using service = await scripted(
      fromTree(
        plainTree({
          [SYSTEM]: {
            Manufacturer: 'Supermicro',
            SerialNumber: 'To be filled by O.E.M.',
            SKU: 'Default string',
            NetworkInterfaces: to(`${SYSTEM}/NetworkInterfaces`),
          },
          [`${SYSTEM}/NetworkInterfaces`]: list([`${SYSTEM}/NetworkInterfaces/1`]),
          [`${SYSTEM}/NetworkInterfaces/1`]: { NetworkAdapter: to(card) },
          [card]: { Name: 'Onboard LAN', NetworkPorts: to(`${card}/NetworkPorts`) },
          [`${card}/NetworkPorts`]: list([`${card}/NetworkPorts/1`]),
          [`${card}/NetworkPorts/1`]: {
            Id: '1',
            AssociatedNetworkAddresses: ['3C:EC:EF:10:20:01'],
            CurrentLinkSpeedMbps: 10_000,
          },
        }),
      ),
    );
    await using driver = await openRedfish(service.target, undefined, { limits: TEST_LIMITS });
    const { nics } = await driver.inventory(soon());
    assert.deepEqual(
      nics.map(({ mac, name, speedMbit }) => ({ mac, name, speedMbit })),
      [{ mac: '3c:ec:ef:10:20:01', name: 'Onboard LAN 1', speedMbit: 10_000 }],
    );
    assert.deepEqual(await driver.identity(soon()), {
      manufacturer: 'Supermicro',
      macs: ['3c:ec:ef:10:20:01'],
      bmcVendor: 'Scripted',
    });
  });

  it('says how many PCIe devices it did not read', async () => {
    const devices = Array.from({ length: 60 }, (_, index) => `${SYSTEM}/PCIeDevices/${index}`);
    await using service = await scripted(
      fromTree(
        plainTree({
          [SYSTEM]: { PCIeDevices: devices.map(to) },
          ...Object.fromEntries(devices.map((path, index) => [path, { Id: String(index), Name: 'Bridge' }])),
        }),
      ),
    );
    await using driver = await openRedfish(service.target, undefined, { limits: TEST_LIMITS });
    const { pci, gaps } = await driver.inventory(soon());
    assert.equal(pci.length, 48);
    assert.deepEqual(gaps, ['PCIe: 12 more devices were not read']);
  });

  it('goes on without $expand where the service says that it can, and cannot', async () => {
    const memory = `${SYSTEM}/Memory`;
    const root = plainTree()['/redfish/v1/'];
    assert.ok(typeof root === 'object');
    let learned: Readonly<Record<string, string>> = {};
    await using service = await scripted(
      fromTree(
        plainTree({
          '/redfish/v1/': { ...root, ProtocolFeaturesSupported: { ExpandQuery: { NoLinks: true } } },
          [SYSTEM]: { Memory: to(memory) },
          [memory]: list([`${memory}/1`]),
          [`${memory}/1`]: { CapacityMiB: 1024 },
        }),
        ({ path }) => (path.includes('$expand') ? { status: 501 } : undefined),
      ),
    );
    const observer = { learned: (facts: Readonly<Record<string, string>>) => (learned = facts) };
    await using driver = await openRedfish(service.target, observer, { limits: TEST_LIMITS });
    const told = await driver.inventory(soon());
    assert.equal(told.memory?.totalBytes, 2 ** 30);
    assert.deepEqual(told.gaps, []);
    assert.equal(learned['expand'], 'no');
    await driver.inventory(soon());
    assert.equal(service.lines().filter((line) => line.includes('$expand')).length, 1);
  });

  it('of a machine that was never on is empty, and whole after its first boot', async () => {
    await using rig = await simulatedBmc({ quirks: ['parts-after-post', 'no-nics', 'drives-without-state'] });
    await using driver = await rig.open();
    const before = await driver.inventory(soon());
    assert.deepEqual([before.processors, before.disks], [[], []]);
    await driver.power('on', soon());
    await rig.bmc.board.power.settled();
    const after = await driver.inventory(soon());
    assert.deepEqual([after.processors.length, after.disks.length, after.nics.length], [2, 2, 0]);
    assert.deepEqual(after.gaps, []);
  });
});
