import { BmcError } from '../contract.ts';
import { ask } from './ask.ts';
import { capabilitiesIn, capabilitiesPacket } from './channel.ts';
import { ipmiAddress, openLink } from './udp-link.ts';
import { type AsfPong, decodeAsfPong, decodeRmcp, encodeAsfPing } from './wire/rmcp.ts';
import type { AuthCapabilities } from './wire/session-setup.ts';

/** What somebody without credentials can see of an address. */
export type RmcpPresence =
  | {
      readonly kind: 'speaks';
      readonly isIpmi: boolean;
      /** Absent where it answered the ping alone. */
      readonly hasIpmi20?: boolean;
      /** Who has no name can log in. */
      readonly allowsAnonymous?: boolean;
    }
  | { readonly kind: 'silence' };

const WAITS_MS = [300, 700];

/**
 * Asks whoever is at an address whether it is a BMC: by ASF's presence ping, and by what IPMI lets everybody ask, since
 * there are BMCs that know one of them only (pyghmi's has no ping). Silence is no proof that there is none.
 *
 * Rejects with the signal's reason, or a `BmcError` of code `refused` for an address that is none.
 */
export async function pingRmcp(address: string, signal: AbortSignal, waitsMs = WAITS_MS): Promise<RmcpPresence> {
  let pong: AsfPong | undefined;
  try {
    await using link = await openLink(ipmiAddress(address), signal);
    const capabilities = await ask<AuthCapabilities>({
      waits: waitsMs,
      signal,
      send(attempt) {
        link.send(encodeAsfPing(attempt));
        link.send(capabilitiesPacket(attempt));
      },
      listen: (give, fail) =>
        link.listen((datagram) => {
          pong ??= pongIn(datagram);
          const found = capabilitiesIn(datagram);
          if (found) give(found);
        }, fail),
    });
    if (capabilities) {
      const { hasIpmi20, hasAnonymous } = capabilities;
      return { kind: 'speaks', isIpmi: true, hasIpmi20, allowsAnonymous: hasAnonymous };
    }
    return pong ? { kind: 'speaks', isIpmi: pong.isIpmi } : { kind: 'silence' };
  } catch (error) {
    if (error instanceof BmcError && error.code === 'unreachable') return { kind: 'silence' };
    throw error;
  }
}

function pongIn(datagram: Uint8Array): AsfPong | undefined {
  const packet = decodeRmcp(datagram);
  if (!packet.ok || packet.value.class !== 'asf') return undefined;
  const pong = decodeAsfPong(packet.value.body);
  return pong.ok ? pong.value : undefined;
}
