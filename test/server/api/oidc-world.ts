import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Provider } from 'oidc-provider';
import { openOidc, type OidcSettings } from '#services/auth/oidc.ts';
import type { Users } from '#services/auth/users.ts';
import { runningApi, type RunningApi } from './running-api.ts';

const SECRET = 'a secret of the client that is long enough';

/** What accounts claim, by their login: changed by a test as an admin of the provider would. */
export type Accounts = Map<string, Record<string, unknown>>;

/** A real OpenID provider (npm: oidc-provider, which nobody here wrote), with its own login pages, on loopback. */
async function startProvider(host: string, callbacks: readonly string[], accounts: Accounts) {
  const server: Server = createServer();
  server.listen(0, host);
  await once(server, 'listening');
  const issuer = `http://${host}:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'ingot',
        client_secret: SECRET,
        redirect_uris: [...callbacks],
        response_types: ['code'],
        grant_types: ['authorization_code'],
      },
    ],
    pkce: { required: () => true },
    claims: { openid: ['sub'], profile: ['preferred_username', 'groups'] },
    findAccount: (_context, id) => {
      const claims = accounts.get(id);
      return claims && { accountId: id, claims: async () => ({ sub: id, ...claims }) };
    },
    cookies: { keys: ['a key of this test'] },
  });
  const answer = provider.callback();
  server.on('request', (request, response) => void answer(request, response));
  return {
    issuer,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export type World = {
  readonly api: RunningApi;
  readonly accounts: Accounts;
  readonly callback: string;
  readonly issuer: string;
};

/** The API with a real provider. To a browser a `host` of another name is another site. */
export async function withProvider(
  work: (world: World) => Promise<void>,
  more: Partial<OidcSettings> = {},
  host = '127.0.0.1',
): Promise<void> {
  const accounts: Accounts = new Map([
    ['u-anna', { preferred_username: 'anna', groups: ['rack-admins', 'everyone'] }],
    ['u-bert', { preferred_username: 'bert', groups: ['everyone'] }],
  ]);
  let login: ReturnType<typeof openOidc> | undefined;
  const oidc = {
    name: 'The lab',
    start: (callback: string) => sureOf(login).start(callback),
    finish: (returned: Parameters<ReturnType<typeof openOidc>['finish']>[0]) => sureOf(login).finish(returned),
  };
  await using api = await runningApi({ oidc });
  const callback = `${api.url}/api/v1/oidc/callback`;
  await using provider = await startProvider(host, [callback], accounts);
  login = openOidc({
    settings: {
      issuer: provider.issuer,
      name: 'The lab',
      clientId: 'ingot',
      clientSecret: SECRET,
      scopes: ['openid', 'profile'],
      userClaim: 'preferred_username',
      roleClaim: 'groups',
      roles: [{ value: 'rack-admins', role: 'operator', scope: 'rack=r1' }],
      defaultRole: undefined,
      ...more,
    },
    users: api.users satisfies Pick<Users, 'fromProvider'>,
    now: () => api.clock.now,
  });
  await work({ api, accounts, callback, issuer: provider.issuer });
}

function sureOf<T>(value: T | undefined): T {
  assert.ok(value !== undefined);
  return value;
}
