import type { Metric } from '../api/metrics.ts';
import type { BmcService } from './contract.ts';

export function bmcMetrics({
  poller,
  load,
  operations,
}: Pick<BmcService, 'poller' | 'load' | 'operations'>): readonly Metric[] {
  const { asked, answered, failed, late, answerMs } = poller.counters();
  const { inFlight, waiting } = load();
  const powers = new Map<string, number>();
  for (const { power } of poller.readings()) powers.set(power, (powers.get(power) ?? 0) + 1);
  const counter = (name: string, help: string, value: number): Metric => ({
    name,
    help,
    type: 'counter',
    samples: [{ value }],
  });
  const gauge = (name: string, help: string, value: number): Metric => ({
    name,
    help,
    type: 'gauge',
    samples: [{ value }],
  });
  return [
    counter('ingot_bmc_polls_total', 'Times that a BMC was to be read.', asked),
    counter('ingot_bmc_polls_answered_total', 'Times that it told its power.', answered),
    counter('ingot_bmc_polls_answer_seconds_total', 'Time until they told it, added up.', answerMs / 1000),
    counter(
      'ingot_bmc_polls_failed_total',
      'Times that it did not, or was not asked because it had not before.',
      failed,
    ),
    counter('ingot_bmc_polls_late_total', 'Times that a BMC was still being asked when its next turn came.', late),
    gauge('ingot_bmc_requests_in_flight', 'Requests to BMCs under way.', inFlight),
    gauge('ingot_bmc_requests_waiting', 'Requests that wait for their turn.', waiting),
    gauge('ingot_power_operations', 'Power actions under way.', operations.running().length),
    {
      name: 'ingot_machines_power',
      help: 'Machines by the power that was read last.',
      type: 'gauge',
      samples: [...powers].map(([power, value]) => ({ labels: { power }, value })),
    },
  ];
}
