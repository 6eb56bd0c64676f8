import type { Role } from '#machines/contract/api/role.ts';
import { userName } from '#machines/contract/api/user-resource.ts';

/** Which claims of an OpenID provider say who somebody is and what they may. */
export type ClaimRules = {
  /** The claim whose value is the user's name here. */
  readonly userClaim: string;
  /** The claim that has groups or roles, dotted where it is inside another: `realm_access.roles`. */
  readonly roleClaim: string;
  /** The first whose value the claim has, decides. */
  readonly roles: readonly { readonly value: string; readonly role: Role; readonly scope?: string | undefined }[];
  /** For who has none of them; absent: they are not let in. */
  readonly defaultRole: Role | undefined;
};

export type Claims = Readonly<Record<string, unknown>>;

export type ClaimedUser =
  | { readonly kind: 'user'; readonly name: string; readonly role: Role; readonly scope: string | undefined }
  | { readonly kind: 'refused'; readonly because: string };

/** What the claims come to; hostile input until here. */
export function userOfClaims(claims: Claims, rules: ClaimRules): ClaimedUser {
  const name = userName.safeParse(claimOf(claims, rules.userClaim));
  if (!name.success)
    return refused(`the claim ${rules.userClaim} is no name of a user: letters, digits, . - _ @, up to 63`);
  // An address that nobody has shown to be theirs is a name that anybody can choose.
  if (rules.userClaim === 'email' && claims['email_verified'] !== true) return refused('the email is not verified');
  const held = valuesOf(claimOf(claims, rules.roleClaim));
  const rule = rules.roles.find(({ value }) => held.includes(value));
  const role = rule?.role ?? rules.defaultRole;
  if (role === undefined) return refused(`nothing in the claim ${rules.roleClaim} gives a role here`);
  return { kind: 'user', name: name.data, role, scope: rule?.scope };
}

const refused = (because: string): ClaimedUser => ({ kind: 'refused', because });

/** A claim may have dots in its own name (`https://example.com/groups`), which goes first. */
function claimOf(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  return path.split('.').reduce<unknown>((inner, key) => {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, key)) return undefined;
    return Reflect.get(inner, key);
  }, claims);
}

const valuesOf = (claim: unknown): readonly string[] =>
  (Array.isArray(claim) ? claim : [claim]).filter((one) => typeof one === 'string');
