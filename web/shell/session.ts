import type { Role } from '#machines/contract/api/role.ts';
import { roleAllows } from '#machines/contract/api/role.ts';
import { useAsk } from '../api/queries.ts';

/** Who looks at this page, and what they may ask for. The daemon decides; here it only says why a button is not there. */
export function useSession() {
  const { data } = useAsk('whoAmI');
  const role: Role = data?.role ?? 'viewer';
  return { name: data?.name ?? '', user: data?.user, role, may: (wanted: Role): boolean => roleAllows(role, wanted) };
}
