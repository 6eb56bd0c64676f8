import type { Account } from './resources.ts';

export const BMC_ROLES = ['Administrator', 'Operator', 'ReadOnly'] as const;
export type BmcRole = (typeof BMC_ROLES)[number];

/** AccountService, as far as it told. */
export type PasswordPolicy = {
  readonly MinPasswordLength?: number | undefined;
  readonly MaxPasswordLength?: number | undefined;
};

/** Why a password would be refused, if it would. Firmware that is sent too long a one may cut it and say 200. */
export function passwordProblem(password: string, policy: PasswordPolicy): string | undefined {
  const { MinPasswordLength: min = 1, MaxPasswordLength: max = 255 } = policy;
  const bytes = new TextEncoder().encode(password).length;
  if (!/^[\x20-\x7e]*$/.test(password)) return 'the password has characters beside printable ASCII';
  if (bytes < min) return `the password has ${bytes} characters, the BMC wants at least ${min}`;
  // 0 is how some say that there is no limit.
  return max > 0 && bytes > max ? `the password has ${bytes} characters, the BMC wants at most ${max}` : undefined;
}

/** Boards with fixed slots have empty names in the free ones; slot 1 is IPMI's anonymous user and cannot be taken. */
export const isFreeSlot = ({ Id, UserName }: Account): boolean =>
  UserName === undefined && Id !== undefined && Id !== '1';
