import { z } from 'zod';
import { ROLES } from '#machines/contract/api/role.ts';
import { scope } from '#machines/contract/api/user-resource.ts';
import { DISCOVERY, ipAddress, name, subnetDocument, textValue } from '#machines/contract/documents.ts';
import { WEBHOOK_EVENTS, WEBHOOK_GROUPS } from '#machines/contract/webhook.ts';
import { VERDICT_TIMES, type VerdictTimes } from '#machines/decide/verdict/times.ts';
import { type IpAddress, parseIpAddress } from '#machines/values/ip-address.ts';
import { type Parsed, parsed, refused } from '#machines/values/parsed.ts';
import type { Listen } from './config.ts';

/** `192.168.77.1:8080`, `[::1]:8080`, or only an address where the port has a default. */
export function parseListen(text: string): Parsed<Listen> {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text.trim());
  const address = parseIpAddress(match?.[1] ?? match?.[2] ?? '');
  const port = Number(match?.[3]);
  if (!match || !address.ok || port > 65_535) return refused(text, 'ADDRESS:PORT, such as 0.0.0.0:8080');
  return parsed({ address: address.value, port });
}

export const formatListen = ({ address, port }: { address: IpAddress; port: number }): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

const listen = textValue(parseListen);
const port = z.int().min(0).max(65_535);

/** IFNAMSIZ is 16 with its NUL; the kernel refuses blanks and slashes. */
const interfaceName = z.string().regex(/^[^\s/]{1,15}$/, 'want the name of a network interface, such as eth1');

/** RFC 1123 §2.1: letters, digits and hyphens between dots, 253 characters at most. */
const hostName = z
  .string()
  .regex(
    /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i,
    'want a host name such as ingot.lab, without http:// and port',
  );

/** A subnet in the configuration needs no name: its prefix is its name. */
const subnet = subnetDocument.omit({ kind: true, apiVersion: true }).extend({ name: name.optional() });

/** How long a boot may be silent at each step before its verdict names a fault. */
const wait = (defaultMs: number) => z.int().min(0).max(86_400_000).default(defaultMs);
const verdictTimes = z.strictObject({
  offerMs: wait(VERDICT_TIMES.offerMs),
  lastOfferMs: wait(VERDICT_TIMES.lastOfferMs),
  otherServerMs: wait(VERDICT_TIMES.otherServerMs),
  bootFileMs: wait(VERDICT_TIMES.bootFileMs),
  retryMs: wait(VERDICT_TIMES.retryMs),
  loaderMs: wait(VERDICT_TIMES.loaderMs),
  scriptMs: wait(VERDICT_TIMES.scriptMs),
  kernelMs: wait(VERDICT_TIMES.kernelMs),
  initrdMs: wait(VERDICT_TIMES.initrdMs),
  runningMs: wait(VERDICT_TIMES.runningMs),
  loopBoots: z.int().min(1).max(1000).default(VERDICT_TIMES.loopBoots),
  loopWindowMs: wait(VERDICT_TIMES.loopWindowMs),
} satisfies Record<keyof VerdictTimes, z.ZodType<number>>);

/** `true`: a certificate that the daemon makes for itself; or the files of one that was given to it, read anew when they change. */
const tls = z
  .union([
    z.boolean().transform((wanted) => (wanted ? {} : undefined)),
    z
      .strictObject({
        certificate: z.string().min(1).optional(),
        key: z.string().min(1).optional(),
        /** Ask for certificates of clients; whose one is belongs to a user. */
        clients: z.boolean().optional(),
      })
      .refine(
        (one) => (one.certificate === undefined) === (one.key === undefined),
        'want certificate and key, or none',
      ),
  ])
  .optional();

/** Login through an OpenID provider. */
const oidc = z.strictObject({
  issuer: z.url({ protocol: /^https?$/, error: 'want a URL such as https://id.example/realms/lab' }).refine((url) => {
    const { protocol, hostname } = new URL(url);
    return protocol === 'https:' || /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
  }, 'want https://…; http:// only of this machine'),
  /** What the button says. */
  name: z.string().min(1).max(63).default('OpenID'),
  clientId: z.string().min(1).max(255),
  /** Absent: a public client. */
  clientSecret: z
    .union([z.strictObject({ file: z.string().min(1) }), z.strictObject({ env: z.string().min(1) })])
    .optional(),
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/)).default(['openid', 'profile', 'email']),
  userClaim: z.string().min(1).default('preferred_username'),
  /** Dotted where it is inside another. */
  roleClaim: z.string().min(1).default('groups'),
  roles: z
    .array(z.strictObject({ value: z.string().min(1), role: z.enum(ROLES), scope: scope.optional() }))
    .max(256)
    .default([]),
  /** For who is in none of them; absent: they are not let in. */
  defaultRole: z.enum(ROLES).optional(),
});

/** The file as people write it. Defaults stand here and nowhere else. */
export const configFile = z.strictObject({
  site: name.default('default'),
  dataDir: z.string().min(1).default('./data'),
  interfaces: z
    .array(
      z.strictObject({
        name: interfaceName,
        mode: z.enum(['server', 'proxy', 'off']).default('proxy'),
        discovery: z.enum(DISCOVERY).default('off'),
      }),
    )
    .default([]),
  subnets: z.array(subnet).default([]),
  dhcp: z
    .strictObject({
      relayListen: z.array(listen).default([]),
      serverPort: port.default(67),
      proxyPort: port.default(4011),
      besideOtherServer: z.boolean().default(false),
      conflictProbe: z.boolean().default(true),
    })
    .prefault({}),
  boot: z
    .strictObject({
      listen: listen.prefault('0.0.0.0:8080'),
      advertise: z.url({ protocol: /^https?$/, error: 'want a URL such as http://192.168.77.1:8080' }).optional(),
    })
    .prefault({}),
  tftp: z
    .strictObject({
      listen: listen.prefault('0.0.0.0:69'),
      root: z.string().min(1).optional(),
      /** Answer from the port that was asked: for clients behind NAT or a firewall that knows no TFTP. */
      singlePort: z.boolean().default(false),
    })
    .prefault({}),
  machine: z
    .strictObject({ listen: listen.prefault('0.0.0.0:8081'), tls: listen.prefault('0.0.0.0:8443') })
    .prefault({}),
  api: z
    .strictObject({
      listen: listen.prefault('127.0.0.1:4680'),
      /** Names by which a browser may come, besides addresses, `localhost` and this machine's own name. */
      hostNames: z.array(hostName).max(64).default([]),
      tls,
      /** Only these may say for whom they ask (X-Forwarded-For, X-Forwarded-Proto). */
      proxies: z.array(ipAddress).max(64).default([]),
      oidc: oidc.optional(),
    })
    .prefault({}),
  syslog: z.strictObject({ listen: listen.optional() }).prefault({}),
  jsonLines: z.strictObject({ listen: listen.optional() }).prefault({}),
  loaders: z.strictObject({ dir: z.string().min(1).optional() }).prefault({}),
  /** Images of containers for installers that reach no other registry. */
  registry: z.strictObject({ listen: listen.optional(), dir: z.string().min(1).optional() }).prefault({}),
  images: z
    .strictObject({
      /** Whatever is at a URL that begins with `from` is fetched from `to`. */
      mirrors: z
        .array(z.strictObject({ from: z.url({ protocol: /^https?$/ }), to: z.url({ protocol: /^https?$/ }) }))
        .default([]),
      /** How often files of which no digest is pinned are looked for anew; 0: never. */
      refreshHours: z.int().min(0).max(500).default(0),
      /** How often files that no image needs are removed, as `ingot image clean` does; 0: never. */
      cleanHours: z.int().min(0).max(500).default(0),
      /** Only while the folder of images holds more than so many GiB. */
      cleanAboveGib: z.number().min(0).max(1_000_000).default(0),
    })
    .prefault({}),
  store: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('sqlite') }),
      z.strictObject({
        kind: z.literal('postgres'),
        url: z.string().regex(/^postgres(ql)?:\/\//, 'want postgres://…'),
      }),
    ])
    .default({ kind: 'sqlite' }),
  traces: z
    .strictObject({
      keepDays: z.int().min(1).max(3650).default(30),
      keepAttempts: z.int().min(100).max(1_000_000).default(20_000),
      times: verdictTimes.prefault({}),
    })
    .prefault({}),
  /** Programs elsewhere that are told what happens here. Nothing is sent to an address that is not named. */
  webhooks: z
    .array(
      z.strictObject({
        url: z
          .url({ protocol: /^https?$/, error: 'want a URL such as https://chat.example.com/hooks/ingot' })
          .refine((url) => new URL(url).username === '' && new URL(url).password === '', 'want no password in it'),
        /** What signs each message; 16 characters or more. */
        secret: z.union([z.strictObject({ file: z.string().min(1) }), z.strictObject({ env: z.string().min(1) })]),
        events: z.array(z.enum([...WEBHOOK_GROUPS, ...WEBHOOK_EVENTS])).min(1),
      }),
    )
    .max(32)
    .default([]),
  /** Boots and jobs as OpenTelemetry traces, sent there in OTLP/HTTP (JSON). */
  jobs: z.strictObject({ secondApprover: z.boolean().default(false) }).prefault({}),
  otlp: z
    .strictObject({
      url: z.url({ protocol: /^https?$/, error: 'want a URL such as http://127.0.0.1:4318/v1/traces' }).optional(),
    })
    .prefault({}),
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
});

export type ConfigFile = z.output<typeof configFile>;
