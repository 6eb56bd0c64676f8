import { BmcError } from '../contract.ts';
import { ask } from './ask.ts';
import { ipmiAddress, openLink } from './udp-link.ts';
import { type AsfPong, decodeAsfPong, decodeRmcp, encodeAsfPing } from './wire/rmcp.ts';

/** `speaks`: something answers RMCP there, and whether it says that it has IPMI. Needs no credentials. */
export type RmcpPresence = { readonly kind: 'speaks'; readonly isIpmi: boolean } | { readonly kind: 'silence' };

const WAITS_MS = [300, 700];

/**
 * Asks whoever is at an address whether it is a BMC. Silence is no proof that there is none: some have pings disabled.
 * Rejects with the signal's reason, or a `BmcError` of code `refused` for an address that is none.
 */
export async function pingRmcp(address: string, signal: AbortSignal, waitsMs = WAITS_MS): Promise<RmcpPresence> {
  try {
    await using link = await openLink(ipmiAddress(address), signal);
    const pong = await ask<AsfPong>({
      waits: waitsMs,
      signal,
      send: (attempt) => link.send(encodeAsfPing(attempt)),
      listen: (give, fail) =>
        link.listen((datagram) => {
          const packet = decodeRmcp(datagram);
          if (!packet.ok || packet.value.class !== 'asf') return;
          const decoded = decodeAsfPong(packet.value.body);
          // OpenIPMI's simulator answers every ping with the tag of its own.
          if (decoded.ok) give(decoded.value);
        }, fail),
    });
    return pong ? { kind: 'speaks', isIpmi: pong.isIpmi } : { kind: 'silence' };
  } catch (error) {
    if (error instanceof BmcError && error.code === 'unreachable') return { kind: 'silence' };
    throw error;
  }
}
