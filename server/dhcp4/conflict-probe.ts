import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ipv4, parseIpv4 } from '#machines/values/ip-address.ts';
import { type MacAddress, parseMacAddress } from '#machines/values/mac-address.ts';

/**
 * What the link says about an address. `silent`: nobody has it, or the client itself. `unclear`: somebody had it not long
 * ago, and the kernel has not found out yet whether he still does.
 */
export type Probed = 'silent' | 'in-use' | 'unclear';

export type ConflictProbe = (query: {
  readonly address: Ipv4;
  readonly interface: string;
  readonly client: MacAddress | undefined;
  /** Sends any datagram to the address. */
  readonly knock: () => void;
}) => Promise<Probed>;

type Neighbours = ReadonlyMap<Ipv4, MacAddress>;

/**
 * Does somebody use this address? ARP is what every host answers, firewall or not, and the kernel asks by it before it
 * sends a datagram; so one is sent, and the kernel's table tells who said "here". That needs no right, no other program
 * and no packet of our own making, all of which an ICMP echo would. Ends after `timeoutMs`; never rejects.
 */
export function arpProbe({
  timeoutMs,
  neighbours = readNeighbours,
}: {
  readonly timeoutMs: number;
  readonly neighbours?: (name: string) => Promise<Neighbours>;
}): ConflictProbe {
  return async ({ address, interface: name, client, knock }) => {
    const before = (await neighbours(name)).get(address);
    knock();
    if (before !== undefined) return before === client ? 'silent' : 'unclear';
    const end = performance.now() + timeoutMs;
    while (performance.now() < end) {
      await sleep(LOOK_EVERY_MS);
      const found = (await neighbours(name)).get(address);
      if (found !== undefined) return found === client ? 'silent' : 'in-use';
    }
    return 'silent';
  };
}

const LOOK_EVERY_MS = 100;

/** ATF_COM of linux/if_arp.h: the entry has an address. */
const COMPLETE = 0x2;

/** Who answered on an interface. Empty where the system does not tell. */
async function readNeighbours(name: string): Promise<Neighbours> {
  try {
    return parseNeighbours(await readFile('/proc/net/arp', 'utf8'), name);
  } catch {
    return new Map();
  }
}

export function parseNeighbours(text: string, name: string): Neighbours {
  const found = new Map<Ipv4, MacAddress>();
  for (const line of text.split('\n').slice(1)) {
    const [address = '', , flags, hardware = '', , device] = line.split(/\s+/);
    const [ip, mac] = [parseIpv4(address), parseMacAddress(hardware)];
    if (device === name && ip.ok && mac.ok && (Number(flags) & COMPLETE) !== 0) found.set(ip.value, mac.value);
  }
  return found;
}
