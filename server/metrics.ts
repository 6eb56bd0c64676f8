import type { Metric } from './api/metrics.ts';
import type { Webhooks } from '#services/webhooks/webhooks.ts';
import type { Dhcp4Counters } from './dhcp4/contract.ts';
import type { TftpEvent } from './tftp/contract.ts';

const byLabel = (label: string, values: Readonly<Record<string, number>>): Metric['samples'] =>
  Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));

export function dhcp4Metrics(counters: Dhcp4Counters): readonly Metric[] {
  const one = (value: number): Metric['samples'] => [{ value }];
  return [
    {
      name: 'ingot_dhcp4_received_total',
      help: 'DHCPv4 packets received, by message type.',
      type: 'counter',
      samples: byLabel('type', counters.received),
    },
    {
      name: 'ingot_dhcp4_answered_total',
      help: 'DHCPv4 answers sent, by message type.',
      type: 'counter',
      samples: byLabel('type', counters.answered),
    },
    {
      name: 'ingot_dhcp4_silent_total',
      help: 'DHCPv4 packets not answered, by reason.',
      type: 'counter',
      samples: byLabel('reason', counters.silent),
    },
    {
      name: 'ingot_dhcp4_bindings_stored_total',
      help: 'Leases that were on disk before their ACK.',
      type: 'counter',
      samples: one(counters.bindingsStored),
    },
    {
      name: 'ingot_dhcp4_bindings_failed_total',
      help: 'Leases that could not be stored.',
      type: 'counter',
      samples: one(counters.bindingsFailed),
    },
    {
      name: 'ingot_dhcp4_conflicts_total',
      help: 'Addresses found in use by something else.',
      type: 'counter',
      samples: one(counters.conflicts),
    },
    {
      name: 'ingot_dhcp4_pending',
      help: 'DHCPv4 packets whose answer waits for a disk or a probe.',
      type: 'gauge',
      samples: one(counters.pending),
    },
  ];
}

export function webhookMetrics(webhooks: Pick<Webhooks, 'states'>): readonly Metric[] {
  const states = webhooks.states();
  const sum = (of: 'waiting' | 'delivered' | 'dead'): number => states.reduce((all, one) => all + one[of], 0);
  return [
    {
      name: 'ingot_webhook_deliveries_total',
      help: 'Events that webhooks were told, or that were given up.',
      type: 'counter',
      samples: byLabel('state', { delivered: sum('delivered'), dead: sum('dead') }),
    },
    {
      name: 'ingot_webhook_waiting',
      help: 'Events on their way to webhooks.',
      type: 'gauge',
      samples: [{ value: sum('waiting') }],
    },
  ];
}

/** Counts what the TFTP server tells. */
export function tftpCounters() {
  const outcomes: Record<string, number> = {};
  let bytes = 0;
  return {
    count(event: TftpEvent): void {
      if (event.kind === 'listening' || event.kind === 'not-listening') return;
      outcomes[event.kind] = (outcomes[event.kind] ?? 0) + 1;
      if (event.kind === 'sent') bytes += event.bytes;
    },
    metrics: (): readonly Metric[] => [
      {
        name: 'ingot_tftp_transfers_total',
        help: 'TFTP requests and how they ended.',
        type: 'counter',
        samples: byLabel('event', outcomes),
      },
      {
        name: 'ingot_tftp_sent_bytes_total',
        help: 'Bytes of files that were sent whole by TFTP.',
        type: 'counter',
        samples: [{ value: bytes }],
      },
    ],
  };
}
