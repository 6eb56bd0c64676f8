import { configurationOf } from '#machines/os/config/configuration.ts';
import { isStatic } from '#machines/contract/network.ts';
import { addressOf } from '#machines/values/ip-prefix.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { Recorder } from '#services/trace/contract.ts';

const ATTEMPTS = 5;

/**
 * Where a machine’s own system may be reached, the likeliest first: at the address of its last boots, since it keeps
 * its lease; at what its network gives it; at its reservation and its leases.
 */
export function machineAddresses(parts: {
  readonly registry: Pick<Registry, 'machine' | 'network'>;
  readonly recorder: Pick<Recorder, 'attempts'>;
  readonly leasesOf: (mac: MacAddress) => readonly IpAddress[];
}): (machine: string) => Promise<readonly IpAddress[]> {
  const { registry, recorder, leasesOf } = parts;
  return async (name) => {
    const machine = registry.machine(name);
    if (!machine) return [];
    const { network } = configurationOf({
      machine,
      profile: undefined,
      ofClass: undefined,
      network: (one) => registry.network(one),
    });
    const { interfaces = [], bonds = [], vlans = [] } = network?.intent ?? {};
    const own = [...interfaces, ...bonds, ...vlans].flatMap(({ address }) => address.filter(isStatic).map(addressOf));
    const attempts = await recorder.attempts({ machine: name, limit: ATTEMPTS });
    const booted = attempts.flatMap(({ address }) => address ?? []);
    const reserved = machine.document.address;
    const macs = [...machine.document.macs, ...machine.identifiers.macs];
    return [
      ...new Set([
        ...own,
        ...booted.slice(0, 1),
        ...(reserved ? [reserved] : []),
        ...macs.flatMap(leasesOf),
        ...booted,
      ]),
    ];
  };
}
