import { roleAllows } from '#machines/contract/api/role.ts';
import type { UserResource } from '#machines/contract/api/user-resource.ts';
import type { User } from '#services/store/contract.ts';
import { type Handlers, notFound, problemAnswer } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';
import { attempt } from './login.ts';

type Names = 'listUsers' | 'createUser' | 'patchUser' | 'removeUser' | 'setPassword';

export function userHandlers({ users }: Pick<OperatorApiParts, 'users'>): Pick<Handlers, Names> {
  /** A certificate says who somebody is, so that it cannot say two. */
  async function holderOf(certificates: readonly string[], name: string) {
    const all = await users.list();
    const holder = all.find((one) => one.name !== name && one.certificates.some((each) => certificates.includes(each)));
    return holder && problemAnswer('exists', { detail: `that certificate is ${holder.name}’s` });
  }

  return {
    async listUsers() {
      return { kind: 'done', value: { items: (await users.list()).map(sent) } };
    },

    async createUser({ body }) {
      const { name, role, scope, password, certificates } = body;
      if (password !== undefined && tooLikeName(password, name)) return likeName();
      const taken = await holderOf(certificates, name);
      if (taken) return taken;
      const made = await attempt(() => users.create({ name, role, scope, password, certificates }));
      if (typeof made === 'object' && 'kind' in made) return tooManyAtOnce();
      if (made === 'exists') return problemAnswer('exists', { detail: `there is a user ${name}` });
      const detail = `${role}${scope === undefined ? '' : `, only ${scope}`}`;
      return { kind: 'done', status: 201, value: sent(made), audit: { target: name, detail } };
    },

    async patchUser({ params: { name }, body }) {
      const taken = await holderOf(body.certificates ?? [], name);
      if (taken) return taken;
      const changed = await users.change(name, body);
      if (!changed) return notFound(`user ${name}`);
      const detail = Object.entries(body)
        .map(([key, value]) => `${key} ${Array.isArray(value) ? value.join(' ') : String(value ?? 'none')}`)
        .join(', ');
      return { kind: 'done', value: sent(changed), audit: { target: name, detail } };
    },

    async removeUser({ params: { name } }) {
      return (await users.remove(name)) ? { kind: 'done', value: undefined } : notFound(`user ${name}`);
    },

    async setPassword({ params: { name }, body, caller, address }) {
      const isOwn = caller.user === name;
      if (!isOwn && (!roleAllows(caller.role, 'admin') || caller.scope !== undefined)) {
        return problemAnswer('forbidden', { detail: 'you may change your own password, and an admin anyone’s' });
      }
      if (tooLikeName(body.password, name)) return likeName();
      if (isOwn) {
        const current = body.current ?? '';
        const outcome = await attempt(() => users.verify({ name, password: current, address }));
        if (outcome.kind === 'wrong') return problemAnswer('forbidden', { detail: 'current: it is another password' });
        if (outcome.kind === 'busy') return tooManyAtOnce();
        if (outcome.kind !== 'right')
          return problemAnswer('too-many', { detail: 'too many wrong passwords', next: 'wait' });
      }
      const set = await attempt(() => users.setPassword(name, body.password, isOwn ? (body.current ?? '') : undefined));
      if (typeof set === 'object') return tooManyAtOnce();
      if (!set) return notFound(`user ${name}`);
      return { kind: 'done', value: undefined, audit: { target: name, detail: isOwn ? 'their own' : 'by an admin' } };
    },
  };
}

const tooLikeName = (password: string, name: string): boolean =>
  password.toLowerCase().replaceAll(name.toLowerCase(), '').length < 6;
const likeName = () => problemAnswer('invalid', { detail: 'password: it is little more than the name' });

const tooManyAtOnce = () =>
  problemAnswer('too-many', { detail: 'many log in at this moment', next: 'try again in a second' });

const sent = ({ passwordHash, certificates, subject: _subject, ...user }: User): UserResource => ({
  ...user,
  certificates: [...certificates],
  hasPassword: passwordHash !== undefined,
});
