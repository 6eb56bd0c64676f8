import type { DocumentKind } from '#machines/contract/documents.ts';

/** Kinds that are written over the API; subnets are read from the configuration file. */
export type WritableKind = Exclude<DocumentKind, 'Subnet'>;

/** What a new one begins with: the least that is valid, and what most change first. */
export const TEMPLATES: Readonly<Record<WritableKind, string>> = {
  Machine: `kind: Machine
name: r1-u1
macs: ["52:54:00:00:00:01"]
location: { rack: r1, unit: 1 }
# profile: rescue
`,
  Profile: `kind: Profile
name: rescue
os: kernel
when: always        # a live system, on every start; once: under a grant
writes: none        # it writes no disks; planned: only under a confirmed plan
image: rescue
args: [console=ttyS0]
`,
  Class: `kind: Class
name: compute
match:
  facts: { arch: x86_64 }
  labels: { row: "1" }
priority: 10        # the highest that matches wins
profile: rescue
`,
  Image: `kind: Image
name: rescue
arch: x86_64
assets:
  - { role: kernel, url: "https://example.org/vmlinuz" }
  - { role: initrd, url: "https://example.org/initrd.img" }
`,
  Network: `kind: Network
name: rack1
interfaces: [{ name: eno1 }, { name: eno2 }]
bonds: [{ name: bond0, interfaces: [eno1, eno2], mode: 802.3ad, address: dhcp }]
# vlans: [{ interface: bond0, id: 42, address: 10.42.0.12/24, gateway: 10.42.0.1 }]
`,
  Cluster: `kind: Cluster
name: home
talos: 1.13.1
kubernetes: 1.35.0
endpoint: https://192.0.2.1:6443
controlPlane: [r1-u1]
workers: [r1-u2]
`,
};
