import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { sure } from '#machines/values/parsed.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { parseUuid } from '#machines/values/uuid.ts';
import { makeBmcCertificate } from '#machines/rack/bmc/certificate.ts';
import type { BmcFault } from '#machines/rack/bmc/faults.ts';
import { type BmcHardware, rackHardware } from '#machines/rack/bmc/hardware.ts';
import { type PowerBackend, simulatedPower } from '#machines/rack/bmc/power-backend.ts';
import { BMC_PROFILES, type BmcProfile, type BmcProfileName, type BmcQuirk } from '#machines/rack/bmc/quirks.ts';
import { type Bmc, bmcTls, startBmc } from '#machines/rack/bmc/start-bmc.ts';
import type { BmcCredential, BmcDriver, BmcObserver, BmcTarget } from '#services/bmc/contract.ts';
import { REDFISH_LIMITS, type RedfishLimits } from '#services/bmc/redfish/limits.ts';
import { openRedfish } from '#services/bmc/redfish/open-redfish.ts';

export const CREDENTIAL = { username: 'ingot', password: 'right-Password1' } as const satisfies BmcCredential;

/** Waits are short here, so that what never comes is given up soon; none decides whether a test passes. */
export const TEST_LIMITS: RedfishLimits = {
  ...REDFISH_LIMITS,
  logoutMs: 500,
  taskPollMs: 20,
  taskMs: 5000,
  readBackMs: 20,
};

export const HARDWARE: BmcHardware = rackHardware({
  name: 'node1',
  mac: sure(parseMacAddress('52:54:00:00:00:01')),
  uuid: sure(parseUuid('12345678-1234-5678-9abc-def012345678')),
  serial: 'SN0001',
  manufacturer: 'Simulated',
  product: 'Server 1',
  firmware: 'uefi',
  faults: [],
});

// Made once for all tests of a file: a certificate takes longer than a test.
const tls = makeBmcCertificate().then(bmcTls);

export type SimulatedBmc = AsyncDisposable & {
  readonly bmc: Bmc;
  readonly backend: PowerBackend;
  readonly target: BmcTarget;
  /** What each boot attempt was told. */
  readonly boots: readonly string[];
  open(observer?: BmcObserver, target?: Partial<BmcTarget>, limits?: Partial<RedfishLimits>): Promise<BmcDriver>;
};

/** A BMC of the rack on a loopback port, and a machine that boots at once. */
export async function simulatedBmc(
  options: {
    readonly profile?: BmcProfileName;
    readonly change?: Partial<BmcProfile>;
    readonly quirks?: readonly BmcQuirk[];
    readonly faults?: readonly BmcFault[];
    readonly hardware?: BmcHardware;
    /** How long the power takes, milliseconds. */
    readonly powerMs?: number;
    /** What decides which datagrams are lost. */
    readonly random?: () => number;
  } = {},
): Promise<SimulatedBmc> {
  const { powerMs = 0, random } = options;
  const stop = new AbortController();
  const boots: string[] = [];
  const backend = simulatedPower({
    boot: async ({ takeBoot, stage }) => {
      boots.push(takeBoot().device);
      stage('running');
      return 'stays-on';
    },
    shutdownMs: 0,
    onError: (error) => {
      throw error;
    },
  });
  const bmc = await startBmc({
    identity: options.hardware ?? HARDWARE,
    backend,
    ...(random ? { random } : {}),
    address: '127.0.0.1',
    ports: { redfish: 0, ipmi: 0 },
    profile: { ...BMC_PROFILES[options.profile ?? 'plain'], ...options.change },
    ...(options.quirks ? { quirks: options.quirks } : {}),
    ...(options.faults ? { faults: options.faults } : {}),
    credentials: [{ ...CREDENTIAL, role: 'Administrator' }],
    tls: await tls,
    times: { onMs: powerMs, offMs: powerMs, restMs: 0, restartMs: 100 },
    signal: stop.signal,
  });
  const target: BmcTarget = { type: 'redfish', address: bmc.url, credential: CREDENTIAL };
  return {
    bmc,
    backend,
    target,
    boots,
    open: (observer, change, limits) =>
      openRedfish({ ...target, ...change }, observer, { limits: { ...TEST_LIMITS, ...limits } }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await bmc[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

export type ScriptedRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
};
export type ScriptedAnswer =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** An object is written as JSON, text as it is. */
      readonly body?: unknown;
    }
  /** Takes the socket: hangs, cuts, says nonsense. */
  | ((response: ServerResponse) => void);

export type ScriptedService = AsyncDisposable & {
  readonly address: string;
  readonly target: BmcTarget;
  readonly sha256: string;
  /** All requests so far, in their order. */
  readonly requests: readonly ScriptedRequest[];
  /** `GET /redfish/v1/` */
  readonly lines: () => readonly string[];
};

/** A Redfish service by hand: `answer` says what each request gets; nothing means 404. */
export async function scripted(
  answer: (request: ScriptedRequest) => ScriptedAnswer | undefined,
  tlsOptions: TlsOptions = {},
): Promise<ScriptedService> {
  const certificate = await makeBmcCertificate();
  const requests: ScriptedRequest[] = [];
  const server = createServer({ ...certificate, ...tlsOptions }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const { method = '', url: path = '', headers } = request;
      const one = { method, path, headers, body: text === '' ? undefined : JSON.parse(text) };
      requests.push(one);
      const given = answer(one) ?? { status: 404 };
      if (typeof given === 'function') {
        given(response);
        return;
      }
      const { status = 200, headers: extra = {}, body } = given;
      response.writeHead(status, { 'Content-Type': 'application/json', ...extra });
      response.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const address = `https://127.0.0.1:${port}`;
  return {
    address,
    target: { type: 'redfish', address, credential: CREDENTIAL },
    sha256: createHash('sha256').update(new X509Certificate(certificate.cert).raw).digest('hex'),
    requests,
    lines: () => requests.map(({ method, path }) => `${method} ${path}`),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The least that a service with one system must say, with sessions; `more` replaces or adds by path. */
export function plainTree(more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    '/redfish/v1/': {
      Vendor: 'Scripted',
      Systems: { '@odata.id': '/redfish/v1/Systems' },
      Links: { Sessions: { '@odata.id': '/redfish/v1/SessionService/Sessions' } },
    },
    '/redfish/v1/Systems': { Members: [{ '@odata.id': '/redfish/v1/Systems/1' }] },
    '/redfish/v1/Systems/1': {
      '@odata.id': '/redfish/v1/Systems/1',
      Id: '1',
      PowerState: 'Off',
      Boot: {
        BootSourceOverrideTarget: 'None',
        BootSourceOverrideEnabled: 'Disabled',
        BootSourceOverrideMode: 'UEFI',
      },
      Actions: { '#ComputerSystem.Reset': { target: '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset' } },
    },
    ...more,
  };
}

export const SESSIONS = '/redfish/v1/SessionService/Sessions';

/** Logs anybody in, and answers reads from the tree. */
export function fromTree(
  tree: Readonly<Record<string, unknown>>,
  first: (request: ScriptedRequest) => ScriptedAnswer | undefined = () => undefined,
): (request: ScriptedRequest) => ScriptedAnswer | undefined {
  return (request) => {
    const own = first(request);
    if (own) return own;
    if (request.method === 'POST' && request.path === SESSIONS) {
      return { status: 201, headers: { 'X-Auth-Token': 'token', Location: `${SESSIONS}/1` } };
    }
    if (request.method === 'DELETE') return { status: 204 };
    const body = request.method === 'GET' ? tree[request.path] : undefined;
    return body === undefined ? undefined : { body };
  };
}

/** A deadline that no working test reaches. */
export const soon = (): AbortSignal => AbortSignal.timeout(15_000);
