import { SEALED } from '#machines/contract/credential.ts';

/** A credential as it lies sealed, or as somebody wants it: then without the secrets that are to stay. */
export type CredentialWanted = {
  readonly username: string;
  readonly password?: string;
  readonly kg?: string;
  /** K_g stays as it is where none is given. */
  readonly keepsKg?: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly rotateDays?: number;
  readonly ownUser: boolean;
};

type Sealed = {
  readonly username: string;
  readonly password: string;
  readonly kg?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly rotateDays?: number | undefined;
  readonly ownUser: boolean;
};

/** Both sides of a change as they may be shown: secrets differ, and are not told. */
export function shownChange(
  before: Sealed | undefined,
  wanted: CredentialWanted,
): {
  readonly before: Readonly<Record<string, unknown>> | undefined;
  readonly after: Readonly<Record<string, unknown>>;
} {
  const plain = ({ username, labels, rotateDays, ownUser }: Sealed | CredentialWanted) => ({
    username,
    labels,
    ...(rotateDays === undefined ? {} : { rotateDays }),
    ownUser,
  });
  const secret = (old: string | undefined, next: string | undefined): string | undefined =>
    next === undefined ? undefined : next === old ? SEALED : ANOTHER;
  const kg = wanted.keepsKg === true ? before?.kg : wanted.kg;
  const shownKg = secret(before?.kg, kg);
  return {
    before: before && {
      ...plain(before),
      password: SEALED,
      ...(before.kg === undefined ? {} : { kg: SEALED }),
    },
    after: {
      ...plain(wanted),
      password: secret(before?.password, wanted.password ?? before?.password) ?? SEALED,
      ...(shownKg === undefined ? {} : { kg: shownKg }),
    },
  };
}

const ANOTHER = '*** (another one)';
