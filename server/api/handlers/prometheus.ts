import type { Handlers } from '../answers.ts';
import type { OperatorApiParts } from '../contract.ts';
import { targetGroup } from '../decide/prometheus-targets.ts';
import type { LatestAttempts } from '../latest-attempts.ts';
import { machineFilter } from '../machine-filter.ts';

export function prometheusHandlers({
  registry,
  latest,
}: Pick<OperatorApiParts, 'registry'> & { readonly latest: Pick<LatestAttempts, 'of'> }): Pick<
  Handlers,
  'listPrometheusTargets'
> {
  return {
    listPrometheusTargets({ query }) {
      const wanted = machineFilter(registry, query);
      const groups = registry.machines().flatMap((machine) => {
        const { document, acceptance } = machine;
        const { name, location } = document;
        if (acceptance !== 'accepted' || (wanted && !wanted(name))) return [];
        if (query.site !== undefined && location.site !== query.site) return [];
        if (query.rack !== undefined && location.rack !== query.rack) return [];
        const address = document.address ?? latest.of(name)?.address;
        return address === undefined ? [] : [targetGroup(machine, address, query.port)];
      });
      return { kind: 'done', value: groups };
    },
  };
}
