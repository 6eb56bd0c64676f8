import { TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { makeProblem, type Problem, PROBLEM_TYPE } from '#machines/contract/api/problem.ts';
import { type Role, roleAllows } from '#machines/contract/api/role.ts';
import type { Route } from '#machines/contract/api/route.ts';
import { type Access, certificateId } from '#services/auth/access.ts';
import type { Users } from '#services/auth/users.ts';
import type { AccessKey } from '#services/store/contract.ts';
import { cookieName, isOurHost, isOwnOrigin } from './decide/host.ts';

/** On every answer. Nothing of ours is framed, sniffed, cached or loaded from elsewhere. */
export const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

/** What a request was let in as, or why not. */
export type Entry =
  | { readonly kind: 'in'; readonly caller: AccessKey }
  | { readonly kind: 'out'; readonly problem: Problem };

const bearerOf = (authorization: string | undefined): string | undefined =>
  /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];

/** Whether the daemon is called by a name of its own; everything but `/healthz` asks. */
export function hostProblem(request: FastifyRequest, names: readonly string[]): Problem | undefined {
  if (isOurHost(request.headers.host, names)) return undefined;
  return makeProblem('wrong-host', {
    detail: `got Host ${JSON.stringify((request.headers.host ?? '').slice(0, 255))}, want an address, localhost or a name of this daemon`,
  });
}

/**
 * Browsers say whose page sent a request (Fetch Metadata, W3C). What another site's page sends is taken as an address
 * that was followed (GET of a document) and as nothing else: also a login must not be slipped under somebody.
 */
export function crossSiteProblem(
  { headers, protocol }: FastifyRequest,
  { method, role }: Pick<Route, 'method' | 'role'>,
): Problem | undefined {
  const site = headers['sec-fetch-site'];
  const isOwn = site === undefined || site === 'same-origin' || site === 'none';
  const isFollowed =
    method === 'GET' &&
    headers['sec-fetch-mode'] === 'navigate' &&
    (headers['sec-fetch-dest'] ?? 'document') === 'document';
  // A page of another site has no token. Whatever else there is in Authorization, such as Basic, a browser may send by
  // itself; and where a token is sent, neither cookie nor certificate is looked at.
  if (!isOwn && !isFollowed && bearerOf(headers.authorization) === undefined) {
    return makeProblem('forbidden', { detail: `got Sec-Fetch-Site ${site.slice(0, 32)}, want a page of ours` });
  }
  if (
    role === 'anyone' &&
    method !== 'GET' &&
    headers.origin !== undefined &&
    !isOwnOrigin(headers.origin, headers.host, protocol)
  ) {
    return makeProblem('forbidden', { detail: 'a page of another origin may not log in here' });
  }
  return undefined;
}

/** Who calls, and whether their role may. */
export async function enter(
  request: FastifyRequest,
  route: { readonly method: Route['method']; readonly role: Role },
  { access, users }: { readonly access: Access; readonly users: Pick<Users, 'byCertificate'> },
): Promise<Entry> {
  const { authorization, host, origin } = request.headers;
  const bearer = bearerOf(authorization);
  const secret = bearer ?? request.cookies[cookieName('session', request)];
  const caller = secret === undefined ? await byCertificate(request, users) : await access.authenticate(secret);
  if (!caller) {
    return out(
      makeProblem('unauthenticated', {
        next: 'send `Authorization: Bearer TOKEN`, or open a one-time address: ingot login',
      }),
    );
  }
  // Cookies and certificates are sent by a browser without being asked; a program with a certificate sends no Origin.
  const isProgram = secret === undefined && origin === undefined;
  if (bearer === undefined && route.method !== 'GET' && !isProgram && !isOwnOrigin(origin, host, request.protocol)) {
    return out(makeProblem('forbidden', { detail: 'a session may change things only from its own page (Origin)' }));
  }
  if (!roleAllows(caller.role, route.role)) {
    return out(
      makeProblem('forbidden', {
        detail: `${caller.name} is ${caller.role}; this needs ${route.role}`,
        next: `ask an admin for a token: ingot token create NAME --role ${route.role}`,
      }),
    );
  }
  return { kind: 'in', caller };
}

/** Whoever proved to have the key of a user's certificate, in its time. Who signed it does not matter. */
async function byCertificate(
  { raw: { socket } }: FastifyRequest,
  users: Pick<Users, 'byCertificate'>,
): Promise<AccessKey | undefined> {
  if (!(socket instanceof TLSSocket)) return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (!certificate) return undefined;
  const [at, expiresAt] = [Date.now(), Date.parse(certificate.validTo)];
  if (at < Date.parse(certificate.validFrom) || at >= expiresAt) return undefined;
  const sha256 = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  const user = await users.byCertificate(sha256);
  if (!user) return undefined;
  const { name, role, scope, createdAt } = user;
  return {
    id: certificateId(sha256),
    kind: 'token',
    hash: sha256,
    name,
    user: name,
    certificate: sha256,
    role,
    createdAt,
    expiresAt,
    ...(scope === undefined ? {} : { scope }),
  };
}

const out = (problem: Problem): Entry => ({ kind: 'out', problem });

/** Another daemon on the same database may end a key; who holds a stream open here is cut off so late at most. */
const LOOK_MS = 15_000;

/** What lasts for hours ends with the key that opened it: removed, expired, or its user's or certificate's no more. */
export function endWithKey(
  raw: FastifyReply['raw'],
  caller: AccessKey,
  { access, now }: { readonly access: Pick<Access, 'onRemoved' | 'isValid'>; readonly now: () => number },
  end: () => void = () => void raw.destroy(),
): void {
  const look = async (): Promise<void> => {
    // A store that cannot be asked says nothing about the key.
    if (!(await access.isValid(caller).catch(() => true))) return end();
    if (!raw.closed) wait();
  };
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    const ms = Math.min(LOOK_MS, Math.max(1, (caller.expiresAt ?? Number.POSITIVE_INFINITY) - now()));
    timer = setTimeout(() => void look(), ms);
  };
  const stop = access.onRemoved((id) => {
    if (id === caller.id) end();
  });
  raw.once('close', () => {
    clearTimeout(timer);
    stop();
  });
  // It may have ended between the moment when it was let in and now.
  void look();
}

export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  if (problem.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer realm="ingot"');
  return reply.code(problem.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(problem));
}

/** What fastify itself refuses, in our words: malformed JSON, too large, a type that is not read. */
export function problemOfError(error: unknown): Problem | undefined {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  const detail = error instanceof Error ? error.message : undefined;
  switch (status) {
    case 400:
      return makeProblem('invalid', detail === undefined ? {} : { detail });
    case 413:
      return makeProblem('too-large', detail === undefined ? {} : { detail });
    case 415:
      return makeProblem('unsupported-type', { detail: 'want application/json' });
    default:
      return undefined;
  }
}

export function addSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(SECURITY_HEADERS);
    done();
  });
}
