import { z } from 'zod';
import { ARCHITECTURES } from '../values/architecture.ts';
import { parseCidr4, parseIpv4Range } from '../values/cidr.ts';
import { clusterDocument } from './cluster.ts';
import { layered } from './config.ts';
import { ipAddress, ipv4, labels, macAddress, metadata, name, textValue, uuid } from './fields.ts';
import { installOptions } from './install-options.ts';
import { machineNetwork, networkDocument } from './network.ts';
import { BMC_TYPES, BMC_VERBS } from './power.ts';

export { clusterDocument, type ClusterDocument } from './cluster.ts';
export { networkDocument } from './network.ts';
export { ipAddress, ipv4, labels, macAddress, name, textValue, uuid } from './fields.ts';

/** Printable text without control characters: it is shown on terminals and written into logs. */
const line = z
  .string()
  .max(1024)
  .regex(/^[^\p{Cc}]*$/u, 'want one line without control characters');
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'want 64 hexadecimal digits in lower case');

export const location = z.strictObject({
  site: name.default('default'),
  rack: name.optional(),
  unit: z.int().min(1).max(100).optional(),
});

export const machineDocument = z.strictObject({
  kind: z.literal('Machine'),
  ...metadata,
  macs: z.array(macAddress).max(64).default([]),
  uuid: uuid.optional(),
  serial: line.min(1).optional(),
  /** Reservation: the address that DHCP gives this machine. */
  address: ipAddress.optional(),
  bmc: z
    .strictObject({
      type: z.enum(BMC_TYPES),
      address: line.optional(),
      credential: name.optional(),
      system: line.optional(),
      /** webhook: what the program behind it can; status, on and off where nothing is said. */
      verbs: z.array(z.enum(BMC_VERBS)).optional(),
    })
    .optional(),
  location: location.default({ site: 'default' }),
  profile: name.optional(),
  disks: z
    .strictObject({
      install: z.strictObject({ serial: line.optional(), wwn: line.optional() }).optional(),
      keep: z.array(line).default([]),
    })
    .optional(),
  network: machineNetwork.optional(),
  /** Its serial console is written into the traces of its boot attempts; where nothing is said, as its profile says. */
  recordConsole: z.boolean().optional(),
  ...layered,
});

export const PROFILE_KINDS = [
  'kernel',
  /** Our own system in memory: it tells what the machine is made of, and does what confirmed jobs want. */
  'agent',
  'script',
  'disk',
  'chain',
  'menu',
  'talos',
  'bottlerocket',
  'image',
  'installer',
] as const;

export const profileDocument = z.strictObject({
  kind: z.literal('Profile'),
  ...metadata,
  os: z.enum(PROFILE_KINDS),
  /** `once` needs a grant; `always` is for live systems that are netbooted on every start. */
  when: z.enum(['always', 'once']).default('once'),
  /** May what we serve write disks? `planned` boots only under a confirmed plan (safety rule 1). */
  writes: z.enum(['none', 'planned']).default('planned'),
  image: name.optional(),
  /** os: image and bottlerocket — what is done to the disk beside writing the image. */
  install: installOptions.optional(),
  /** What a netboot that fails half-way does: go on to the machine's own disk, or stay in a shell for a person. */
  onFailure: z.enum(['disk', 'shell']).default('disk'),
  /** Kernel arguments; `{{path}}` values are interpolated, never code. */
  args: z.array(line).default([]),
  /** os: chain — where to go. */
  url: z.url({ protocol: /^(https?|tftp)$/ }).optional(),
  /** The serial consoles of machines that boot this are written into their traces. */
  recordConsole: z.boolean().optional(),
  /** os: script — the lines of an iPXE script after `#!ipxe`; `{{path}}` values are interpolated. */
  script: z.string().max(32768).optional(),
  /** May secrets of a cluster’s control plane go to its machines in plain HTTP? */
  plainSecrets: z.boolean().default(false),
  ...layered,
});

export const classDocument = z.strictObject({
  kind: z.literal('Class'),
  ...metadata,
  match: z
    .strictObject({ facts: z.record(z.string(), z.string()).default({}), labels: labels.default({}) })
    .default({ facts: {}, labels: {} }),
  priority: z.int().min(-1000).max(1000).default(0),
  profile: name,
  accept: z.boolean().default(false),
  ...layered,
});

export const DISCOVERY = ['off', 'hold', 'agent'] as const;

export const subnetDocument = z.strictObject({
  kind: z.literal('Subnet'),
  ...metadata,
  cidr: textValue(parseCidr4),
  pools: z.array(textValue(parseIpv4Range)).default([]),
  router: ipv4.optional(),
  dns: z.array(ipv4).default([]),
  ntp: z.array(ipv4).default([]),
  domain: line.optional(),
  leaseSeconds: z.int().min(60).max(31_536_000).default(3600),
  authoritative: z.boolean().default(false),
  relays: z.array(ipv4).default([]),
  mode: z.enum(['server', 'proxy', 'off']).default('server'),
  discovery: z.enum(DISCOVERY).default('off'),
  advertise: z.url({ protocol: /^https?$/ }).optional(),
});

export const ASSET_ROLES = ['kernel', 'initrd', 'efi', 'disk'] as const;
export type AssetRole = (typeof ASSET_ROLES)[number];

const httpUrl = z.url({ protocol: /^https?$/ });

/** A detached signature beside a file, and whose it must be. */
export const signature = z.strictObject({
  /** `openpgp`: gpg --detach-sign, with or without armour. `minisign`. `cosign`: what `cosign sign-blob --key` writes. */
  kind: z.enum(['openpgp', 'minisign', 'cosign']),
  /** Where the signature is. */
  url: httpUrl,
  /** The public key: armoured OpenPGP, minisign's line of base64, or PEM. */
  key: z.string().max(65_536).optional(),
  /** openpgp: where the key is, which then must have this fingerprint. */
  keyUrl: httpUrl.optional(),
  /** openpgp: of the primary key, in hex. */
  fingerprint: z
    .string()
    .regex(/^([0-9A-F]{40}|[0-9A-F]{64})$/, 'want 40 hexadecimal digits in upper case')
    .optional(),
});

export const imageAsset = z.strictObject({
  role: z.enum(ASSET_ROLES),
  /** A file of the daemon's machine, read by the daemon. */
  path: line.optional(),
  /** Fetched once, kept under its digest. With neither path nor url, `sha256` names a file that was uploaded. */
  url: httpUrl.optional(),
  sha256: sha256.optional(),
  sha512: z
    .string()
    .regex(/^[0-9a-f]{128}$/, 'want 128 hexadecimal digits in lower case')
    .optional(),
  /** A list as sha256sum or sha512sum writes it, in which the file is looked up by its name. */
  digests: z.strictObject({ url: httpUrl, signature: signature.optional() }).optional(),
  /** Of the file itself. */
  signature: signature.optional(),
});

export const imagePull = z.strictObject({ what: line, from: line });

export const imageDocument = z.strictObject({
  kind: z.literal('Image'),
  ...metadata,
  arch: z.enum(ARCHITECTURES),
  assets: z.array(imageAsset).min(1).max(32),
  /** What is fetched from elsewhere when it is booted or installed, not by the daemon: for people to know before. */
  pulls: z.array(imagePull).max(16).optional(),
});

export const document = z.discriminatedUnion('kind', [
  machineDocument,
  profileDocument,
  classDocument,
  subnetDocument,
  imageDocument,
  networkDocument,
  clusterDocument,
]);

export type MachineDocument = z.output<typeof machineDocument>;
export type ProfileDocument = z.output<typeof profileDocument>;
export type ClassDocument = z.output<typeof classDocument>;
export type SubnetDocument = z.output<typeof subnetDocument>;
export type ImageDocument = z.output<typeof imageDocument>;
export type ImageAsset = z.output<typeof imageAsset>;
export type AssetSignature = z.output<typeof signature>;
export type NetworkDocument = z.output<typeof networkDocument>;
export type Document = z.output<typeof document>;
export type DocumentKind = Document['kind'];

export const DOCUMENT_KINDS = [
  'Machine',
  'Profile',
  'Class',
  'Subnet',
  'Image',
  'Network',
  'Cluster',
] as const satisfies readonly DocumentKind[];
