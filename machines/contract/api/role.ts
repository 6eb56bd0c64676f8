/** Who may do what, weakest first: each role may do all that those before it may. */
export const ROLES = ['viewer', 'operator', 'approver', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export const roleAllows = (has: Role, wanted: Role): boolean => ROLES.indexOf(has) >= ROLES.indexOf(wanted);
