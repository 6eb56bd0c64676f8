import { z } from 'zod';
import type { Route } from './route.ts';
import {
  loginAnswer,
  loginRequest,
  loginWays,
  newUser,
  passwordChange,
  user,
  userName,
  userPatch,
} from './user-resource.ts';

const json = <S extends z.ZodType>(schema: S) => ({ kind: 'json', schema }) as const;
const byName = z.strictObject({ name: userName });

/** Logging in, and who may. */
export const USER_ROUTES = {
  getLogin: {
    method: 'GET',
    path: '/api/v1/login',
    summary: 'How people can log in here',
    role: 'anyone',
    answer: json(loginWays),
  },
  login: {
    method: 'POST',
    path: '/api/v1/login',
    summary: 'Open a session with a password; too many wrong ones have to wait (429, Retry-After)',
    role: 'anyone',
    body: json(loginRequest),
    answer: json(loginAnswer),
  },
  startOidc: {
    method: 'GET',
    path: '/api/v1/oidc/start',
    summary: 'Go to the OpenID provider to log in',
    role: 'anyone',
    answer: { kind: 'text', contentType: 'text/html; charset=utf-8' },
  },
  finishOidc: {
    method: 'GET',
    path: '/api/v1/oidc/callback',
    summary: 'Back from the OpenID provider: opens a session',
    role: 'anyone',
    query: z.looseObject({ state: z.string().max(512).optional() }),
    answer: { kind: 'text', contentType: 'text/html; charset=utf-8' },
  },
  logout: {
    method: 'POST',
    path: '/api/v1/logout',
    summary: 'End your session; the same as DELETE /api/v1/session',
    role: 'viewer',
    answer: { kind: 'empty' },
  },
  listUsers: {
    method: 'GET',
    path: '/api/v1/users',
    summary: 'Who may log in',
    role: 'admin',
    answer: json(z.object({ items: z.array(user) })),
  },
  createUser: {
    method: 'POST',
    path: '/api/v1/users',
    summary: 'Make a user, with or without a password',
    role: 'admin',
    body: json(newUser),
    answer: { ...json(user), status: 201 },
  },
  patchUser: {
    method: 'PATCH',
    path: '/api/v1/users/{name}',
    summary: 'Change a user’s role, scope or certificates, or disable them: their sessions and tokens end',
    role: 'admin',
    params: byName,
    body: json(userPatch),
    answer: json(user),
  },
  removeUser: {
    method: 'DELETE',
    path: '/api/v1/users/{name}',
    summary: 'Remove a user: their sessions and tokens end',
    role: 'admin',
    params: byName,
    answer: { kind: 'empty' },
  },
  setPassword: {
    method: 'PUT',
    path: '/api/v1/users/{name}/password',
    summary: 'Set a user’s password (admin), or your own by saying the current one; their sessions end',
    role: 'viewer',
    params: byName,
    body: json(passwordChange),
    answer: { kind: 'empty' },
  },
} as const satisfies Record<string, Route>;
