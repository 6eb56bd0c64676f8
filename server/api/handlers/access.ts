import { roleAllows } from '#machines/contract/api/role.ts';
import { KeyEnded, type Made } from '#services/auth/access.ts';
import type { AccessKey } from '#services/store/contract.ts';
import { type Handlers, notFound, problemAnswer } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';

type Names = 'whoAmI' | 'makeCode' | 'listTokens' | 'createToken' | 'removeToken';

export function accessHandlers({ access }: Pick<OperatorApiParts, 'access'>): Pick<Handlers, Names> {
  return {
    whoAmI: ({ caller: { name, role, kind, user, scope, expiresAt } }) => ({
      kind: 'done',
      value: {
        name,
        role,
        kind: kind === 'session' ? 'session' : 'token',
        ...(user === undefined ? {} : { user }),
        ...(scope === undefined ? {} : { scope }),
        ...(expiresAt === undefined ? {} : { expiresAt }),
      },
    }),

    async makeCode({ caller, reachedUrl }) {
      const made = await unlessEnded(access.createCode(caller));
      if (!made) return ended();
      const { key, secret } = made;
      return {
        kind: 'done',
        status: 201,
        value: { code: secret, url: `${reachedUrl}/?code=${secret}`, expiresAt: key.expiresAt ?? 0 },
        audit: { target: key.id, detail: `one-time code as ${key.role}` },
      };
    },

    async listTokens() {
      return { kind: 'done', value: { items: (await access.list()).map(withoutHash) } };
    },

    async createToken({ body, caller }) {
      // Nobody can give more than they have.
      if (!roleAllows(caller.role, body.role)) {
        return problemAnswer('forbidden', {
          detail: `you are ${caller.role} and cannot make a token for ${body.role}`,
        });
      }
      const { name, role, days } = body;
      // Of both scopes all conditions must hold.
      const scope = [caller.scope, body.scope].filter((one) => one !== undefined).join(',');
      const made = await unlessEnded(
        access.createToken({
          name,
          role,
          by: caller,
          ...(scope === '' ? {} : { scope }),
          ...(days === undefined ? {} : { days }),
        }),
      );
      if (!made) return ended();
      const { key, secret } = made;
      return {
        kind: 'done',
        status: 201,
        value: { ...withoutHash(key), secret },
        audit: { target: key.id, detail: `token ${name} as ${role}${scope === '' ? '' : `, only ${scope}`}` },
      };
    },

    async removeToken({ params: { id } }) {
      return (await access.remove(id)) ? { kind: 'done', value: undefined } : notFound(`token ${id}`);
    },
  };
}

/** Nothing where the caller's own key has ended since they were let in. */
async function unlessEnded(making: Promise<Made>): Promise<Made | undefined> {
  try {
    return await making;
  } catch (error) {
    if (error instanceof KeyEnded) return undefined;
    throw error;
  }
}

const ended = () => problemAnswer('unauthenticated', { detail: 'what you came in with has ended meanwhile' });

const withoutHash = ({ hash: _hash, endsAt: _endsAt, ...rest }: AccessKey) => rest;
