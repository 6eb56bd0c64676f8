import { type Account, PASSWORD_LENGTH, type RoleId } from '../../accounts.ts';
import { COMPLETION, type Command, type Completion, done, type IpmiService, NET_FN, refused } from '../command.ts';
import { LEVEL_OF } from '../log-in.ts';
import { type IpmiSession, LEVEL } from '../sessions.ts';
import { isLan } from './session.ts';

/** Slots 1 to 16; the first is the anonymous user's, who is not there. */
const SLOTS = 16;
const ANONYMOUS = 1;
const NO_ACCESS = 0x0f;
const NAME_BYTES = 16;
const PASSWORD_OPERATION = { disable: 0, enable: 1, set: 2, test: 3 } as const;
const MISMATCH = 0x80;
const WRONG_SIZE = 0x81;

const ROLE_OF: Readonly<Record<number, RoleId>> = { 2: 'ReadOnly', 3: 'Operator', 4: 'Administrator' };

/** IPMI v2.0 §22.26 to §22.30: the same users that Redfish has. */
export const USER_COMMANDS: readonly Command[] = [
  {
    // Set User Access.
    netFn: NET_FN.app,
    command: 0x43,
    level: LEVEL.administrator,
    bytes: 3,
    run([channel, user = 0, limit = 0], service) {
      if (!isLan(channel)) return refused(COMPLETION.field);
      return changed(service, user, (account) => {
        const role = ROLE_OF[limit & 0x0f];
        return role ? { ...account, role } : { ...account, enabled: false };
      });
    },
  },
  {
    // Get User Access: of all, and of one.
    netFn: NET_FN.app,
    command: 0x44,
    level: LEVEL.operator,
    bytes: 2,
    run([channel, user = 0], { board }) {
      const id = user & 0x3f;
      if (!isLan(channel)) return refused(COMPLETION.field);
      if (id < 1 || id > SLOTS) return refused(COMPLETION.field);
      const accounts = board.accounts.list();
      const enabled = accounts.filter((one) => one.enabled).length;
      const account = accountAt(accounts, id);
      const state = account?.enabled ? 0x40 : 0x80;
      // Link authentication and IPMI messages, and no higher than the role.
      const access = account ? 0x30 | LEVEL_OF[account.role] : NO_ACCESS;
      return done(SLOTS, state | enabled, 0, access);
    },
  },
  {
    // Set User Name: an empty one gives the slot back.
    netFn: NET_FN.app,
    command: 0x45,
    level: LEVEL.administrator,
    bytes: 1 + NAME_BYTES,
    run([user = 0, ...bytes], { board }) {
      const id = user & 0x3f;
      if (id <= ANONYMOUS || id > SLOTS) return refused(COMPLETION.field);
      const userName = textOf(Uint8Array.from(bytes.slice(0, NAME_BYTES)));
      const accounts = board.accounts.list();
      if (board.fault('lies')) return done();
      if (userName === '') {
        board.accounts.remove(String(id));
        return done();
      }
      if (accounts.some((one) => one.userName === userName && one.id !== String(id))) return refused(COMPLETION.field);
      const fresh = { id: String(id), password: '', role: 'ReadOnly', enabled: false } as const;
      board.accounts.put({ ...(accountAt(accounts, id) ?? fresh), userName });
      return done();
    },
  },
  {
    // Get User Name.
    netFn: NET_FN.app,
    command: 0x46,
    level: LEVEL.operator,
    bytes: 1,
    run([user = 0], { board }) {
      const id = user & 0x3f;
      if (id < 1 || id > SLOTS) return refused(COMPLETION.field);
      const name = new Uint8Array(NAME_BYTES);
      new TextEncoder().encodeInto(accountAt(board.accounts.list(), id)?.userName ?? '', name);
      return done(...name);
    },
  },
  {
    // Set User Password; a session may always do that to its own account.
    netFn: NET_FN.app,
    command: 0x47,
    level: LEVEL.administrator,
    bytes: 2,
    run: ([user = 0, operation = 0, ...bytes], service, session) =>
      password(service, session, { user, operation: operation & 0x03, bytes: Uint8Array.from(bytes) }),
  },
];

function password(
  service: IpmiService,
  session: IpmiSession | undefined,
  wanted: { readonly user: number; readonly operation: number; readonly bytes: Uint8Array },
): Completion {
  const { board } = service;
  const { user, operation, bytes } = wanted;
  if (operation === PASSWORD_OPERATION.disable || operation === PASSWORD_OPERATION.enable) {
    return changed(service, user, (one) => ({ ...one, enabled: operation === PASSWORD_OPERATION.enable }));
  }
  const length = (user & 0x80) === 0 ? 16 : PASSWORD_LENGTH.max;
  if (bytes.length !== length) return refused(operation === PASSWORD_OPERATION.test ? WRONG_SIZE : COMPLETION.length);
  const text = textOf(bytes);
  if (operation === PASSWORD_OPERATION.test) {
    const account = accountAt(board.accounts.list(), user & 0x3f);
    return account?.password === text ? done() : refused(MISMATCH);
  }
  if (text.length < PASSWORD_LENGTH.min) return refused(COMPLETION.field);
  const answer = changed(service, user, (one) => ({ ...one, password: text }));
  if (answer.code === COMPLETION.done && session?.account.id === String(user & 0x3f)) board.password.changed();
  return answer;
}

function changed({ board }: IpmiService, user: number, change: (account: Account) => Account): Completion {
  const account = accountAt(board.accounts.list(), user & 0x3f);
  if (!account) return refused(COMPLETION.field);
  if (!board.fault('lies')) board.accounts.put(change(account));
  return done();
}

const accountAt = (accounts: readonly Account[], id: number): Account | undefined =>
  accounts.find((one) => one.id === String(id));

/** Up to the first zero. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}
