import type { TargetGroup } from '#machines/contract/api/prometheus.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { IpAddress } from '#machines/values/ip-address.ts';

/** One group a machine: what Prometheus may keep of it is chosen there, by relabelling `__meta_ingot_*`. */
export function targetGroup(machine: Machine, address: IpAddress, port: number): TargetGroup {
  const { document, service } = machine;
  const { site, rack, unit } = document.location;
  const facts = ['manufacturer', 'product', 'arch'].flatMap((fact): [string, string][] => {
    const value = Object.hasOwn(machine.facts, fact) ? machine.facts[fact]?.value : undefined;
    return value === undefined ? [] : [[`__meta_ingot_${fact}`, String(value)]];
  });
  return {
    targets: [`${address.includes(':') ? `[${address}]` : address}:${port}`],
    labels: {
      __meta_ingot_machine: document.name,
      __meta_ingot_site: site,
      ...(rack === undefined ? {} : { __meta_ingot_rack: rack }),
      ...(unit === undefined ? {} : { __meta_ingot_unit: String(unit) }),
      ...(document.profile === undefined ? {} : { __meta_ingot_profile: document.profile }),
      __meta_ingot_service: service,
      ...Object.fromEntries(facts),
      ...Object.fromEntries(
        Object.entries(document.labels).map(([key, value]) => [`__meta_ingot_label_${labelName(key)}`, value]),
      ),
    },
  };
}

/** Prometheus' label names have letters, digits and underscores only; as its own discoveries do it. */
const labelName = (text: string): string => text.replaceAll(/[^A-Za-z0-9_]/g, '_');
