import type { IpAddress } from '#machines/values/ip-address.ts';
import type { Holding } from '#services/boot-tokens/decide/boot-key.ts';
import type { Lease } from '#services/store/contract.ts';
import type { Recorder } from '#services/trace/contract.ts';
import type { AddressLookup } from '../boot/network-lookup.ts';

/**
 * Who has an address. Where we lease, it is whoever has the lease; elsewhere whoever was heard with it last, and that may
 * be nobody, since what other servers say is seldom heard.
 */
export function holdingOf(parts: {
  readonly networkOf: AddressLookup;
  readonly leases: () => readonly Lease[];
  readonly recorder: Pick<Recorder, 'macOf'>;
  readonly now: () => number;
}): (address: IpAddress) => Holding {
  return (address) => {
    if (parts.networkOf(address).mode !== 'server') return { kind: 'elsewhere', mac: parts.recorder.macOf(address) };
    const lease = parts
      .leases()
      .find((one) => one.address === address && one.state === 'bound' && one.expiresAt > parts.now());
    return { kind: 'leased', mac: lease?.mac };
  };
}
