import type { TraceBody } from '#machines/contract/trace.ts';
import { ANY_IPV4, type IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';

type Holder = { readonly mac: MacAddress; readonly at: number; readonly before: MacAddress | undefined };

/**
 * Who has which address, by the DHCP traffic that passes, also that of another server. Newest wins; bounded, and what
 * was not seen for long is forgotten.
 */
export function addressBook({ addresses, addressMs }: { readonly addresses: number; readonly addressMs: number }) {
  /** In the order of their last sight: the first is the oldest. */
  const holders = new Map<IpAddress, Holder>();

  function holderOf(address: IpAddress, now: number): Holder | undefined {
    const holder = holders.get(address);
    return holder && now - holder.at <= addressMs ? holder : undefined;
  }

  function learn(address: IpAddress, mac: MacAddress, at: number): void {
    if (address === ANY_IPV4) return;
    const known = holders.get(address);
    const before = known?.mac === mac ? known.before : known?.mac;
    holders.delete(address);
    holders.set(address, { mac, at, before });
    if (holders.size <= addresses) return;
    for (const oldest of holders.keys()) {
      holders.delete(oldest);
      break;
    }
  }

  /** A claim that came to nothing: the address is its former holder's again. */
  function unlearn(address: IpAddress, mac: MacAddress): void {
    const known = holders.get(address);
    if (known?.mac !== mac) return;
    if (known.before === undefined) holders.delete(address);
    else holders.set(address, { mac: known.before, at: known.at, before: undefined });
  }

  return {
    learn,
    macOf: (address: IpAddress, now: number): MacAddress | undefined => holderOf(address, now)?.mac,
    /**
     * What a DHCP event of this MAC tells. Gives the address that it has, or is about to have. `claimed` is what it
     * asked for last, so that a NAK takes it back.
     */
    observe(mac: MacAddress, body: TraceBody, at: number, claimed: IpAddress | undefined): IpAddress | undefined {
      switch (body.kind) {
        case 'dhcp-received': {
          if (body.message === 'DECLINE' || body.message === 'RELEASE') {
            const given = body.requestedAddress ?? body.ciaddr;
            if (given !== undefined) unlearn(given, mac);
            return undefined;
          }
          const has = body.ciaddr !== undefined && body.ciaddr !== ANY_IPV4 ? body.ciaddr : undefined;
          const wants = body.message === 'REQUEST' ? body.requestedAddress : undefined;
          const address = has ?? wants;
          if (address !== undefined) learn(address, mac, at);
          return address ?? claimed;
        }
        case 'dhcp-answered':
          if (body.message === 'NAK') {
            if (claimed !== undefined) unlearn(claimed, mac);
            return undefined;
          }
          if (body.yiaddr === undefined || body.yiaddr === ANY_IPV4) return claimed;
          // The ROM of the Raspberry Pi 3 uses what it was offered, without a REQUEST; nobody else does.
          if (body.message === 'ACK' || holderOf(body.yiaddr, at) === undefined) learn(body.yiaddr, mac, at);
          return body.message === 'ACK' ? body.yiaddr : claimed;
        case 'dhcp-silent':
          if (body.code === 'no-lease' && claimed !== undefined) unlearn(claimed, mac);
          return claimed;
        default:
          return claimed;
      }
    },
  };
}
