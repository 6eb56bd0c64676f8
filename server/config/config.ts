import type { SubnetDocument } from '#machines/contract/documents.ts';
import type { WebhookEvent, WebhookGroup } from '#machines/contract/webhook.ts';
import type { SecretPlace } from '#services/webhooks/secret.ts';
import type { Discovery } from '#machines/decide/boot-plan.ts';
import type { VerdictTimes } from '#machines/decide/verdict/times.ts';
import type { OidcSettings } from '#services/auth/oidc.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';

/** Where to listen; port 0 takes a free one. */
export type Listen = {
  readonly address: IpAddress;
  readonly port: number;
  /** Of a socket that a supervisor opened there for us. */
  readonly fd?: number;
};

export type InterfaceConfig = {
  readonly name: string;
  readonly mode: 'server' | 'proxy' | 'off';
  readonly discovery: Discovery;
};

/** The daemon's configuration: valid, complete and readonly. Nothing re-checks it. */
export type Config = {
  readonly site: string;
  readonly dataDir: string;
  /** The file it came from, for messages; absent when made from the command line. */
  readonly file: string | undefined;
  readonly interfaces: readonly InterfaceConfig[];
  /** Read-only over the API: they live in the file. */
  readonly subnets: readonly SubnetDocument[];
  readonly dhcp: {
    /** Sockets for relayed and unicast packets besides the interfaces' own; what the simulated rack speaks to. */
    readonly relayListen: readonly Listen[];
    /** 67 and 4011 unless a test needs others. */
    readonly serverPort: number;
    readonly proxyPort: number;
    /** Lease addresses on a segment where another DHCP server answers: only when told so outright (safety rule 5). */
    readonly besideOtherServer: boolean;
    /** Ask by ARP whether an address of a pool is in use before it is offered for the first time. */
    readonly conflictProbe: boolean;
  };
  readonly boot: { readonly listen: Listen; readonly advertise: string | undefined };
  readonly tftp: { readonly listen: Listen; readonly root: string | undefined; readonly singlePort: boolean };
  readonly machine: { readonly listen: Listen; readonly tls: Listen };
  readonly api: {
    readonly listen: Listen;
    readonly hostNames: readonly string[];
    /** Absent: plain HTTP. Without files: a certificate of the daemon's own. */
    readonly tls:
      | {
          readonly files: { readonly certificate: string; readonly key: string } | undefined;
          /** Certificates of clients are asked for. */
          readonly clients: boolean;
        }
      | undefined;
    /** Their X-Forwarded-For and X-Forwarded-Proto are believed; nobody else's. */
    readonly proxies: readonly IpAddress[];
    readonly oidc:
      | (Omit<OidcSettings, 'clientSecret'> & {
          readonly clientSecret: { readonly file: string } | { readonly env: string } | undefined;
        })
      | undefined;
  };
  readonly syslog: { readonly listen: Listen | undefined };
  readonly jsonLines: { readonly listen: Listen | undefined };
  readonly loaders: { readonly dir: string };
  /** OCI layouts below `dir`, read-only; nothing where it does not listen. */
  readonly registry: { readonly listen: Listen | undefined; readonly dir: string };
  readonly images: {
    readonly mirrors: readonly { readonly from: string; readonly to: string }[];
    /** 0: never. */
    readonly refreshHours: number;
    /** How often what no image needs is removed; 0: only by hand. */
    readonly cleanHours: number;
    /** Only where the folder holds more than so much. */
    readonly cleanAboveGib: number;
  };
  readonly store: { readonly kind: 'sqlite' } | { readonly kind: 'postgres'; readonly url: string };
  readonly traces: {
    readonly keepDays: number;
    readonly keepAttempts: number;
    readonly times: VerdictTimes;
  };
  /** Relative files are relative to the configuration's own. */
  readonly webhooks: readonly {
    readonly url: string;
    readonly secret: SecretPlace;
    readonly events: readonly (WebhookEvent | WebhookGroup)[];
  }[];
  /** A destructive job is begun by another person than the one who planned it. */
  readonly jobs: { readonly secondApprover: boolean };
  /** The whole address for traces; absent: none are made. */
  readonly otlp: { readonly url: string | undefined };
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' };
};
