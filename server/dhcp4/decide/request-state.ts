import { ANY_IPV4, type Ipv4 } from '#machines/values/ip-address.ts';
import type { Dhcp4Message } from '../wire/message.ts';
import { getOption } from '../wire/options.ts';

/** RFC 2131 §4.3.2: what a REQUEST asks for. */
export type RequestState =
  | { readonly kind: 'selecting'; readonly serverId: Ipv4; readonly address: Ipv4 | undefined }
  | { readonly kind: 'init-reboot'; readonly address: Ipv4 }
  /** Renewing or rebinding: the two differ in how the packet came, not in what it says. */
  | { readonly kind: 'renewing'; readonly address: Ipv4 }
  | { readonly kind: 'unclear'; readonly because: string };

/**
 * By option 54, then ciaddr, then option 50. Some clients leave 54 out when they select, and then look as if they
 * rebooted, which our hold on the address answers just as well; others carry 50 in renewals, where ciaddr is what
 * counts.
 */
export function requestStateOf({ ciaddr, options }: Dhcp4Message): RequestState {
  const serverId = getOption(options, 'serverId');
  const requested = getOption(options, 'requestedAddress');
  if (serverId !== undefined) {
    return { kind: 'selecting', serverId, address: requested ?? (ciaddr === ANY_IPV4 ? undefined : ciaddr) };
  }
  if (ciaddr !== ANY_IPV4) return { kind: 'renewing', address: ciaddr };
  if (requested !== undefined) return { kind: 'init-reboot', address: requested };
  return { kind: 'unclear', because: 'a REQUEST without option 54, ciaddr and option 50 asks for nothing' };
}
