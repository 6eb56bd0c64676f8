import type { Logger } from 'pino';
import type { Machine } from '#machines/contract/machine.ts';
import type { Attempt } from '#machines/contract/trace.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import type { ScriptReader } from '#machines/decide/boot-script.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import type { Access } from '#services/auth/access.ts';
import type { OidcLogin } from '#services/auth/oidc.ts';
import type { Users } from '#services/auth/users.ts';
import type { DiskImages, ImageLibrary, LoaderCatalog } from '#services/images/contract.ts';
import type { SharedChunks } from '#services/images/shared-chunks.ts';
import type { Uploads } from '#services/images/uploads.ts';
import type { CertificateSigner } from '#services/certificates/signer.ts';
import type { Jobs } from '#services/jobs/contract.ts';
import type { Approvals } from '#services/jobs/approvals.ts';
import type { Plans } from '#services/jobs/plans.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { ClusterConfigs } from '#services/talos/configs.ts';
import type { ClusterSecrets } from '#services/talos/cluster-secrets.ts';
import type { AnswerStore, AuditStore, InventoryStore, LeaseStore } from '#services/store/contract.ts';
import type { Recorder } from '#services/trace/contract.ts';
import type { Vault } from '#services/vault/vault.ts';
import type { Webhooks } from '#services/webhooks/webhooks.ts';
import type { MachineApiPower, Refusal } from '#services/bmc/power.ts';
import type { BmcService } from '../bmc/contract.ts';
import type { Agents } from '../jobs/contract.ts';
import type { TalosReach } from '../jobs/talos/reach.ts';
import type { PlanFor, PlanQuestion } from '../jobs/plan-for.ts';
import type { AnsweredRequest } from '#services/telemetry/request-trace.ts';
import type { RateHistory } from './decide/rate-history.ts';
import type { OperatorTls } from './tls.ts';
import type { Metric } from './metrics.ts';

/** What a machine would boot now, and the script it would be sent. Looks only: nothing is recorded or spent. */
export type Explain = (question: {
  readonly machine: Machine | undefined;
  readonly mac: MacAddress | undefined;
  /** Where it was last heard from, which tells its network; absent: nobody knows. */
  readonly address: IpAddress | undefined;
  /** What reads the script; default: ipxe. */
  readonly reader?: ScriptReader;
}) => {
  readonly plan: BootPlan;
  readonly script: { readonly situation: string; readonly because: string };
  readonly text: string;
};

/** The files of images, for those who look after them. */
export type ImageParts = {
  /** Where files that were fetched or uploaded are kept. */
  readonly dir: string;
  readonly library: ImageLibrary;
  readonly diskImages: DiskImages;
  readonly uploads: Uploads;
  readonly chunks: SharedChunks;
};

/** What the operator API stands on. */
export type OperatorApiParts = {
  readonly version: string;
  readonly site: string;
  readonly registry: Registry;
  readonly recorder: Recorder;
  readonly leases: Pick<LeaseStore, 'all' | 'forget'>;
  readonly jobs: Jobs;
  /** By whose key certificates of erasure are signed. */
  readonly signer: Pick<CertificateSigner, 'publicKey'>;
  readonly plans: Plans<PlanQuestion>;
  readonly approvals: Approvals;
  /** What a destructive job would do to a machine. */
  readonly planFor: PlanFor;
  /** Nobody confirms what nobody else has planned too. */
  readonly secondApprover: boolean;
  readonly bmc: BmcService;
  /** What runs on machines, as far as it can be asked: the agent. */
  readonly system: {
    readonly power: MachineApiPower;
    readonly agents: Pick<Agents, 'of' | 'open'>;
    /** Why a machine must not lose its power now. */
    readonly held: (machine: string) => Refusal | undefined;
  };
  readonly webhooks: Pick<Webhooks, 'states' | 'deliveries' | 'test'>;
  readonly inventories: Pick<InventoryStore, 'latest' | 'move'>;
  readonly audit: AuditStore;
  readonly answers: AnswerStore;
  readonly vault: Pick<Vault, 'seal' | 'unseal'>;
  readonly access: Access;
  readonly users: Users;
  /** Who may say for whom they ask: X-Forwarded-For counts from them only. */
  readonly proxies: readonly IpAddress[];
  /** Absent: plain HTTP. */
  readonly tls: OperatorTls | undefined;
  /** Where an OpenID provider is configured. */
  readonly oidc: OidcLogin | undefined;
  /** Of Talos. */
  readonly clusters: {
    readonly configs: ClusterConfigs;
    readonly secrets: ClusterSecrets;
    readonly reach: Pick<TalosReach, 'node'>;
    /** Where a machine’s own system may be reached, the likeliest first. */
    readonly addressesOf: (machine: string) => Promise<readonly IpAddress[]>;
  };
  readonly loaders: LoaderCatalog;
  /** Where added loaders are put. */
  readonly loaderDir: string;
  /** Of the agent’s image. */
  readonly agentDir: string;
  readonly images: ImageParts;
  readonly explain: Explain;
  /** The packets of an attempt as a pcap file. */
  readonly pcapOf: (attempt: Attempt) => Promise<Uint8Array>;
  /** What is really listening, for a person to read. */
  readonly listeners: () => readonly { readonly name: string; readonly at: string }[];
  /** Told of each request that was answered, where traces are wanted. */
  readonly tellRequest?: ((request: AnsweredRequest) => void) | undefined;
  /** Counters and gauges of all parts. */
  readonly metrics: readonly (() => readonly Metric[])[];
  /** The rates of the last day, those after a moment. */
  readonly rates: RateHistory['readings'];
  /** Names by which the daemon is reached, besides addresses, `localhost` and the machine's own name. */
  readonly hostNames: readonly string[];
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  readonly now: () => number;
};
