import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Role } from '#machines/contract/api/role.ts';
import { LOADER_NAMES } from '#machines/decide/loader.ts';
import { planBoot } from '#machines/decide/boot-plan.ts';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import type { OperatorApiParts } from '#server/api/contract.ts';
import { besideImageOf } from '#server/jobs/beside-image.ts';
import { planMaker } from '#server/jobs/plan-for.ts';
import { operatorApi } from '#server/api/operator-api.ts';
import { openAccess } from '#services/auth/access.ts';
import { openPasswords } from '#services/auth/password.ts';
import { openUsers } from '#services/auth/users.ts';
import { certificateSigner } from '#services/certificates/signer.ts';
import { openDiskImages } from '#services/images/disk-images.ts';
import type { Mirror } from '#services/images/downloads.ts';
import { openImages } from '#services/images/image-library.ts';
import { openLoaders } from '#services/images/loaders.ts';
import { sharedChunks } from '#services/images/shared-chunks.ts';
import { openUploads } from '#services/images/uploads.ts';
import type { Recorder } from '#services/trace/contract.ts';
import { openJobs } from '#services/jobs/open-jobs.ts';
import { openApprovals } from '#services/jobs/approvals.ts';
import { openPlans } from '#services/jobs/plans.ts';
import { openWebhooks } from '#services/webhooks/webhooks.ts';
import { openRegistry } from '#services/registry/registry.ts';
import { clusterConfigs } from '#services/talos/configs.ts';
import { clusterSecrets } from '#services/talos/cluster-secrets.ts';
import { MachineApiError } from '#services/machine-api/machine-api-error.ts';
import type { AuditEntry, Lease } from '#services/store/contract.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import type { SubnetDocument } from '#machines/contract/documents.ts';
import { fakeBmcs } from '#test/server/bmc/fake-bmcs.ts';
import { memoryRecorder } from './memory-recorder.ts';

export const LOADER_COUNT = LOADER_NAMES.length;

/**
 * The operator API on a free port of loopback, over a real store and registry. Attempts are told by the test, and leases
 * are put into `leases`.
 */
export async function runningApi(
  overrides: Partial<OperatorApiParts> & {
    readonly configSubnets?: readonly SubnetDocument[];
    readonly imageMirrors?: readonly Mirror[];
  } = {},
) {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-api-'));
  const clock = { now: 1_700_000_000_000 };
  const now = () => clock.now;
  const errors: unknown[] = [];
  const log = { debug() {}, info() {}, warn() {}, error: (...args: readonly unknown[]) => void errors.push(args) };
  const store = await openSqliteStore({ dir });
  const { configSubnets = [] } = overrides;
  const registry = await openRegistry({ store, site: 'default', configSubnets, now, log });
  const recorder = memoryRecorder();
  const access = openAccess({ store: store.access, users: store.users, now });
  // As cheap as argon2 can be: what is tested is not its cost.
  const users = openUsers({
    store: store.users,
    access,
    passwords: openPasswords({ memoryKib: 8, passes: 1, lanes: 1 }),
    now,
  });
  const leases = new Map<string, Lease>();
  const bmcs = await fakeBmcs({ store, registry, dir });
  const clusterVault = clusterSecrets({ vault: bmcs.vault, random: randomBytes, now });
  const imageDir = join(dir, 'images');
  await mkdir(imageDir);
  const { imageMirrors: mirrors = [] } = overrides;
  const library = openImages({ registry, dir: imageDir, log, mirrors });
  const diskImages = openDiskImages({
    asset: (image) => library.asset(image, 'disk', 0),
    dir: join(imageDir, 'disks'),
    log,
  });
  const stop = new AbortController();
  const jobs = await openJobs({
    store: store.jobs,
    recipe: () => [],
    rackOf: () => '',
    now,
    newId: randomUUID,
    log,
  });
  const api = operatorApi({
    listen: { address: sure(parseIpv4('127.0.0.1')), port: 0 },
    version: '0.1.0',
    site: 'default',
    registry,
    recorder: recorder as typeof recorder & Recorder,
    leases: {
      all: async () => [...leases.values()],
      forget: async (_site, address) => leases.delete(address),
    },
    jobs,
    plans: openPlans({ now, newId: randomUUID }),
    approvals: openApprovals({ store: store.approvals, now, newId: randomUUID }),
    planFor: planMaker({
      registry,
      inventories: store.inventories,
      diskImages: { get: async (name) => ({ kind: 'missing', because: `image ${name} is not here` }) },
      besideImage: besideImageOf(registry),
      configs: clusterConfigs({ registry, secrets: clusterVault }),
      upkeep: async () => ({ kind: 'refused', because: 'no Talos runs in this test', next: 'nothing' }),
      now,
    }),
    secondApprover: false,
    signer: certificateSigner(bmcs.vault),
    bmc: bmcs.service,
    system: {
      power: { has: () => false, command: async () => {} },
      agents: { of: () => undefined, open: () => Promise.reject(new Error('no agent runs in this test')) },
      held: () => undefined,
    },
    inventories: store.inventories,
    audit: store.audit,
    answers: store.answers,
    webhooks: openWebhooks({
      hooks: [],
      site: 'default',
      store: store.deliveries,
      log,
      now,
      chance: () => 0,
      newId: randomUUID,
    }),
    vault: bmcs.vault,
    clusters: {
      configs: clusterConfigs({ registry, secrets: clusterVault }),
      secrets: clusterVault,
      reach: { node: () => Promise.reject(new MachineApiError('unreachable', 'no Talos runs in this test')) },
      addressesOf: async () => [],
    },
    access,
    users,
    oidc: undefined,
    tls: undefined,
    proxies: [],
    loaders: openLoaders({ dir, fallbackDirs: [], now: () => performance.now() * 1e6 }),
    loaderDir: dir,
    agentDir: join(dir, 'agent', 'x86_64'),
    images: { dir: imageDir, library, diskImages, uploads: openUploads({ dir: imageDir }), chunks: sharedChunks() },
    explain: ({ machine }) => ({
      plan: planBoot({
        agent: { kind: 'missing', because: 'there is no agent in this test' },
        machine,
        discovery: 'off',
        profile: undefined,
        profileFrom: '',
        grant: undefined,
        image: () => undefined,
      }),
      script: { situation: 'disk', because: 'nothing else is wanted' },
      text: '#!ipxe\nexit\n',
    }),
    pcapOf: async ({ id }) => Buffer.from(id),
    listeners: () => [{ name: 'api', at: '127.0.0.1' }],
    metrics: [],
    rates: () => [],
    hostNames: ['ingot.lab'],
    log,
    now,
    ...overrides,
  });
  const running = api.run(stop.signal);
  const { url } = await api.ready;

  const token = async (role: Role): Promise<string> => (await access.createToken({ name: `a-${role}`, role })).secret;
  const tokens = {
    viewer: await token('viewer'),
    operator: await token('operator'),
    approver: await token('approver'),
    admin: await token('admin'),
  };

  return {
    url,
    dir,
    clock,
    registry,
    recorder,
    access,
    users,
    /** Oldest first. */
    audit: async (): Promise<readonly AuditEntry[]> => (await store.audit.list(1000)).toReversed(),
    store,
    jobs,
    leases,
    bmcs,
    errors,
    tokens,
    /** By an admin, unless `init` says otherwise. */
    request: (path: string, init: RequestInit = {}) =>
      fetch(`${url}${path}`, {
        redirect: 'manual',
        ...init,
        headers: { authorization: `Bearer ${tokens.admin}`, ...(init.headers as Record<string, string> | undefined) },
      }),
    send(method: string, path: string, body: unknown, headers: Record<string, string> = {}) {
      return this.request(path, {
        method,
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      });
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await diskImages[Symbol.asyncDispose]();
      await library[Symbol.asyncDispose]();
      await bmcs.service[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

export type RunningApi = Awaited<ReturnType<typeof runningApi>>;
