import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

/** An address that this machine answers to. */
export type LocalAddress = {
  /** As a socket binds it: an IPv6 link-local address carries its interface (`fe80::1%eth0`). */
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  /** Bytes of an IP packet on its interface; undefined where the system does not tell. */
  readonly mtu: number | undefined;
};

export function localAddresses(): readonly LocalAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, infos = []]) => {
    const mtu = mtuOf(name);
    return infos.map(({ address, family }) => ({
      address: family === 'IPv6' && /^fe[89ab]/i.test(address) ? `${address}%${name}` : address,
      family,
      mtu,
    }));
  });
}

function mtuOf(name: string): number | undefined {
  try {
    // Node tells no MTU. An alias such as eth0:1 has none of its own.
    const mtu = Number(readFileSync(`/sys/class/net/${name.split(':')[0]}/mtu`, 'utf8'));
    return Number.isInteger(mtu) && mtu > 0 ? mtu : undefined;
  } catch {
    return undefined;
  }
}
