import { type Account, LOCKOUT, PASSWORD_LENGTH, ROLES, type RoleId } from '../accounts.ts';
import type { Board } from '../board.ts';
import { type Answer, collection, type JsonObject, link, NO_CONTENT } from './answer.ts';
import { refusal, tooLow } from './message.ts';
import { ACCOUNTS, ROOT } from './paths.ts';
import type { Resource } from './resource.ts';

const SERVICE = `${ROOT}/AccountService`;

/** Users and what they may do. */
export function accountResources(board: Board): readonly (readonly [string, Resource])[] {
  const { accounts } = board;
  const path = (id: string): string => `${ACCOUNTS}/${id}`;
  return [
    [
      SERVICE,
      {
        get: () => ({
          '@odata.id': SERVICE,
          '@odata.type': '#AccountService.v1_15_0.AccountService',
          Id: 'AccountService',
          Name: 'Accounts',
          ServiceEnabled: true,
          MinPasswordLength: PASSWORD_LENGTH.min,
          MaxPasswordLength: PASSWORD_LENGTH.max,
          AccountLockoutThreshold: LOCKOUT.threshold,
          AccountLockoutDuration: LOCKOUT.seconds,
          Accounts: link(ACCOUNTS),
          Roles: link(`${SERVICE}/Roles`),
        }),
      },
    ],
    [
      ACCOUNTS,
      {
        get: () =>
          collection(
            ACCOUNTS,
            'ManagerAccountCollection',
            'Accounts',
            accounts.list().map(({ id }) => path(id)),
          ),
        post: (body, by) => (by.role === 'Administrator' ? create(board, body) : tooLow()),
      },
    ],
    ...accounts.list().map((account): readonly [string, Resource] => [
      path(account.id),
      {
        get: () => accountBody(board, account),
        checksCaller: true,
        patch(body, by) {
          const isSelf = by.userName === account.userName;
          const isOwnPassword = isSelf && Object.keys(body).every((name) => name === 'Password');
          return by.role === 'Administrator' || isOwnPassword ? change(board, account, body, isSelf) : tooLow();
        },
        remove: () => (accounts.remove(account.id) ? NO_CONTENT : refusal(404, 'ResourceMissingAtURI', [account.id])),
      },
    ]),
    [
      `${SERVICE}/Roles`,
      {
        get: () =>
          collection(
            `${SERVICE}/Roles`,
            'RoleCollection',
            'Roles',
            ROLES.map((role) => `${SERVICE}/Roles/${role}`),
          ),
      },
    ],
    ...ROLES.map((role): readonly [string, Resource] => [
      `${SERVICE}/Roles/${role}`,
      {
        get: () => ({
          '@odata.id': `${SERVICE}/Roles/${role}`,
          '@odata.type': '#Role.v1_3_2.Role',
          Id: role,
          RoleId: role,
          Name: role,
          IsPredefined: true,
          AssignedPrivileges: PRIVILEGES[role],
        }),
      },
    ]),
  ];
}

const PRIVILEGES: Readonly<Record<RoleId, readonly string[]>> = {
  Administrator: ['Login', 'ConfigureManager', 'ConfigureUsers', 'ConfigureComponents', 'ConfigureSelf'],
  Operator: ['Login', 'ConfigureComponents', 'ConfigureSelf'],
  ReadOnly: ['Login', 'ConfigureSelf'],
};

function accountBody(board: Board, account: Account): JsonObject {
  return {
    '@odata.id': `${ACCOUNTS}/${account.id}`,
    '@odata.type': '#ManagerAccount.v1_12_1.ManagerAccount',
    Id: account.id,
    Name: 'User',
    UserName: account.userName,
    Password: null,
    RoleId: account.role,
    Enabled: account.enabled,
    Locked: false,
    PasswordChangeRequired: board.password.mustChange(),
    Links: { Role: link(`${SERVICE}/Roles/${account.role}`) },
  };
}

function create(board: Board, body: JsonObject): Answer {
  const { UserName: userName, Password: password, RoleId: role, Enabled: enabled = true } = body;
  if (typeof userName !== 'string' || !/^[\x21-\x7e]{1,16}$/.test(userName)) {
    return refusal(400, 'PropertyValueFormatError', ['UserName'], { related: ['UserName'] });
  }
  if (!isPassword(password)) return refusal(400, 'PropertyValueFormatError', ['Password'], { related: ['Password'] });
  if (!isRole(role)) return refusal(400, 'PropertyValueNotInList', [role, 'RoleId'], { related: ['RoleId'] });
  if (board.accounts.list().some((one) => one.userName === userName)) return refusal(409, 'ResourceAlreadyExists');
  const account = { id: board.accounts.freeId(), userName, password, role, enabled: enabled === true };
  if (!board.fault('lies')) board.accounts.put(account);
  return { status: 201, headers: { Location: `${ACCOUNTS}/${account.id}` }, body: accountBody(board, account) };
}

function change(board: Board, account: Account, body: JsonObject, isSelf: boolean): Answer {
  let next = account;
  for (const [name, value] of Object.entries(body)) {
    switch (name) {
      case 'Password':
        if (!isPassword(value)) return refusal(400, 'PropertyValueFormatError', [name], { related: [name] });
        next = { ...next, password: value };
        break;
      case 'UserName':
        // Boards with fixed slots are told to forget one by an empty name.
        if (value === '') {
          board.accounts.remove(account.id);
          return NO_CONTENT;
        }
        if (typeof value !== 'string') return refusal(400, 'PropertyValueTypeError', [name], { related: [name] });
        next = { ...next, userName: value };
        break;
      case 'RoleId':
        if (!isRole(value)) return refusal(400, 'PropertyValueNotInList', [value, name], { related: [name] });
        next = { ...next, role: value };
        break;
      case 'Enabled':
        if (typeof value !== 'boolean') return refusal(400, 'PropertyValueTypeError', [name], { related: [name] });
        next = { ...next, enabled: value };
        break;
      default:
        return refusal(400, 'PropertyUnknown', [name], { related: [name] });
    }
  }
  if (board.fault('lies')) return NO_CONTENT;
  board.accounts.put(next);
  if (isSelf && next.password !== account.password) board.password.changed();
  return NO_CONTENT;
}

function isPassword(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length >= PASSWORD_LENGTH.min &&
    new TextEncoder().encode(value).length <= PASSWORD_LENGTH.max
  );
}

function isRole(value: unknown): value is RoleId {
  return ROLES.some((one) => one === value);
}
