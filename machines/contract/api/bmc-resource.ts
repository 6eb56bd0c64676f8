import { z } from 'zod';
import { BMC_TYPES, BMC_VERBS, BOOT_DEVICES, POWER_ACTIONS, POWER_STATES } from '../power.ts';
import { kgText, loginText, secretText, rotateDays } from '../credential.ts';
import { labels, name } from '../documents.ts';
import { difference } from './apply.ts';

const time = z.number().meta({ description: 'milliseconds since 1970-01-01T00:00:00Z' });
const text = z.string().max(1024);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'want 64 hexadecimal digits in lower case');
const HEALTH = ['ok', 'warning', 'critical'] as const;

export const bootOnce = z.strictObject({ device: z.enum(BOOT_DEVICES), mode: z.enum(['bios', 'uefi']).optional() });

export const powerOrder = z.strictObject({
  action: z.enum(POWER_ACTIONS),
  boot: bootOnce.optional().meta({ description: 'set right before it is turned on' }),
  force: z.boolean().optional().meta({ description: 'cycle: takes the power away without asking the system' }),
  unproven: z
    .boolean()
    .optional()
    .meta({ description: 'command the BMC although nothing proves that it is the machine’s' }),
});

/** One power action under way, or how it ended. It goes on when nobody watches, and is forgotten an hour later. */
export const powerOperation = z
  .object({
    id: z.string(),
    machine: z.string(),
    action: z.enum(POWER_ACTIONS),
    by: z.string(),
    startedAt: time,
    endedAt: time.optional(),
    state: z.enum(['running', 'done', 'failed']),
    /** Counts what was said: give it as `seen` to wait for more. */
    seq: z.int(),
    /** What is being done, or what came of it. */
    text,
    /** failed: why, as a word. */
    code: z.string().optional(),
    next: z.string().optional(),
    power: z.enum(POWER_STATES).optional(),
    /** done: whether the effect was seen. */
    confirmed: z.boolean().optional(),
  })
  .meta({ id: 'PowerOperation' });
export type PowerOperation = z.output<typeof powerOperation>;

export const powerReading = z
  .object({
    machine: z.string(),
    power: z.enum(POWER_STATES),
    at: time.meta({ description: 'when it was read; 0: never' }),
    health: z.enum(HEALTH).optional(),
    bootProgress: z.string().optional(),
    powerWatts: z.number().optional(),
    identifying: z.boolean().optional(),
    /** Why there is nothing newer. */
    error: z.object({ code: z.string(), because: z.string(), at: time }).optional(),
  })
  .meta({ id: 'PowerReading' });
export type PowerReading = z.output<typeof powerReading>;

export const personAsk = z
  .object({
    machine: z.string(),
    wanted: z.enum(['on', 'off', 'reset']),
    boot: bootOnce.optional(),
    askedAt: time,
    expiresAt: time,
  })
  .meta({ id: 'PersonAsk', description: 'what a person is asked to do at a machine' });

const identity = z.object({
  manufacturer: z.string().optional(),
  product: z.string().optional(),
  serial: z.string().optional(),
  sku: z.string().optional(),
  uuid: z.string().optional(),
  macs: z.array(z.string()),
  bmcVendor: z.string().optional(),
  bmcVersion: z.string().optional(),
});

export const bmcResource = z
  .object({
    address: z.string(),
    type: z.enum(BMC_TYPES),
    /** The machine whose document names it. */
    machine: z.string().optional(),
    /** The credential by its name, or that it has one of its own. Never a secret. */
    credential: z
      .object({
        name: z.string(),
        own: z.boolean(),
        shared: z.boolean(),
        username: z.string().optional(),
        setAt: time.optional(),
        /** When it gets another password by itself. */
        rotatesAt: time.optional(),
      })
      .optional(),
    pin: z.object({ sha256, subject: z.string(), at: time }).optional(),
    proven: z.object({ machine: z.string(), by: z.string(), at: time }).optional(),
    /** What stands against its being the machine's, or what its machine could be. */
    conflict: z.string().optional(),
    like: z.array(z.object({ machine: z.string(), by: z.array(z.string()) })).optional(),
    identity: identity.optional(),
    learned: z.record(z.string(), z.string()),
    discoveredAt: time.optional(),
    seenAt: time.optional(),
    reading: powerReading.optional(),
  })
  .meta({ id: 'Bmc' });
export type BmcResource = z.output<typeof bmcResource>;

/** Who does each verb for a machine. */
export const powerMeans = z.record(z.enum(BMC_VERBS), z.enum(['bmc', 'machine-api', 'person', 'nobody']));

export const machineBmc = z
  .object({
    bmc: bmcResource,
    /** Absent where the BMC does not answer, and `unknown` says why. */
    means: powerMeans.optional(),
    unknown: z.string().optional(),
    ask: personAsk.optional(),
  })
  .meta({ id: 'MachineBmc' });
export type MachineBmcResource = z.output<typeof machineBmc>;

export const discovery = z.strictObject({
  cidr: z.string().max(64),
  /** Where Redfish is looked for; 443 where nothing is said. */
  ports: z.array(z.int().min(1).max(65_535)).max(8).optional(),
});

export const discoveredBmc = z
  .object({
    /** As it would be written in a machine's document. */
    address: z.string(),
    type: z.enum(['redfish', 'ipmi']),
    vendor: z.string().optional(),
    product: z.string().optional(),
    version: z.string().optional(),
    uuid: z.string().optional(),
    /** The certificate that it shows, to be compared with what stands on the board or its display. */
    certificate: z.object({ sha256, subject: z.string(), validTo: z.string().optional() }).optional(),
    /** It is known already. */
    machine: z.string().optional(),
  })
  .meta({ id: 'DiscoveredBmc' });
export type DiscoveredBmc = z.output<typeof discoveredBmc>;

export const discoveryAnswer = z.object({ asked: z.int(), items: z.array(discoveredBmc) });

export const bmcTry = z.strictObject({
  credential: name,
  /** The rack in which this credential may be tried: what is known to stand in another one is not asked. */
  rack: name.optional(),
  bmcs: z
    .array(
      z.strictObject({
        address: z.string().min(1).max(255),
        type: z.enum(['redfish', 'ipmi']),
        /** Redfish: the certificate that was shown; nothing is sent to another. */
        sha256: sha256.optional(),
      }),
    )
    .min(1)
    .max(1024),
});

export const triedBmc = z
  .object({
    address: z.string(),
    outcome: z.enum(['opened', 'refused', 'not-tried']),
    because: z.string(),
    identity: identity.optional(),
    like: z.array(z.object({ machine: z.string(), by: z.array(z.string()) })).optional(),
  })
  .meta({ id: 'TriedBmc' });

export const credentialInfo = z
  .object({
    name: z.string(),
    username: z.string(),
    setAt: time,
    /** The BMCs that would be logged in to with it: more than one is worth a rotation. */
    usedBy: z.array(z.string()),
    shared: z.boolean(),
    hasKg: z.boolean(),
    labels,
    /** How old a BMC's own password becomes. */
    rotateDays: z.number().optional(),
    ownUser: z.boolean(),
    /** The file or folder that it was applied from. */
    appliedFrom: z.string().optional(),
  })
  .meta({ id: 'BmcCredential', description: 'a credential without its secret, which never leaves the daemon' });

export const newCredential = z.strictObject({
  username: loginText,
  password: secretText,
  kg: kgText.optional().meta({ description: 'K_g of IPMI' }),
  rotateDays: rotateDays.optional().meta({ description: 'absent: as it was' }),
  ownUser: z.boolean().optional().meta({ description: 'absent: as it was' }),
});

export const MAX_CREDENTIALS = 1024;

/** Credentials as files say them, with the secrets that were read from where the files said. */
export const credentialsApplied = z.strictObject({
  credentials: z
    .array(
      z.strictObject({
        name,
        labels: labels.default({}),
        username: loginText,
        password: secretText.optional().meta({ description: 'absent: the sealed one stays' }),
        kg: kgText.optional(),
        keepsKg: z.boolean().default(false),
        rotateDays: rotateDays.optional(),
        ownUser: z.boolean().default(false),
      }),
    )
    .max(MAX_CREDENTIALS),
  dryRun: z.boolean().default(false),
  /** Forget what was applied from the same `from` and is not in `credentials`. */
  prune: z.boolean().default(false),
  from: z.string().max(1024).optional(),
  /** Machines that go in the same run, and so use no credential any more. */
  leaving: z.array(name).max(20_000).default([]),
});

export const credentialChange = z
  .object({
    kind: z.literal('Credential'),
    name: z.string(),
    change: z.enum(['created', 'changed', 'unchanged', 'removed', 'kept', 'failed']),
    /** Secrets are not told, only that they differ. */
    differences: z.array(difference),
    index: z.int().optional(),
    because: z.string().optional(),
  })
  .meta({ id: 'CredentialChange' });
export type CredentialChange = z.output<typeof credentialChange>;

export const credentialsAnswer = z.object({
  dryRun: z.boolean(),
  ok: z.boolean(),
  changes: z.array(credentialChange),
});

export const certificateShown = z.object({ sha256, subject: z.string(), validTo: z.string().optional() });

export const pinOrder = z.strictObject({
  /** What a person has seen and wants to pin. Absent: only shows what it has now. */
  sha256: sha256.optional(),
});
export const pinAnswer = z.object({
  shown: certificateShown,
  pinned: z.object({ sha256, subject: z.string(), at: time }).optional(),
  changed: z.boolean(),
});

export const rotation = z.object({ address: z.string(), username: z.string(), rotatedAt: time, text });

export const bmcEvent = z.object({
  id: z.string(),
  at: time.optional(),
  severity: z.enum(HEALTH),
  text: z.string(),
});

export const learnedQuirks = z
  .object({
    vendor: z.string().max(255),
    product: z.string().max(255),
    version: z.string().min(1).max(255),
    learned: z.record(z.string().max(64), z.string().max(255)),
    seenOn: z.int().min(0),
  })
  .meta({ id: 'LearnedQuirks' });

/** What another Ingot has found out: `ingot bmc export-quirks` gives it. */
export const quirksImported = z.strictObject({ items: z.array(learnedQuirks).max(1000) });
