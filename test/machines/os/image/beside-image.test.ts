import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { afterImageOf } from '#machines/agent/decide/asked-after-image.ts';
import { classDocument, networkDocument, profileDocument } from '#machines/contract/documents.ts';
import { besideImage } from '#machines/os/image/beside-image.ts';
import { renderNetworkData } from '#machines/os/image/network-data.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';

const answerOf = (profile: object, machine: object = {}) =>
  besideImage({
    machine: sampleMachine({ name: 'r1-u1', macs: ['52:54:00:00:00:01'], ...machine }),
    ofClass: classDocument.parse({
      kind: 'Class',
      name: 'all',
      profile: 'p',
      config: { cloudInit: { timezone: 'UTC', locale: 'C.UTF-8' } },
    }),
    profile: profileDocument.parse({ kind: 'Profile', name: 'p', os: 'image', image: 'debian-12', ...profile }),
    network: () => undefined,
    job: 'job-1',
  });
function workOf(profile: object, machine?: object) {
  const answer = answerOf(profile, machine);
  assert.ok(answer.ok, JSON.stringify(answer));
  // Whatever is said here, the agent must take.
  const taken = afterImageOf(answer.work);
  assert.ok(typeof taken !== 'string', JSON.stringify(taken));
  return answer.work;
}
const textOf = (work: ReturnType<typeof workOf>, path: string): string => {
  const found = work.seeds.flatMap(({ files }) => files).find((one) => one.path === path);
  return found ? new TextDecoder().decode(found.content) : assert.fail(`no ${path}`);
};

describe('beside an image', () => {
  it('is nothing but the boot entry where nothing is said', () =>
    assert.deepEqual(workOf({}), { grow: null, seeds: [], efi_entry: { label: 'debian-12' } }));

  it('is what the profile says', () => {
    const { grow, efi_entry: entry } = workOf({ install: { grow: 'last', efiEntry: false } });
    assert.deepEqual([grow, entry], [{ partition: '' }, null]);
    assert.deepEqual(workOf({ install: { grow: 'ROOT' } }).grow, { partition: 'ROOT' });
  });

  it('is a NoCloud seed of class, profile and machine', () => {
    const config = { cloudInit: { timezone: 'Europe/Berlin', hostname: '{{machine.name}}' } };
    const work = workOf({ install: { seed: 'nocloud' }, config });
    assert.deepEqual(work.seeds[0]?.volume, { label: 'cidata' });
    assert.equal(textOf(work, 'meta-data'), '{"instance-id":"ingot-r1-u1-job-1","local-hostname":"r1-u1"}\n');
    assert.match(
      textOf(work, 'user-data'),
      /^#cloud-config\ntimezone: Europe\/Berlin\nlocale: C.UTF-8\nhostname: r1-u1\n$/,
    );
    assert.match(textOf(work, 'network-config'), /^version: 2\n.*52:54:00:00:00:01.*dhcp4: true/s);
  });

  it('is a config drive', () => {
    const work = workOf({ install: { seed: 'config-drive' } });
    assert.deepEqual(work.seeds[0]?.volume, { label: 'config-2' });
    assert.equal(JSON.parse(textOf(work, 'openstack/latest/meta_data.json')).hostname, 'r1-u1');
    assert.match(textOf(work, 'openstack/latest/user_data'), /^#cloud-config\n/);
    assert.deepEqual(JSON.parse(textOf(work, 'openstack/latest/network_data.json')).networks, [
      { id: 'card0-0', network_id: 'card0-0', link: 'card0', type: 'ipv4_dhcp' },
    ]);
  });

  it('is an Ignition file in the boot partition', () => {
    const work = workOf({ install: { seed: 'ignition' }, config: { ignition: { passwd: { users: [] } } } });
    assert.deepEqual(work.seeds[0]?.existing, { label: 'boot', type: '' });
    const { passwd, storage } = JSON.parse(textOf(work, 'ignition/config.ign'));
    assert.deepEqual(passwd, { users: [] });
    assert.equal(storage.files[0].path, '/etc/hostname');
  });

  it('are Bottlerocket’s files in its private partition', () => {
    const work = workOf({
      os: 'bottlerocket',
      args: ['console=ttyS0'],
      install: { adminContainer: { authorizedKeys: ['ssh-ed25519 AAAA anna'] } },
      config: { bottlerocket: { kubernetes: { 'cluster-name': 'home' } } },
    });
    assert.equal(work.seeds[0]?.existing?.label, 'BOTTLEROCKET-PRIVATE');
    assert.match(textOf(work, 'user-data.toml'), /cluster-name = "home".*\[settings.host-containers.admin\]/s);
    assert.match(textOf(work, 'net.toml'), /^version = 3\n\n\["52:54:00:00:00:01"\]/);
    assert.match(textOf(work, 'bootconfig.data'), /^kernel.console = "ttyS0"\n/);
  });

  for (const [what, profile, machine, want] of [
    [
      'a setting that Bottlerocket has not',
      { os: 'bottlerocket', config: { bottlerocket: { kubernets: {} } } },
      {},
      'settings.kubernets',
    ],
    [
      'a network that it cannot have',
      { os: 'bottlerocket' },
      {
        network: {
          interfaces: [{ name: 'eno1' }, { name: 'eno2' }],
          bonds: [{ name: 'bond0', interfaces: ['eno1', 'eno2'], mode: '802.3ad', address: 'dhcp' }],
        },
      },
      'network bonds[0].mode',
    ],
    [
      'a value that is not there',
      { install: { seed: 'nocloud' }, config: { cloudInit: { a: '{{data.x}}' } } },
      {},
      'a',
    ],
  ] as const) {
    it(`is refused with ${what}, by its key`, () => {
      const answer = answerOf(profile, machine);
      assert.ok(!answer.ok);
      assert.deepEqual(
        answer.problems.map(({ key }) => key),
        [want],
      );
    });
  }
});

it('a network as OpenStack tells it has links, networks on them, and name servers', () => {
  const answer = renderNetworkData(
    networkDocument.parse({
      kind: 'Network',
      name: 'n',
      interfaces: [{ mac: '52:54:00:00:00:01' }, { mac: '52:54:00:00:00:02' }],
      bonds: [{ name: 'bond0', interfaces: ['52:54:00:00:00:01', '52:54:00:00:00:02'] }],
      vlans: [{ interface: 'bond0', id: 7, address: '192.0.2.9/24', gateway: '192.0.2.1' }],
      dns: ['192.0.2.53'],
    }),
  );
  assert.deepEqual(answer, {
    kind: 'rendered',
    value: {
      links: [
        { id: 'card0', type: 'phy', ethernet_mac_address: '52:54:00:00:00:01' },
        { id: 'card1', type: 'phy', ethernet_mac_address: '52:54:00:00:00:02' },
        {
          id: 'bond0',
          type: 'bond',
          ethernet_mac_address: '52:54:00:00:00:01',
          bond_links: ['card0', 'card1'],
          bond_mode: 'active-backup',
          bond_miimon: 100,
        },
        { id: 'vlan7', type: 'vlan', vlan_id: 7, vlan_link: 'bond0', vlan_mac_address: '52:54:00:00:00:01' },
      ],
      networks: [
        {
          id: 'vlan7-0',
          network_id: 'vlan7-0',
          link: 'vlan7',
          type: 'ipv4',
          ip_address: '192.0.2.9',
          netmask: '255.255.255.0',
          routes: [{ network: '0.0.0.0', netmask: '0.0.0.0', gateway: '192.0.2.1' }],
        },
      ],
      services: [{ type: 'dns', address: '192.0.2.53' }],
    },
  });
});
