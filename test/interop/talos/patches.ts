/** Patches whose result must be the module's, or which both must refuse. The base is YAML, or a generated control plane. */
export type PatchCase = {
  readonly name: string;
  readonly base: string;
  readonly patch: string;
  /** Where releases differ, which of them we follow. */
  readonly only?: 'to 1.13' | 'from 1.14';
};

const NETWORK = `version: v1alpha1
machine:
  type: worker
  certSANs: [a]
  network:
    hostname: x
    interfaces:
      - interface: eth0
        dhcp: true
        addresses: [192.0.2.1/24]
        vlans:
          - vlanId: 5
            dhcp: true
          - vlanId: 6
            mtu: 1400
      - deviceSelector: {hardwareAddr: "00:*", driver: e1000}
        mtu: 9000
  sysctls: {a: "1", b: "2"}
  nodeLabels: {role: db}
  kubelet:
    extraArgs: {v: "2"}
    extraConfig: {a: {b: [1], c: x}}
  files:
    - path: /var/a
      content: a
      permissions: 420
      op: create
    - path: /var/b
      content: b
      permissions: 420
      op: create
cluster:
  controlPlane:
    endpoint: https://192.0.2.10:6443
`;

const DOCUMENTS = `${NETWORK}---
apiVersion: v1alpha1
kind: HostnameConfig
auto: stable
---
apiVersion: v1alpha1
kind: LinkConfig
name: eth0
mtu: 1400
addresses:
  - address: 192.0.2.1/24
---
apiVersion: v1alpha1
kind: LinkConfig
name: eth1
up: true
---
apiVersion: v1alpha1
kind: NetworkRuleConfig
name: api
portSelector:
  ports: [50000]
  protocol: tcp
ingress:
  - subnet: 192.0.2.0/24
---
apiVersion: v1alpha1
kind: ExtensionServiceConfig
name: x
configFiles:
  - content: a
    mountPath: /a
environment: [A=1]
`;

export const PATCHES: readonly PatchCase[] = [
  { name: 'scalars and maps', base: 'controlplane', patch: 'machine: {install: {disk: /dev/nvme0n1, wipe: true}}\n' },
  { name: 'false over true', base: 'controlplane', patch: 'machine: {features: {kubePrism: {enabled: false}}}\n' },
  {
    name: 'nothing by an empty text',
    base: 'controlplane',
    patch: 'cluster: {clusterName: "", network: {dnsDomain: ""}}\n',
  },
  { name: 'nothing by zero', base: 'controlplane', patch: 'machine: {features: {kubePrism: {port: 0}}}\n' },
  { name: 'nothing by null', base: 'controlplane', patch: 'machine: {install: null, kubelet: {image: null}}\n' },
  { name: 'lists that append', base: 'controlplane', patch: 'machine: {certSANs: [a, b]}\n' },
  { name: 'lists that are replaced', base: 'controlplane', patch: 'cluster: {network: {podSubnets: [10.1.0.0/16]}}\n' },
  { name: 'an empty list', base: NETWORK, patch: 'machine: {certSANs: [], files: []}\n' },
  {
    name: 'a plugin by its name',
    base: 'controlplane',
    patch: `cluster:
  apiServer:
    admissionControl:
      - name: PodSecurity
        configuration: {defaults: {audit: privileged}, exemptions: {namespaces: [rook]}}
      - name: Other
        configuration: {a: 1}
`,
  },
  {
    name: 'a policy as a whole',
    base: 'controlplane',
    patch: 'cluster: {apiServer: {auditPolicy: {apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None}]}}}\n',
  },
  {
    name: 'interfaces and VLANs by their names',
    base: NETWORK,
    patch: `machine:
  network:
    interfaces:
      - interface: eth0
        mtu: 1500
        addresses: [192.0.2.2/24]
        vlans:
          - vlanId: 6
            addresses: [198.51.100.1/24]
          - vlanId: 7
      - interface: eth1
        dhcp: true
      - deviceSelector: {driver: e1000, hardwareAddr: "00:*"}
        mtu: 1500
      - deviceSelector: {driver: ixgbe}
        dhcp: false
`,
  },
  {
    name: 'arguments that are given again',
    base: NETWORK,
    patch: 'machine: {kubelet: {extraArgs: {v: "4", w: [a, b]}}}\n',
  },
  {
    name: 'free maps',
    base: NETWORK,
    patch: 'machine: {sysctls: {a: "", b: "3", c: ""}, nodeLabels: {role: "", x: ""}}\n',
  },
  {
    name: 'unstructured maps',
    base: NETWORK,
    patch: 'machine: {kubelet: {extraConfig: {a: {b: [2], c: y, d: {}}}}}\n',
  },
  {
    name: 'a new section',
    base: NETWORK,
    patch: 'machine: {time: {servers: [192.0.2.3]}, logging: {destinations: []}}\n',
  },
  {
    name: 'documents by kind and name',
    base: DOCUMENTS,
    patch: `apiVersion: v1alpha1
kind: LinkConfig
name: eth1
up: false
mtu: 9000
---
apiVersion: v1alpha1
kind: LinkConfig
name: eth0
addresses:
  - address: 192.0.2.2/24
---
apiVersion: v1alpha1
kind: LinkConfig
name: eth2
up: true
---
machine: {type: worker}
`,
  },
  {
    name: 'what rules replace',
    base: DOCUMENTS,
    patch: `apiVersion: v1alpha1
kind: NetworkRuleConfig
name: api
portSelector:
  ports: [443, 80-81]
ingress:
  - subnet: 198.51.100.0/24
`,
  },
  {
    name: 'files of an extension by their path',
    base: DOCUMENTS,
    patch: `apiVersion: v1alpha1
kind: ExtensionServiceConfig
name: x
configFiles:
  - content: b
    mountPath: /a
  - content: c
    mountPath: /c
environment: [B=2]
`,
  },
  {
    name: 'away a document',
    base: DOCUMENTS,
    patch: 'apiVersion: v1alpha1\nkind: LinkConfig\nname: eth0\n$patch: delete\n',
  },
  {
    name: 'a document by another of its kind',
    base: DOCUMENTS,
    patch:
      'apiVersion: v1alpha1\nkind: HostnameConfig\n$patch: delete\n---\napiVersion: v1alpha1\nkind: HostnameConfig\nhostname: m1\n',
  },
  {
    name: 'not what is not there',
    base: DOCUMENTS,
    patch: 'apiVersion: v1alpha1\nkind: LinkConfig\nname: eth9\n$patch: delete\n',
    only: 'from 1.14',
  },
  { name: 'not the v1alpha1 document', base: NETWORK, patch: 'version: v1alpha1\n$patch: delete\n' },
  {
    name: 'away keys',
    base: NETWORK,
    patch: 'machine: {network: {hostname: {$patch: delete}}, sysctls: {$patch: delete}}\n',
  },
  {
    name: 'away keys and on',
    base: NETWORK,
    patch: 'machine: {network: {hostname: {$patch: delete}, nameservers: [192.0.2.3]}}\n',
  },
  { name: 'away a key of a free map', base: NETWORK, patch: 'machine: {sysctls: {a: {$patch: delete}, c: "5"}}\n' },
  { name: 'away a key that a free map lacks', base: NETWORK, patch: 'machine: {sysctls: {z: {$patch: delete}}}\n' },
  { name: 'away a key that is unset', base: NETWORK, patch: 'machine: {time: {$patch: delete}}\n' },
  {
    name: 'away a key of a section that is not there',
    base: NETWORK,
    patch: 'machine: {time: {servers: {$patch: delete}}}\n',
  },
  {
    name: 'away an element',
    base: NETWORK,
    patch:
      'machine: {network: {interfaces: [{interface: eth0, $patch: delete}]}, files: [{$patch: delete, path: /var/b}]}\n',
  },
  {
    name: 'away an element that is not there',
    base: NETWORK,
    patch: 'machine: {files: [{path: /var/z, $patch: delete}]}\n',
  },
  {
    name: 'away an element and add one',
    base: NETWORK,
    patch: 'machine: {network: {interfaces: [{interface: eth0, $patch: delete}, {interface: eth3, dhcp: true}]}}\n',
  },
  {
    name: 'not keys inside elements',
    base: NETWORK,
    patch: 'machine: {network: {interfaces: [{interface: eth0, dhcp: {$patch: delete}}]}}\n',
  },
  { name: 'not an element without a key', base: NETWORK, patch: 'machine: {files: [{$patch: delete}]}\n' },
  {
    name: 'the keys of a document',
    base: DOCUMENTS,
    patch:
      'apiVersion: v1alpha1\nkind: LinkConfig\nname: eth0\nmtu: {$patch: delete}\naddresses: [{address: 192.0.2.3/24}]\n',
  },
  {
    name: 'not the same document twice',
    only: 'to 1.13',
    base: DOCUMENTS,
    patch:
      'apiVersion: v1alpha1\nkind: LinkConfig\nname: eth0\n---\napiVersion: v1alpha1\nkind: LinkConfig\nname: eth0\n',
  },
];
