import type { SubnetDocument } from '#machines/contract/documents.ts';
import { cidrContains } from '#machines/values/cidr.ts';
import { type IpAddress, isIpv6 } from '#machines/values/ip-address.ts';
import type { Holding } from '#services/boot-tokens/decide/boot-key.ts';
import type { Lease } from '#services/store/contract.ts';
import type { Recorder } from '#services/trace/contract.ts';

/**
 * Who has an address. Where we lease, it is whoever has the lease; elsewhere whoever was heard with it last, and that may
 * be nobody, since what other servers say is seldom heard.
 */
export function holdingOf(parts: {
  readonly subnets: () => readonly SubnetDocument[];
  readonly leases: () => readonly Lease[];
  readonly recorder: Pick<Recorder, 'macOf'>;
  readonly now: () => number;
}): (address: IpAddress) => Holding {
  return (address) => {
    const heard = parts.recorder.macOf(address);
    const isOurs =
      !isIpv6(address) && parts.subnets().some(({ mode, cidr }) => mode === 'server' && cidrContains(cidr, address));
    if (!isOurs) return { kind: 'elsewhere', mac: heard };
    const lease = parts
      .leases()
      .find((one) => one.address === address && one.state === 'bound' && one.expiresAt > parts.now());
    return { kind: 'leased', mac: lease?.mac };
  };
}
