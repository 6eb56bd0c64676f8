import type { FastifyReply, FastifyRequest } from 'fastify';
import { makeProblem } from '#machines/contract/api/problem.ts';
import type { BodyOf } from '#machines/contract/api/route.ts';
import type { Routes } from '#machines/contract/api/routes.ts';
import type { Access, Made } from '#services/auth/access.ts';
import { TooManyLogins } from '#services/auth/password.ts';
import { FLOW_MS } from '#services/auth/oidc.ts';
import { type Login, networkOf } from '#services/auth/users.ts';
import type { OperatorApiParts } from '../contract.ts';
import { cookieName, cookieRules } from '../decide/host.ts';
import { sourceRates } from '../../logs/source-rates.ts';
import { sendProblem } from '../guard.ts';
import type { OpenRoutes } from '../register-routes.ts';

type Parts = Pick<OperatorApiParts, 'access' | 'users' | 'audit' | 'log' | 'now' | 'oidc'>;

const OIDC_PATH = '/api/v1/oidc';
const NO_OIDC = makeProblem('not-found', { detail: 'no OpenID provider is configured (api.oidc)' });
const ONWARD =
  '<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>Ingot</title><a href="/">Go on</a>\n';

/** By the name that the browser came by, which is one of ours. */
const callbackOf = ({ protocol, headers }: FastifyRequest): string =>
  `${protocol}://${headers.host ?? ''}${OIDC_PATH}/callback`;

/** Logins by OpenID that one network may begin: who begins a thousand would push out those of others. */
const STARTS = { burst: 30, perSecond: 0.2, sources: 10_000 } as const;

/** Routes for whoever is not in yet. */
export function loginRoutes({ access, users, audit, log, now, oidc }: Parts): OpenRoutes {
  const starts = sourceRates(STARTS);
  return {
    async getLogin(_request, reply) {
      const all = await users.list();
      return reply.send({
        password: all.some(({ passwordHash, disabled }) => passwordHash !== undefined && !disabled),
        ...(oidc === undefined ? {} : { oidc: { name: oidc.name } }),
      });
    },

    async login(request, reply, { body }) {
      const { name, password, bearer } = body as BodyOf<Routes['login']>;
      const address = request.ip;
      const outcome = await attempt(() => users.login({ name, password, address }));
      if (outcome.kind !== 'in') {
        log.warn({ name, address, outcome: outcome.kind }, 'a login was refused');
        if (outcome.kind === 'wrong' && outcome.locked) {
          const detail = `too many wrong passwords from ${address}`;
          await audit.append({ at: now(), who: 'anyone', action: 'login-locked', target: name, detail });
        }
        return refuse(reply, outcome);
      }
      const { key, secret } = outcome;
      log.info({ name, address }, 'logged in');
      await audit.append({ at: now(), who: name, action: 'login', target: key.id, detail: `password, ${address}` });
      if (!bearer) await setSession(request, reply, access, outcome);
      return reply.send({
        name,
        role: key.role,
        ...(key.scope === undefined ? {} : { scope: key.scope }),
        expiresAt: key.expiresAt ?? 0,
        ...(bearer ? { secret } : {}),
      });
    },

    async startOidc(request, reply) {
      if (!oidc) return sendProblem(reply, NO_OIDC);
      if (!starts.admit(networkOf(request.ip), now()).admitted) {
        return tooMany(reply, 5, 'many logins were begun from this address');
      }
      try {
        const { url, binding } = await oidc.start(callbackOf(request));
        return await reply
          .setCookie(cookieName('oidc', request), binding, {
            ...cookieRules(request),
            // The way back begins at the provider's page: Strict would not be sent.
            sameSite: 'lax',
            maxAge: FLOW_MS / 1000,
          })
          .redirect(url, 303);
      } catch (error) {
        log.warn({ err: error }, 'the OpenID provider could not be asked');
        return sendProblem(
          reply,
          makeProblem('unavailable', { detail: `${oidc.name} cannot be reached`, next: 'try again' }),
        );
      }
    },

    async finishOidc(request, reply) {
      if (!oidc) return sendProblem(reply, NO_OIDC);
      const cookie = cookieName('oidc', request);
      const binding = request.cookies[cookie];
      reply.clearCookie(cookie, cookieRules(request));
      const url = `${callbackOf(request)}${/\?.*$/s.exec(request.url)?.[0] ?? ''}`;
      const outcome = await oidc.finish({ url, binding });
      if (outcome.kind === 'refused') {
        log.warn({ address: request.ip, because: outcome.because }, 'a login by OpenID was refused');
        const detail = `not let in: ${outcome.because.slice(0, 255)}`;
        return sendProblem(reply, makeProblem('forbidden', { detail, next: 'begin again at /' }));
      }
      const { key } = outcome;
      log.info({ name: key.name, address: request.ip }, 'logged in by OpenID');
      await audit.append({
        at: now(),
        who: key.name,
        action: 'login',
        target: key.id,
        detail: `OpenID, ${request.ip}`,
      });
      await setSession(request, reply, access, outcome);
      // A redirect would still count as coming from the provider's page, and the cookie (Strict) would stay behind.
      return reply.type('text/html; charset=utf-8').send(ONWARD);
    },
  };
}

export type Refused = Exclude<Login, { kind: 'in' }> | { readonly kind: 'busy' };

/** Too many passwords at once are no error of the daemon's. */
export async function attempt<T>(work: () => Promise<T>): Promise<T | { readonly kind: 'busy' }> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TooManyLogins) return { kind: 'busy' };
    throw error;
  }
}

export function refuse(reply: FastifyReply, outcome: Refused): FastifyReply {
  switch (outcome.kind) {
    case 'wrong':
      return sendProblem(
        reply,
        makeProblem('unauthenticated', {
          detail: 'name or password is wrong, or this user may not log in',
          next: 'try again, or ask an admin: ingot user password NAME',
        }),
      );
    case 'wait':
      return tooMany(
        reply,
        Math.ceil(outcome.ms / 1000),
        'too many wrong passwords for this name, or from this address',
      );
    case 'busy':
      return tooMany(reply, 1, 'many log in at this moment');
    default:
      return outcome satisfies never;
  }
}

function tooMany(reply: FastifyReply, seconds: number, detail: string): FastifyReply {
  reply.header('retry-after', String(seconds));
  return sendProblem(reply, makeProblem('too-many', { detail, next: `try again in ${seconds} s` }));
}

/** A new session in the place of the one that the browser had: what somebody slipped into it beforehand is void. */
export async function setSession(
  request: FastifyRequest,
  reply: FastifyReply,
  access: Pick<Access, 'authenticate' | 'remove'>,
  { key, secret }: Made,
): Promise<void> {
  const name = cookieName('session', request);
  const before = request.cookies[name];
  const old = before === undefined ? undefined : await access.authenticate(before);
  if (old?.kind === 'session') await access.remove(old.id);
  reply.setCookie(name, secret, {
    ...cookieRules(request),
    sameSite: 'strict',
    maxAge: Math.floor(((key.expiresAt ?? 0) - key.createdAt) / 1000),
  });
}
