import type { RateReading } from '#machines/contract/api/rate-routes.ts';

/** What is counted since the daemon started, at one moment. */
export type Counted = {
  readonly at: number;
  readonly dhcpPackets: number;
  readonly bytes: number;
  readonly bmcAnswers: number;
  readonly bmcSeconds: number;
  readonly residentBytes: number;
};

export const FINE_MS = 10_000;
/** A quarter of an hour. */
const FINE_KEPT = 90;
const PER_MINUTE = 60_000 / FINE_MS;
/** A day. */
const MINUTES_KEPT = 1440;

/** Rates of the last day in so much memory as is known beforehand. Who restarts the daemon begins anew. */
export type RateHistory = {
  readonly add: (counted: Counted) => void;
  /** Those after `since`, oldest first: minutes, then the finer ones. */
  readonly readings: (since: number) => readonly RateReading[];
};

export function rateHistory(): RateHistory {
  let minutes: readonly RateReading[] = [];
  let fine: readonly RateReading[] = [];
  let before: Counted | undefined;
  let minuteBegan: Counted | undefined;
  let inMinute = 0;
  return {
    add(counted) {
      // A clock that was set back has no rate.
      if (before && counted.at > before.at) {
        fine = [...fine.slice(1 - FINE_KEPT), rateBetween(before, counted)];
        inMinute += 1;
      }
      if (minuteBegan && inMinute >= PER_MINUTE) {
        minutes = [...minutes.slice(1 - MINUTES_KEPT), rateBetween(minuteBegan, counted)];
        minuteBegan = counted;
        inMinute = 0;
      }
      before = counted;
      minuteBegan ??= counted;
    },
    readings(since) {
      const finer = fine[0]?.at ?? Number.POSITIVE_INFINITY;
      return [...minutes.filter(({ at }) => at < finer), ...fine].filter(({ at }) => at > since);
    },
  };
}

function rateBetween(before: Counted, after: Counted): RateReading {
  const seconds = (after.at - before.at) / 1000;
  // A part that was started anew, as by a reload, counts from nothing.
  const grown = (of: 'dhcpPackets' | 'bytes' | 'bmcAnswers' | 'bmcSeconds'): number =>
    after[of] < before[of] ? after[of] : after[of] - before[of];
  const answers = grown('bmcAnswers');
  return {
    at: after.at,
    seconds: rounded(seconds),
    dhcpPerSecond: rounded(grown('dhcpPackets') / seconds),
    bytesPerSecond: Math.round(grown('bytes') / seconds),
    ...(answers > 0 ? { bmcMs: rounded((grown('bmcSeconds') / answers) * 1000) } : {}),
    residentBytes: after.residentBytes,
  };
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

/** A metric, as far as it is read here. */
type Counters = { readonly name: string; readonly samples: readonly { readonly value: number }[] };

/** Loaders, then kernels and initrds, then images, configurations and installers. */
const SENT = [
  'ingot_tftp_sent_bytes_total',
  'ingot_boot_http_sent_bytes_total',
  'ingot_machine_plane_sent_bytes_total',
  'ingot_agent_plane_sent_bytes_total',
];

/** What the history is made of, by the names under which /metrics tells it. */
export function countedIn(metrics: readonly Counters[], at: number, residentBytes: number): Counted {
  const sum = (...names: readonly string[]): number =>
    metrics
      .filter(({ name }) => names.includes(name))
      .reduce((all, { samples }) => samples.reduce((part, { value }) => part + value, all), 0);
  return {
    at,
    dhcpPackets: sum('ingot_dhcp4_received_total'),
    bytes: sum(...SENT),
    bmcAnswers: sum('ingot_bmc_polls_answered_total'),
    bmcSeconds: sum('ingot_bmc_polls_answer_seconds_total'),
    residentBytes,
  };
}
