import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  type Configuration,
  customFetch,
  discovery,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import type { Made } from './access.ts';
import { type ClaimRules, userOfClaims } from './decide/claims.ts';
import { hashOf, newSecret, sameHash } from './secret.ts';
import type { Users } from './users.ts';

/** People look for their second factor; afterwards a login begins anew. */
export const FLOW_MS = 10 * 60_000;
/** A flood of begun logins ends here: the oldest are forgotten. */
const MAX_FLOWS = 1000;
const REQUEST_MS = 10_000;

export type OidcSettings = ClaimRules & {
  /** As its discovery document says it: `https://id.example/realms/lab`. */
  readonly issuer: string;
  /** What the button says. */
  readonly name: string;
  readonly clientId: string;
  /** Absent: a public client, which PKCE alone proves. */
  readonly clientSecret: string | undefined;
  readonly scopes: readonly string[];
};

/** Login through an OpenID provider: authorization code with PKCE, state and nonce (OpenID Connect Core 1.0 §3.1). */
export type OidcLogin = {
  /** What the button says. */
  readonly name: string;
  /**
   * Where the browser goes to log in, and what it must bring back (`binding`) so that nobody can finish a login that
   * somebody else began. Rejects where the provider is not there.
   */
  start(callback: string): Promise<{ readonly url: string; readonly binding: string }>;
  /** The browser is back at `callback`, with what the provider says in its query. Each begun login ends once. */
  finish(returned: { readonly url: string; readonly binding: string | undefined }): Promise<
    | ({ readonly kind: 'in' } & Made)
    /** `because` is for the log and for whoever tried; it holds no secret. */
    | { readonly kind: 'refused'; readonly because: string }
  >;
};

type Flow = {
  readonly bindingHash: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly callback: string;
  readonly endsAt: number;
};

export function openOidc(parts: {
  readonly settings: OidcSettings;
  readonly users: Pick<Users, 'fromProvider'>;
  readonly now: () => number;
}): OidcLogin {
  const { settings, users, now } = parts;
  const flows = new Map<string, Flow>();
  let known: Promise<Configuration> | undefined;

  /** Asked once; again where it did not answer. */
  function provider(): Promise<Configuration> {
    known ??= discovery(new URL(settings.issuer), settings.clientId, settings.clientSecret, undefined, {
      timeout: REQUEST_MS / 1000,
      // An issuer without TLS is one on this machine: the configuration takes no other.
      execute: settings.issuer.startsWith('http:') ? [allowInsecureRequests] : [],
      [customFetch]: (url, init) => fetch(url, { ...init, redirect: 'manual' } as RequestInit),
    }).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  }

  return {
    name: settings.name,
    async start(callback) {
      const config = await provider();
      const [state, nonce, verifier, binding] = [randomState(), randomNonce(), randomPKCECodeVerifier(), newSecret()];
      for (const [key, { endsAt }] of flows) if (endsAt <= now()) flows.delete(key);
      if (flows.size >= MAX_FLOWS) flows.delete(flows.keys().next().value ?? '');
      flows.set(state, { bindingHash: hashOf(binding), nonce, verifier, callback, endsAt: now() + FLOW_MS });
      const url = buildAuthorizationUrl(config, {
        redirect_uri: callback,
        scope: settings.scopes.join(' '),
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      return { url: url.href, binding };
    },

    async finish({ url, binding }) {
      const returned = new URL(url);
      const state = returned.searchParams.get('state') ?? '';
      const flow = flows.get(state);
      flows.delete(state);
      if (!flow || flow.endsAt <= now()) return refused('this login was not begun here, is over, or took too long');
      if (binding === undefined || !sameHash(hashOf(binding), flow.bindingHash)) {
        return refused('this login was begun in another browser');
      }
      const config = await provider();
      // What came is the query; where it came to is what was said when it began.
      const current = new URL(flow.callback);
      current.search = returned.search;
      try {
        const tokens = await authorizationCodeGrant(config, current, {
          expectedState: state,
          expectedNonce: flow.nonce,
          pkceCodeVerifier: flow.verifier,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        if (!claims) return refused('the provider sent no ID token');
        // Groups are often told there alone (OpenID Connect Core 1.0 §5.4).
        const more =
          config.serverMetadata().userinfo_endpoint === undefined
            ? {}
            : await fetchUserInfo(config, tokens.access_token, claims.sub);
        // What is signed goes before what is told.
        const claimed = userOfClaims({ ...more, ...claims }, settings);
        if (claimed.kind === 'refused') return claimed;
        return await users.fromProvider({ subject: `${claims.iss}#${claims.sub}`, ...claimed });
      } catch (error) {
        // Its own words: `access_denied`, `invalid_grant`, a nonce that is another one. Never a token.
        return refused(error instanceof Error ? error.message : 'the provider answered something else');
      }
    },
  };
}

const refused = (because: string) => ({ kind: 'refused', because }) as const;
