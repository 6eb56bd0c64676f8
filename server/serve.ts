import { randomBytes, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { hostname, networkInterfaces, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERSION } from '#machines/contract/version.ts';
import { mayDo } from '#machines/decide/actions.ts';
import type { Logger } from 'pino';
import { type IpAddress, parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { CODE_MS, openAccess } from '#services/auth/access.ts';
import { operatorToken } from '#services/auth/operator-token.ts';
import { openOidc } from '#services/auth/oidc.ts';
import { openPasswords } from '#services/auth/password.ts';
import { openUsers } from '#services/auth/users.ts';
import { certificateSigner } from '#services/certificates/signer.ts';
import { agentApi } from '#services/agents/agent-api.ts';
import { openBootTokens } from '#services/boot-tokens/boot-tokens.ts';
import { agentImageDir, openAgentImages } from '#services/images/agent-image.ts';
import { imageCleaner } from '#services/images/clean-images.ts';
import { openDiskImages } from '#services/images/disk-images.ts';
import { systemClock } from '#services/bmc/clock.ts';
import { openImages } from '#services/images/image-library.ts';
import { ownFiles } from '#services/images/own-files.ts';
import { openLoaders } from '#services/images/loaders.ts';
import { openOciLayouts } from '#services/images/oci-layouts.ts';
import { sharedChunks } from '#services/images/shared-chunks.ts';
import { openUploads } from '#services/images/uploads.ts';
import { liveAgents } from '#services/agents/live-agents.ts';
import { openJobs } from '#services/jobs/open-jobs.ts';
import { openApprovals } from '#services/jobs/approvals.ts';
import { openPlans } from '#services/jobs/plans.ts';
import { loadMachineApi } from '#services/machine-api/definition.ts';
import { clusterConfigs } from '#services/talos/configs.ts';
import { clusterSecrets } from '#services/talos/cluster-secrets.ts';
import { openMetadata } from '#services/metadata/open-metadata.ts';
import { openAuthority } from '#services/pki/authority.ts';
import { operatorCertificate } from '#services/pki/operator-certificate.ts';
import { openRegistry } from '#services/registry/registry.ts';
import type { AuditEntry } from '#services/store/contract.ts';
import { openStore } from '#services/store/open-store.ts';
import { otlpExporter } from '#services/telemetry/exporter.ts';
import { type AnsweredRequest, requestSpan } from '#services/telemetry/request-trace.ts';
import { openVault, type Vault } from '#services/vault/vault.ts';
import { readSecret } from '#services/webhooks/secret.ts';
import { openWebhooks } from '#services/webhooks/webhooks.ts';
import type { Templates } from '#services/templates/templates.ts';
import { openRecorder } from '#services/trace/recorder.ts';
import { encodePcap } from '#services/trace/wire/pcap.ts';
import { operatorApi } from './api/operator-api.ts';
import { openOperatorTls, type OperatorTls, shownFingerprint } from './api/tls.ts';
import { imageCleaning } from './image-cleaning.ts';
import { imageRefresh } from './image-refresh.ts';
import { ociRegistry } from './oci/registry.ts';
import { agentPower } from './bmc/agent-power.ts';
import { bmcMetrics } from './bmc/bmc-metrics.ts';
import { openBmcService } from './bmc/bmc-service.ts';
import { consoleRecording } from './bmc/console-recording.ts';
import { ACCOUNTS, DRIVERS, PROBES } from './bmc/drivers.ts';
import { heldByJobs } from './bmc/held-by-jobs.ts';
import { isOffBy, jobPower } from './bmc/job-power.ts';
import { bootPlanner } from './boot/boot-planner.ts';
import { type AddressLookup, networkLookup } from './boot/network-lookup.ts';
import type { Config } from './config/config.ts';
import type { ConfigResult } from './config/parse-config.ts';
import { formatListen } from './config/schema.ts';
import { dhcp4Server } from './dhcp4/server.ts';
import { agentDelivery } from './http/agent-delivery.ts';
import { bootFiles, loaderFiles } from './http/boot-files.ts';
import { bootPlane } from './http/boot-plane.ts';
import { bootScripts } from './http/boot-scripts.ts';
import { configTokens } from './http/config-tokens.ts';
import { jsonLinesServer } from './logs/json-lines-server.ts';
import { syslogServer } from './logs/syslog-server.ts';
import { agentPlane } from './machine/agent-plane.ts';
import { holdingOf } from './machine/holding.ts';
import { machinePlane } from './machine/machine-plane.ts';
import { gauge } from './api/metrics.ts';
import { requestCounts } from './http/request-counts.ts';
import { dhcp4Metrics, tftpCounters, webhookMetrics } from './metrics.ts';
import { rateTask } from './rate-task.ts';
import { telemetryTask } from './telemetry-task.ts';
import { webhookTask } from './webhook-task.ts';
import { besideImageOf } from './jobs/beside-image.ts';
import { agentBoots, installersOf } from './jobs/boots.ts';
import { erasureKeeper } from './jobs/erasure.ts';
import { planMaker, type PlanQuestion } from './jobs/plan-for.ts';
import { recipes } from './jobs/recipe.ts';
import { erasedMembers } from './jobs/talos/erased-members.ts';
import { machineAddresses } from './jobs/talos/addresses.ts';
import { talosReach } from './jobs/talos/reach.ts';
import { upkeepPlanner } from './jobs/talos/upkeep-plan.ts';
import { configReloader, type Reloads } from './reload.ts';
import { replaceable } from './replaceable.ts';
import { type Banner, bannerText, readyLine } from './serve-banner.ts';
import { type Inheritance, NOTHING_INHERITED } from './sockets/inherited-sockets.ts';
import { monotonicUs, type Supervisor } from './sockets/supervisor.ts';
import { supervision } from './supervision.ts';
import { clockWatch, systemClocks } from './clock-watch.ts';
import { runTogether, type Task } from './task.ts';
import { traceEventOf } from './tftp/trace-event.ts';
import { diskFiles } from './tftp/disk-files.ts';
import { tftpServer } from './tftp/server.ts';
import { distrust, voidAll } from './void-all.ts';

export const TEMPLATES_DIR = fileURLToPath(new URL('../templates', import.meta.url));

/**
 * The composition root: what the daemon is made of, from the store inward to the sockets. Runs until the signal aborts;
 * then everything is closed in the opposite order.
 */
export async function serve(parts: {
  readonly config: Config;
  readonly templates: Templates;
  readonly log: Logger;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
  /** Sockets that a supervisor opened for us. */
  readonly inherited?: Inheritance;
  readonly supervisor?: Supervisor;
  /** How the configuration is read anew, and who says when. */
  readonly reloading?: { readonly load: () => Promise<ConfigResult>; readonly reloads: Reloads };
}): Promise<void> {
  const { config, templates, log, say, signal, inherited = NOTHING_INHERITED, supervisor } = parts;
  const now = Date.now;

  await using store = await openStore(config);
  await using registry = await openRegistry({ store, site: config.site, configSubnets: config.subnets, now, log });
  await using recorder = await openRecorder({
    store: store.traces,
    leases: store.leases,
    registry,
    clock: { now },
    random: randomBytes,
    log,
    limits: { keepMs: config.traces.keepDays * 86_400_000, keepAttempts: config.traces.keepAttempts },
    times: config.traces.times,
  });
  const access = openAccess({ store: store.access, users: store.users, now });
  const users = openUsers({ store: store.users, access, passwords: openPasswords(), now });
  const loaders = openLoaders({ dir: config.loaders.dir });
  const imageDir = join(config.dataDir, 'images');
  const credentialsDir = process.env['CREDENTIALS_DIRECTORY'];
  const secret = [config.file, config.api.tls?.files?.key, credentialsDir].filter((path) => path !== undefined);
  await using images = openImages({
    registry,
    dir: imageDir,
    log,
    mirrors: config.images.mirrors,
    isOwn: ownFiles({ dataDir: config.dataDir, secret }),
  });
  await using diskImages = openDiskImages({
    asset: (image) => images.asset(image, 'disk', 0),
    dir: join(imageDir, 'disks'),
    log,
  });
  const agents = liveAgents({ now });
  const agentImages = openAgentImages({ dataDir: config.dataDir, now });
  const vault = await openVault({
    secrets: store.secrets,
    dataDir: config.dataDir,
    credentialsDir,
    random: randomBytes,
  });
  const provider = config.api.oidc;
  const oidc =
    provider && openOidc({ settings: { ...provider, clientSecret: await clientSecretOf(provider) }, users, now });
  const tls = config.api.tls && (await openApiTls(config.api, { vault, now, log }));
  if (!tls && !isLoopback(config.api.listen.address) && config.api.proxies.length === 0) {
    log.warn(
      { listen: formatListen(config.api.listen) },
      'passwords and tokens go over the API in the clear: want api.tls',
    );
  }
  // So that the command line of this machine knows it, too.
  if (tls) await writeFile(join(config.dataDir, 'api.pin'), `${tls.known().pin}\n`);
  const authority = await openAuthority({ vault, now });
  const signer = certificateSigner(vault);
  const tokens = await openBootTokens({
    vault,
    random: randomBytes,
    now,
    failed: (err) => log.error({ err }, 'a sign of life of an agent could not be stored'),
  });

  const clusterKeys = clusterSecrets({ vault, random: randomBytes, now });
  const clusterConfig = clusterConfigs({ registry, secrets: clusterKeys });
  const planner = bootPlanner({
    registry,
    agentImage: (architecture) => agentImages.of(architecture).state(),
    jobsOf: (name) => jobs.unfinishedOf(name),
    now,
  });
  const ports = {
    boot: config.boot.listen.port,
    tftp: config.tftp.listen.port,
    machine: config.machine.listen.port,
    agents: config.machine.tls.port,
  };
  const receivers = {
    ...(config.syslog.listen ? { syslog: formatListen(config.syslog.listen) } : {}),
    ...(config.jsonLines.listen ? { json: formatListen(config.jsonLines.listen) } : {}),
  };
  let network = networkLookup(config);
  const networkOf: AddressLookup = (client) => network(client);
  const chunks = sharedChunks();
  const plane = {
    registry,
    planner,
    recorder,
    loaders,
    images,
    templates,
    networkOf,
    receivers,
    agent: agentDelivery({
      images: agentImages,
      tokens,
      recorder,
      pin: authority.pin,
      plane: () => ({ address: config.machine.tls.address, port: ports.agents }),
    }),
    configTokens: configTokens({
      tokens,
      recorder,
      plane: () => ({ address: config.machine.listen.address, port: ports.machine }),
    }),
    chunks,
    log,
    now,
  };
  const scripts = bootScripts(plane);
  const bootCounts = requestCounts('boot_http', 'Requests to the boot plane');
  const machineCounts = requestCounts('machine_plane', 'Requests to the machine plane');
  const agentCounts = requestCounts('agent_plane', 'Calls of agents');
  const tftpCounts = tftpCounters();

  const boot = bootPlane({
    ...plane,
    scripts,
    counts: bootCounts,
    listen: { ...config.boot.listen, ...inherited.tcp.boot },
  });
  const tftp = tftpServer({
    listen: [config.tftp.listen],
    inherited: inherited.tftp,
    singlePort: config.tftp.singlePort,
    files: bootFiles({
      scripts,
      registry,
      recorder,
      log,
      bootPort: () => ports.boot,
      files: diskFiles({ root: config.tftp.root, served: loaderFiles(loaders) }),
    }),
    events(event) {
      tftpCounts.count(event);
      const traced = traceEventOf(event);
      if (traced) recorder.record({ address: traced.address, ...(traced.mac ? { mac: traced.mac } : {}) }, traced.body);
      else log.debug({ event }, 'tftp');
    },
    datagrams: ({ peer, mac, ...packet }) =>
      recorder.packet({ address: peer.address, ...(mac ? { mac } : {}) }, packet),
  });
  const dhcpTurns = replaceable(
    (settings: Config) =>
      dhcp4Server({
        config: settings,
        leases: store.leases,
        registry,
        recorder,
        planner,
        loaders,
        bootPort: () => ports.boot,
        tftpPort: () => ports.tftp,
        inherited: inherited.dhcp,
        log,
        now,
      }),
    config,
  );
  const dhcp = dhcpTurns.current;
  const logParts = { recorder, clock: { now }, log };
  const logs: readonly Task[] = [
    ...(config.syslog.listen ? [syslogServer({ ...logParts, listen: config.syslog.listen })] : []),
    ...(config.jsonLines.listen ? [jsonLinesServer({ ...logParts, listen: config.jsonLines.listen })] : []),
  ];
  const audit = (entry: Omit<AuditEntry, 'at'>): void =>
    void store.audit
      .append({ at: now(), ...entry })
      .catch((err: unknown) => log.error({ err }, 'no audit entry was kept'));
  const holding = holdingOf({ networkOf, leases: () => dhcp().leases(), recorder, now });
  const machine = machinePlane({
    counts: machineCounts,
    listen: { ...config.machine.listen, ...inherited.tcp.machine },
    recorder,
    metadata: {
      tokens,
      metadata: openMetadata({ registry, templates, talos: clusterConfig }),
      registry,
      holding,
      planOf: (of, attempt, address) => planner({ machine: of, attempt, discovery: networkOf(address).discovery }),
      jobsOf: (name) => jobs.unfinishedOf(name),
      audit: (entry) => store.audit.append({ at: now(), ...entry }),
      log,
      now,
    },
  });
  const oci: readonly Task[] = config.registry.listen
    ? [ociRegistry({ listen: config.registry.listen, layouts: openOciLayouts(config.registry.dir), chunks, log })]
    : [];
  const everyMs = config.images.refreshHours * 3_600_000;
  const refresh: readonly Task[] = everyMs > 0 ? [imageRefresh({ images, everyMs, log })] : [];
  const { cleanHours, cleanAboveGib } = config.images;
  const machineApi = loadMachineApi();
  const openAgent = agentApi({ authority, definition: machineApi, now });
  const addressesOf = machineAddresses({
    registry,
    recorder,
    leasesOf: (mac) => [...dhcp().leases()].flatMap((lease) => (lease.mac === mac ? lease.address : [])),
  });
  const reach = talosReach({ definition: machineApi, secrets: clusterKeys, addressesOf, now });
  const system = {
    power: agentPower({ agents, open: openAgent }),
    agents: { of: (name: string) => agents.of(name), open: openAgent },
    held: (name: string) => heldByJobs(jobs, name, agents.of(name) !== undefined),
  };
  await using bmc = await openBmcService({
    store,
    vault,
    registry,
    drivers: DRIVERS,
    probes: PROBES,
    accounts: ACCOUNTS,
    audit,
    busy: (name) => jobs.unfinishedOf(name).length > 0,
    clock: systemClock,
    chance: Math.random,
    random: randomBytes,
    newId: randomUUID,
    held: system.held,
    machineApi: system.power,
    log,
  });
  const consoleLog = consoleRecording({
    recorder,
    registry,
    consoles: bmc.consoles,
    bmcOf: (name) => bmc.power.bmcOf(name),
    clock: systemClock,
    log,
  });
  const jobs = await openJobs({
    store: store.jobs,
    recipe: recipes({
      agents: { ...agents, open: openAgent },
      boots: agentBoots(registry),
      installers: installersOf({ registry, recorder, tokens }),
      power: jobPower(bmc),
      mayWrite(name) {
        const machine = registry.machine(name);
        if (machine) return mayDo('write-disks', machine);
        return { kind: 'refused', because: `there is no machine ${name} any more`, next: 'ingot get machine' };
      },
      keepInventory: (name, inventory) => store.inventories.put(name, inventory),
      diskImages,
      erased: erasureKeeper({ signer, site: config.site, now, newId: randomUUID }),
      imagePath: (_image, sha256) => `/agent/images/${sha256}`,
      besideImage: besideImageOf(registry),
      talos: {
        reach,
        configs: clusterConfig,
        secrets: clusterKeys,
        registry,
        jobs: () => jobs,
        isOff: isOffBy(bmc),
      },
      now,
      startedAt: now(),
    }),
    rackOf: (name) => {
      const { site, rack = '' } = registry.machine(name)?.document.location ?? { site: config.site };
      return `${site}/${rack}`;
    },
    now,
    newId: randomUUID,
    log,
  });
  jobs.watch(
    erasedMembers({
      registry,
      secrets: clusterKeys,
      failed: (err, name) => log.error({ err, machine: name }, 'that a member of a cluster is erased was not kept'),
    }),
  );
  const plans = openPlans<PlanQuestion>({ now, newId: randomUUID });
  const approvals = openApprovals({ store: store.approvals, now, newId: randomUUID });
  const cleaning: readonly Task[] =
    cleanHours > 0
      ? [
          imageCleaning({
            dir: imageDir,
            clean: imageCleaner({ dir: imageDir, registry, jobs, now }),
            everyMs: cleanHours * 3_600_000,
            aboveBytes: cleanAboveGib * 2 ** 30,
            audit: (entry) => store.audit.append({ at: now(), ...entry }),
            log,
          }),
        ]
      : [];
  const voidable = { jobs, registry, tokens, plans, approvals, audit: store.audit, now, log };
  const doubt = await distrust({ dataDir: config.dataDir, audit: store.audit, now });
  if (doubt) {
    await voidAll(doubt.restored ? { ...voidable, access } : voidable, doubt.because);
    await doubt.settle();
  }
  const clocks = clockWatch({ read: systemClocks, jumped: (because) => voidAll(voidable, because), log });
  const operator = await operatorToken({
    access,
    dataDir: config.dataDir,
    sharedBy: config.store.kind === 'sqlite' ? undefined : `${hostname()} ${config.dataDir}`,
  });
  const agentCalls = agentPlane({
    counts: agentCounts,
    listen: { ...config.machine.tls, ...inherited.tcp.agents },
    tokens,
    authority,
    registry,
    agents,
    recorder,
    holding,
    keepInventory: (name, inventory) => store.inventories.put(name, inventory),
    nextBoot: (of, address) => planner({ machine: of, attempt: undefined, discovery: networkOf(address).discovery }),
    jobsOf: (name) => jobs.unfinishedOf(name),
    async imageOf(name, sha256) {
      const plan = jobs.unfinishedOf(name).find((job) => job.plan?.imageSha256 === sha256)?.plan;
      const state = plan?.image === undefined ? undefined : await diskImages.get(plan.image);
      return state?.kind === 'ready' && state.image.sha256 === sha256 ? state.image.blob : undefined;
    },
    audit,
    chunks,
    log,
    now,
  });
  const hooks = await Promise.all(
    config.webhooks.map(async (hook) => ({ ...hook, secret: await readSecret(hook.secret, process.env) })),
  );
  const webhooks = openWebhooks({
    hooks,
    site: config.site,
    store: store.deliveries,
    log,
    now,
    chance: Math.random,
    newId: randomUUID,
  });
  const exporter =
    config.otlp.url === undefined
      ? undefined
      : otlpExporter({
          url: config.otlp.url,
          resource: { 'service.name': 'ingot', 'service.version': VERSION, 'host.name': hostname() },
          version: VERSION,
          log,
          sleep: (ms, until) => systemClock.sleep(ms, until),
        });
  const telemetry: readonly Task[] = exporter ? [telemetryTask({ recorder, jobs, exporter, log })] : [];
  const told = webhookTask({ webhooks, registry, recorder, jobs });
  const metrics = [
    () => dhcp4Metrics(dhcp().counters()),
    tftpCounts.metrics,
    () => bmcMetrics(bmc),
    () => webhookMetrics(webhooks),
    () => bootCounts.metrics(),
    () => machineCounts.metrics(),
    () => agentCounts.metrics(),
    () => [gauge('ingot_agents', 'Agents that were heard of lately.', agents.count())],
  ];
  const rates = rateTask({ metrics, now });
  const api = operatorApi({
    listen: { ...config.api.listen, ...inherited.tcp.api },
    version: VERSION,
    site: config.site,
    registry,
    recorder,
    leases: {
      all: () => Promise.resolve(dhcp().leases()),
      forget: async (_site, address) => {
        const ipv4 = parseIpv4(address);
        return ipv4.ok ? await dhcp().forget(ipv4.value) : false;
      },
    },
    jobs,
    bmc,
    system,
    inventories: store.inventories,
    plans,
    approvals,
    secondApprover: config.jobs.secondApprover,
    planFor: planMaker({
      registry,
      inventories: store.inventories,
      diskImages,
      besideImage: besideImageOf(registry),
      configs: clusterConfig,
      upkeep: upkeepPlanner({ reach, now }),
      now,
    }),
    audit: store.audit,
    clusters: { configs: clusterConfig, secrets: clusterKeys, reach, addressesOf },
    answers: store.answers,
    vault,
    webhooks,
    access,
    users,
    oidc,
    proxies: config.api.proxies,
    tls,
    loaders,
    loaderDir: config.loaders.dir,
    agentDir: agentImageDir(config.dataDir),
    signer,
    images: { dir: imageDir, library: images, diskImages, uploads: openUploads({ dir: imageDir }), chunks },
    explain({ machine: asked, mac, address, reader }) {
      const peer: IpAddress = address ?? asked?.document.address ?? sure(parseIpv4('127.0.0.1'));
      const reached = reachedUrl(settings.config(), ports.boot);
      const { plan, script, text } = scripts.preview(asked, mac, { peer, reachedUrl: reached }, reader);
      return { plan, script, text };
    },
    pcapOf: async ({ id }) => encodePcap(await recorder.packets(id)),
    listeners: () => listening,
    ...(exporter && {
      tellRequest: (request: AnsweredRequest) =>
        exporter.add([requestSpan(request, (digits) => randomBytes(digits / 2).toString('hex'))]),
    }),
    metrics,
    rates: rates.readings,
    hostNames: config.api.hostNames,
    log,
    now,
  });

  let listening: readonly { readonly name: string; readonly at: string }[] = [];
  async function announce(): Promise<void> {
    const [bootUrl, tftpAt, dhcpAt, machineUrl, agentsAt, apiUrl] = await Promise.all([
      boot.ready,
      tftp.ready,
      dhcpTurns.task.ready,
      machine.ready,
      agentCalls.ready,
      api.ready,
    ]);
    ports.boot = Number(new URL(bootUrl.url).port || 80);
    ports.tftp = tftpAt[0]?.port ?? ports.tftp;
    ports.machine = Number(new URL(machineUrl.url).port || 80);
    ports.agents = agentsAt.port;
    const { secret } = await access.createCode(operator.key);
    const banner: Banner = {
      version: VERSION,
      config,
      api: apiUrl.url,
      boot: bootUrl.url,
      machine: machineUrl.url,
      tftp: tftpAt.map(formatListen).join(','),
      dhcp: [...dhcpAt.relay, ...dhcpAt.bootServer].map(formatListen),
      restraint: (name) => dhcp().restraint(name),
      ...(tls ? { fingerprint: shownFingerprint(tls.known().fingerprint) } : {}),
      code: secret,
      codeMinutes: CODE_MS / 60_000,
      user: userInfo().username,
      hostname: hostname(),
    };
    listening = [
      ...(['api', 'boot', 'machine', 'tftp'] as const).map((name) => ({ name, at: banner[name] })),
      { name: 'agents', at: agentsAt.url },
    ];
    say(bannerText(banner));
    say(readyLine(banner));
    supervisor?.notify({ READY: 1, STATUS: `serves ${banner.boot}, its API is ${banner.api}` });
  }

  const settings = configReloader({
    running: config,
    load: parts.reloading?.load ?? (async () => ({ ok: false, issues: ['there is nothing to read it from'] })),
    apply: [
      (next) => registry.configure(next.subnets),
      (next) => dhcpTurns.replace(next),
      (next) => void (network = networkLookup(next)),
      (next) => void (log.level = next.log.level),
    ],
    log,
  });

  const announced = announce();
  parts.reloading?.reloads.handle(async () => {
    await announced;
    supervisor?.notify({ RELOADING: 1, MONOTONIC_USEC: String(monotonicUs()) });
    await settings.reload();
    await tls?.reload();
    supervisor?.notify({ READY: 1 });
  });
  // A part that does not come up ends all of them, and that error is the one to tell.
  announced.catch(() => {});
  await runTogether(signal, [
    recorder,
    boot,
    tftp,
    dhcpTurns.task,
    machine,
    agentCalls,
    ...logs,
    ...oci,
    ...refresh,
    ...cleaning,
    clocks,
    jobs,
    bmc.poller,
    consoleLog,
    bmc.rotations,
    told,
    rates.task,
    ...telemetry,
    api,
    ...(supervisor ? [supervision(supervisor)] : []),
  ]);
}

const isLoopback = (address: IpAddress): boolean => address === '::1' || address.startsWith('127.');

async function clientSecretOf({ clientSecret }: NonNullable<Config['api']['oidc']>): Promise<string | undefined> {
  if (clientSecret === undefined) return undefined;
  return await readSecret(clientSecret, process.env).catch((cause: unknown) => {
    throw new Error('api.oidc.clientSecret cannot be used', { cause });
  });
}

/** TLS of the operator plane: the files that are named, or a certificate of the daemon's own for the names it goes by. */
function openApiTls(
  { tls, listen, hostNames }: Config['api'],
  { vault, now, log }: { readonly vault: Vault; readonly now: () => number; readonly log: Logger },
): Promise<OperatorTls> {
  const isAny = listen.address === '0.0.0.0' || listen.address === '::';
  const names = ['localhost', '127.0.0.1', '::1', hostname(), ...hostNames, ...(isAny ? [] : [listen.address])];
  return openOperatorTls({
    files: tls?.files,
    own: () => operatorCertificate({ vault, now, names }),
    asksClients: tls?.clients ?? false,
    log,
  });
}

/** Where the boot plane is reached, for a question that came from no client: on the first interface that is served. */
function reachedUrl({ boot, interfaces }: Config, port: number): string {
  if (boot.advertise !== undefined) return boot.advertise;
  const isAny = boot.listen.address === '0.0.0.0' || boot.listen.address === '::';
  const served = interfaces.flatMap(({ name }) => networkInterfaces()[name] ?? []);
  const own = parseIpv4((isAny && served.find(({ family }) => family === 'IPv4')?.address) || '');
  return `http://${formatListen({ address: own.ok ? own.value : boot.listen.address, port })}`;
}
