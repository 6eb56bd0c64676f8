import type { Ipv4 } from '../values/ip-address.ts';
import { openRelay, type Relay } from './relay.ts';
import type { DaemonSockets, MachineSpec } from './spec.ts';

/** Where the rack's relay stands; machines are leased addresses of 127.77.0.0/16. */
export const GIADDR = '127.77.0.2' as Ipv4;
/** One on a network that no Subnet is made for. */
export const STRAY_GIADDR = '127.79.0.2' as Ipv4;

/** The relay of each machine's network, opened when the first of them is powered on. */
export type Relays = { of(spec: MachineSpec): Promise<Relay> } & AsyncDisposable;

export function openRelays(daemon: DaemonSockets['dhcp']): Relays {
  const open = new Map<string, Promise<Relay>>();
  return {
    of({ giaddr = GIADDR, faults }) {
      const at = faults.includes('wrong-relay') ? STRAY_GIADDR : giaddr;
      const adds = !faults.includes('relay-drops-82') && !faults.includes('plain-relay');
      const port = faults.includes('plain-relay') ? 67 : 0;
      const key = `${at}:${port} ${adds}`;
      const relay = open.get(key) ?? openRelay({ giaddr: at, port, daemon, addsInformation: adds });
      open.set(key, relay);
      return relay;
    },
    async [Symbol.asyncDispose]() {
      for (const one of await Promise.allSettled(open.values())) {
        if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]();
      }
    },
  };
}
