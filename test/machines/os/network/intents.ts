import { networkDocument, type NetworkIntent } from '#machines/contract/network.ts';

const intent = (parts: Record<string, unknown>): NetworkIntent =>
  networkDocument.parse({ kind: 'Network', name: 'sample', ...parts });

const [ONE, TWO] = ['52:54:00:00:00:01', '52:54:00:00:00:02'];

/** From what every target can say to what most cannot. */
export const INTENTS: Readonly<Record<string, NetworkIntent>> = {
  dhcp: intent({ interfaces: [{ mac: ONE, address: 'dhcp' }] }),
  static: intent({
    interfaces: [{ name: 'eno1', address: '192.168.77.12/24', gateway: '192.168.77.1' }],
    dns: ['192.168.77.1', '192.168.77.2'],
    search: ['lab.example'],
  }),
  'dual-stack': intent({
    interfaces: [
      {
        mac: ONE,
        address: ['192.168.77.12/24', 'fd00:77::12/64'],
        gateway: '192.168.77.1',
        mtu: 9000,
        routes: [
          { to: 'default', via: 'fd00:77::1' },
          { to: '10.0.0.0/8', via: '192.168.77.254', metric: 50 },
        ],
      },
      { mac: TWO, name: 'eno2', address: ['dhcp', 'dhcp6'] },
    ],
    dns: ['192.168.77.1', 'fd00:77::1'],
  }),
  bond: intent({
    interfaces: [{ name: 'eno1' }, { name: 'eno2' }],
    bonds: [{ name: 'bond0', interfaces: ['eno1', 'eno2'], primary: 'eno2', address: 'dhcp' }],
    vlans: [{ interface: 'bond0', id: 42, address: '10.42.0.12/24' }],
  }),
  lacp: intent({
    interfaces: [{ mac: ONE }, { mac: TWO }],
    bonds: [
      {
        name: 'bond0',
        interfaces: [ONE, TWO],
        mode: '802.3ad',
        lacpRate: 'fast',
        hashPolicy: 'layer3+4',
        minLinks: 1,
        mtu: 9000,
      },
    ],
    vlans: [{ name: 'storage', interface: 'bond0', id: 7, address: '10.7.0.12/24', gateway: '10.7.0.1' }],
    dns: ['10.7.0.1'],
    search: ['lab.example', 'example.net'],
  }),
};
