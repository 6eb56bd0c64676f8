import cookie from '@fastify/cookie';
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerFactory,
} from 'fastify';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { hostname } from 'node:os';
import { makeProblem } from '#machines/contract/api/problem.ts';
import type { RouteName } from '#machines/contract/api/routes.ts';
import type { AccessKey } from '#services/store/contract.ts';
import type { Listen } from '../config/config.ts';
import { formatListen } from '../config/schema.ts';
import { tcpListen } from '../sockets/tcp-listen.ts';
import { type Task, task } from '../task.ts';
import type { OperatorApiParts } from './contract.ts';
import type { OperatorTls } from './tls.ts';
import type { KeyedCertificate } from '#services/pki/authority.ts';
import { cookieName, cookieRules } from './decide/host.ts';
import { isNestedDeeper } from './decide/json-nesting.ts';
import { addSecurityHeaders, enter, hostProblem, problemOfError, sendProblem } from './guard.ts';
import { accessHandlers } from './handlers/access.ts';
import { agentFileStream, agentImageHandlers } from './handlers/agent-image.ts';
import { applyHandlers } from './handlers/apply.ts';
import { bmcHandlers, consoleStream } from './handlers/bmc.ts';
import { machineSystemHandlers, systemLogStream } from './handlers/machine-system.ts';
import { certificateHandlers, certificatePageHandler } from './handlers/certificates.ts';
import { credentialHandlers } from './handlers/credentials.ts';
import { documentHandlers } from './handlers/documents.ts';
import { hardwareHandlers } from './handlers/hardware.ts';
import { imageFileStream, imageHandlers } from './handlers/images.ts';
import { loginRoutes } from './handlers/login.ts';
import { clusterHandlers } from './handlers/clusters.ts';
import { machineHandlers } from './handlers/machines.ts';
import { systemHandlers } from './handlers/system.ts';
import { approvalHandlers } from './handlers/approvals.ts';
import { jobHandlers } from './handlers/jobs.ts';
import { traceHandlers } from './handlers/traces.ts';
import { prometheusHandlers } from './handlers/prometheus.ts';
import { webhookHandlers } from './handlers/webhooks.ts';
import { userHandlers } from './handlers/users.ts';
import { keptAnswers } from './kept-answers.ts';
import { latestAttempts } from './latest-attempts.ts';
import { machinePieces } from './machine-json.ts';
import { machineRows } from './machine-rows.ts';
import { openPage, type Page } from './page.ts';
import { registerRoutes } from './register-routes.ts';
import { scopes } from './scope.ts';
import { changeStream } from './stream.ts';
import { watchHub } from './watch-hub.ts';

/** Whoever opens more keeps operators out, and not machines: files for them are left. */
const MAX_CONNECTIONS = 4096;

/**
 * REST under `/api/v1`, the status page at `/`, `/metrics` and `/healthz`, as machines/contract/api/routes.ts lists
 * them. For operators only: everything but `/healthz` needs a token or a session, and a Host that is ours.
 */
export function operatorApi(parts: OperatorApiParts & { readonly listen: Listen }): Task<{ readonly url: string }> {
  return task('operator api', async (signal, listening) => {
    const { listen, registry, recorder, access, tls, log, now } = parts;
    using stops = new DisposableStack();
    using latest = latestAttempts({ recorder, registry });
    using rows = machineRows({ registry, latest });
    const machinePiece = machinePieces();
    using hub = watchHub({ registry, recorder, jobs: parts.jobs, latest, machinePiece });
    const page = await openPage(access);
    const answered = new Map<string, number>();
    const app = fastify({
      requestTimeout: 60_000,
      forceCloseConnections: true,
      routerOptions: { maxParamLength: 255 },
      trustProxy: parts.proxies.length > 0 ? [...parts.proxies] : false,
      ...(tls ? { serverFactory: tlsServer(tls, stops) } : {}),
    });
    app.server.maxConnections = MAX_CONNECTIONS;
    await app.register(cookie);
    addSecurityHeaders(app);
    addBodyReaders(app);
    const entrance = {
      access,
      users: parts.users,
      within: scopes(parts),
      kept: keptAnswers({ store: parts.answers, vault: parts.vault, now }),
      audit: parts.audit,
      log,
      now,
      hostNames: [hostname(), ...parts.hostNames],
      door: (request: FastifyRequest, reply: FastifyReply) => page.door(request, reply),
      count: (route: RouteName, status: number) => {
        const key = `${route} ${status}`;
        answered.set(key, (answered.get(key) ?? 0) + 1);
      },
      tellRequest: parts.tellRequest,
    };
    const signOut = async (request: FastifyRequest, reply: FastifyReply, caller: AccessKey) => {
      if (caller.kind === 'session') await access.remove(caller.id);
      return reply.clearCookie(cookieName('session', request), cookieRules(request)).code(204).send();
    };
    app.get('/healthz', { exposeHeadRoute: true }, (_request, reply) => reply.type('text/plain').send('ok\n'));
    registerRoutes(
      app,
      {
        ...machineHandlers({ ...parts, latest, machinePiece, rows }),
        ...documentHandlers(parts),
        ...clusterHandlers(parts),
        ...applyHandlers(parts),
        ...imageHandlers(parts),
        ...agentImageHandlers(parts),
        ...jobHandlers(parts),
        ...approvalHandlers(parts),
        ...certificateHandlers(parts),
        ...hardwareHandlers(parts),
        ...bmcHandlers(parts, signal),
        ...credentialHandlers(parts),
        ...machineSystemHandlers(parts, signal),
        ...traceHandlers(parts),
        ...systemHandlers({
          ...parts,
          latest,
          watchers: () => hub.count(),
          startedAt: now(),
          answered: () => answered,
        }),
        ...accessHandlers(parts),
        ...webhookHandlers(parts),
        ...prometheusHandlers({ ...parts, latest }),
        ...userHandlers(parts),
      },
      {
        openConsole: consoleStream({ ...parts, signal }),
        readSystemLog: systemLogStream({ ...parts, signal }),
        getImageFile: imageFileStream(parts),
        getAgentImageFile: agentFileStream(parts),
        getCertificatePage: certificatePageHandler(parts),
        watch: changeStream({ hub, access, signal, now }),
        getPage: async (request, reply) =>
          // A session is there already: the address goes without its code.
          request.url === '/' ? await page.send(reply) : reply.redirect('/', 303),
        getPageFile: async (request, reply) => sendPageFile(page, request, reply),
        endSession: signOut,
        logout: signOut,
      },
      { ...loginRoutes(parts) },
      entrance,
    );
    app.setNotFoundHandler(async (request, reply) => {
      const wrongHost = hostProblem(request, entrance.hostNames);
      if (wrongHost) return sendProblem(reply, wrongHost);
      const forPeople = isPageAddress(request);
      const entry = await enter(request, { method: 'GET', role: 'viewer' }, parts);
      if (entry.kind === 'out') return forPeople ? page.door(request, reply) : sendProblem(reply, entry.problem);
      if (forPeople) return page.send(reply);
      return sendProblem(
        reply,
        makeProblem('not-found', {
          detail: `there is no ${request.method} ${request.url.slice(0, 255)}`,
          next: 'see /api/v1/openapi.json',
        }),
      );
    });
    app.setErrorHandler((error, request, reply) => {
      const problem = problemOfError(error);
      if (problem) return sendProblem(reply, problem);
      log.error({ err: error, method: request.method, url: request.url.split('?')[0] }, 'a request failed');
      return sendProblem(reply, makeProblem('internal', { next: 'see the log of the daemon' }));
    });
    await app.listen(tcpListen(listen));
    const bound = app.server.address();
    const port = typeof bound === 'object' && bound ? bound.port : listen.port;
    listening({ url: `${tls ? 'https' : 'http'}://${formatListen({ address: listen.address, port })}` });
    const watching = tls?.watch(signal);
    await latest.load(signal);
    if (!signal.aborted) await once(signal, 'abort');
    await watching;
    await app.close();
  });
}

/** Every connection gets the certificate of its moment; one that is open stays as it is. */
function tlsServer(tls: OperatorTls, stops: DisposableStack): FastifyServerFactory {
  const optionsOf = ({ certificate, key }: KeyedCertificate) =>
    ({ cert: certificate, key, minVersion: 'TLSv1.2' }) as const;
  return (handler) => {
    const server = createServer(
      // Whose a certificate is says its user; who signed it says nothing to us.
      { ...optionsOf(tls.current()), requestCert: tls.asksClients, rejectUnauthorized: false },
      (request, response) => handler(request, response),
    );
    stops.defer(tls.onChange((now) => server.setSecureContext(optionsOf(now))));
    return server;
  };
}

/** Addresses within the page, such as `/machines/r1-u12`, are its own business: all of them are the page. */
const isPageAddress = ({ method, url, headers }: FastifyRequest): boolean =>
  method === 'GET' && !/^\/(api|page)\//.test(url) && /\btext\/html\b/.test(headers.accept ?? '');

/** Names hold the digest of what is in them, so that a browser may keep them for good. */
async function sendPageFile(page: Page, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { file: name } = request.params as { readonly file: string };
  const file = page.file(name);
  if (!file) return sendProblem(reply, makeProblem('not-found', { detail: `there is no file ${name}` }));
  const zipped = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '') ? await file.zipped() : undefined;
  if (zipped) reply.header('content-encoding', 'gzip');
  return reply
    .headers({ 'cache-control': 'private, max-age=31536000, immutable', vary: 'accept-encoding' })
    .type(file.contentType)
    .send(Buffer.from(zipped ?? file.bytes));
}

/** JSON, and bytes as they are; everything else is refused. */
function addBodyReaders(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser(['text/plain', 'application/json']);
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'string' },
    (request, body, done) => {
      const text = String(body);
      if (isNestedDeeper(text, MAX_NESTING)) return done(new TooDeep());
      return parse(request, text, done);
    },
  );
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  );
}

/** No document of ours has a tenth of it, and what walks through values goes down by calls. */
const MAX_NESTING = 200;

class TooDeep extends Error {
  readonly statusCode = 400;
  constructor() {
    super(`the body is nested more than ${MAX_NESTING} deep`);
  }
}
