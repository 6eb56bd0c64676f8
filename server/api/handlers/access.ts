import { roleAllows } from '#machines/contract/api/role.ts';
import type { AccessKey } from '#services/store/contract.ts';
import { type Handlers, notFound, problemAnswer } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';

type Names = 'whoAmI' | 'makeCode' | 'listTokens' | 'createToken' | 'removeToken';

export function accessHandlers({ access }: Pick<OperatorApiParts, 'access'>): Pick<Handlers, Names> {
  return {
    whoAmI: ({ caller: { name, role, kind } }) => ({
      kind: 'done',
      value: { name, role, kind: kind === 'session' ? 'session' : 'token' },
    }),

    async makeCode({ caller, reachedUrl }) {
      const { key, secret } = await access.createCode({ name: caller.name, role: caller.role });
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
      const { key, secret } = await access.createToken({ name, role, ...(days === undefined ? {} : { days }) });
      return {
        kind: 'done',
        status: 201,
        value: { ...withoutHash(key), secret },
        audit: { target: key.id, detail: `token ${name} as ${role}` },
      };
    },

    async removeToken({ params: { id } }) {
      return (await access.remove(id)) ? { kind: 'done', value: undefined } : notFound(`token ${id}`);
    },
  };
}

const withoutHash = ({ hash: _hash, ...rest }: AccessKey) => rest;
