export const ROLES = ['Administrator', 'Operator', 'ReadOnly'] as const;
export type RoleId = (typeof ROLES)[number];

export type Account = {
  readonly id: string;
  readonly userName: string;
  readonly password: string;
  readonly role: RoleId;
  readonly enabled: boolean;
};

export type Login =
  | { readonly kind: 'in'; readonly account: Account }
  | { readonly kind: 'refused' }
  | { readonly kind: 'locked' };

/** What a BMC wants of a password; IPMI keeps no more than 20 bytes. */
export const PASSWORD_LENGTH = { min: 8, max: 20 } as const;
/** So many wrong ones in a row lock an account for so long. */
export const LOCKOUT = { threshold: 5, seconds: 60 } as const;

/** The users of a BMC; Redfish and IPMI know the same ones. */
export type Accounts = {
  list(): readonly Account[];
  /** By name, as far as it may log in. */
  byName(userName: string): Account | undefined;
  login(userName: string, password: string): Login;
  /** Somebody did not know the password: IPMI proves it without telling it. */
  failed(userName: string): void;
  isLocked(userName: string): boolean;
  put(account: Account): void;
  remove(id: string): boolean;
  freeId(): string;
};

export function openAccounts(options: {
  readonly credentials: readonly { readonly username: string; readonly password: string; readonly role?: RoleId }[];
  readonly now: () => number;
  /** The password that somebody else has set on all of them. */
  readonly otherPassword: () => string | undefined;
}): Accounts {
  const { credentials, now, otherPassword } = options;
  const accounts = new Map<string, Account>();
  const wrong = new Map<string, { readonly count: number; readonly until: number }>();
  // Slot 1 is the anonymous user's in IPMI, and stays empty.
  for (const [index, { username, password, role = 'Administrator' }] of credentials.entries()) {
    const id = String(index + 2);
    accounts.set(id, { id, userName: username, password, role, enabled: true });
  }
  const effective = (account: Account): Account => ({ ...account, password: otherPassword() ?? account.password });
  const byName = (userName: string): Account | undefined => {
    const found = [...accounts.values()].find((one) => one.userName === userName && one.enabled);
    return found && effective(found);
  };

  const failed = (userName: string): void => {
    const count = (wrong.get(userName)?.count ?? 0) + 1;
    wrong.set(userName, { count, until: now() + LOCKOUT.seconds * 1000 });
  };
  const isLocked = (userName: string): boolean => {
    const before = wrong.get(userName);
    return before !== undefined && before.count >= LOCKOUT.threshold && before.until > now();
  };

  return {
    list: () => [...accounts.values()],
    byName,
    failed,
    isLocked,
    login(userName, password) {
      const account = byName(userName);
      if (isLocked(userName)) return { kind: 'locked' };
      if (account && account.password === password) {
        wrong.delete(userName);
        return { kind: 'in', account };
      }
      if (account) failed(userName);
      return { kind: 'refused' };
    },
    put(account) {
      accounts.set(account.id, account);
      wrong.delete(account.userName);
    },
    remove: (id) => accounts.delete(id),
    freeId() {
      for (let slot = 2; ; slot++) if (!accounts.has(String(slot))) return String(slot);
    },
  };
}
