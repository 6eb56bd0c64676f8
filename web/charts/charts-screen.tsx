import './charts.css';
import { SegmentedControl } from '@mantine/core';
import { type ReactNode, useMemo, useState } from 'react';
import type { RateReading } from '#machines/contract/api/rate-routes.ts';
import { useAsk } from '../api/queries.ts';
import { useFleet } from '../api/fleet.ts';
import { bytes, capital, count, duration, when } from '../look/format.ts';
import { VERDICT_NAMES } from '../look/machine-state.ts';
import { useNow } from '../look/now.ts';
import { Card, Empty, Failed, ScreenHead } from '../look/parts.tsx';
import { bootsOverTime, failuresByCause } from './boots.ts';
import { useReadings } from './history.ts';
import { Plot } from './plot.tsx';

const RANGES = { '15 min': 900_000, '3 h': 10_800_000, '24 h': 86_400_000 } as const;
type Range = keyof typeof RANGES;
const RANGE_NAMES: readonly Range[] = ['15 min', '3 h', '24 h'];

/** How things went, and how they go. */
export function ChartsScreen() {
  const { data, error } = useAsk('listAttempts', { query: { limit: 1000 } }, { everyMs: 15_000 });
  const kept = useReadings();
  const [range, setRange] = useState<Range>('15 min');
  const readings = useMemo(() => {
    const from = (kept.items.at(-1)?.at ?? 0) - RANGES[range];
    return kept.items.filter(({ at }) => at >= from);
  }, [kept.items, range]);
  const now = useNow();
  const attempts = useMemo(() => data?.items ?? [], [data]);
  const slots = useMemo(() => bootsOverTime(attempts, now), [attempts, now]);
  const failures = useMemo(() => failuresByCause(attempts), [attempts]);
  const last = readings.at(-1);
  return (
    <>
      <ScreenHead
        title="Charts"
        about="The daemon keeps its last 1,000 boots, and a day of rates while it runs. For longer: /metrics, for Prometheus."
      >
        <SegmentedControl
          data={[...RANGE_NAMES]}
          value={range}
          onChange={(value) => setRange(RANGE_NAMES.find((one) => one === value) ?? '15 min')}
          aria-label="How far back rates are shown"
        />
      </ScreenHead>
      {kept.error !== undefined && <Failed error={kept.error} />}
      {error && <Failed error={error} />}
      <div className="charts">
        <Figure
          title="Boots"
          value={count(attempts.length, 'boot')}
          legend={[
            ['--good-lamp', 'booted'],
            ['--bad-lamp', 'failed'],
            ['--busy-lamp', 'not over, or waiting'],
          ]}
        >
          {attempts.length === 0 ? (
            <Empty title="No boots yet">
              <p>Power a machine on with network boot: each try to boot is counted here, by how it ended.</p>
            </Empty>
          ) : (
            <Plot
              kind="bars"
              label={`Boots over time: ${attempts.filter(({ verdict }) => verdict.code === 'booted').length} booted, ${failures.reduce((sum, one) => sum + one.count, 0)} failed or waiting`}
              at={slots.map((one) => one.at)}
              format={(value) => (Number.isInteger(value) ? String(value) : '')}
              // Stacked: what lies behind is drawn first, and as high as all before it.
              lines={[
                {
                  label: 'open',
                  colour: '--busy-lamp',
                  values: slots.map((one) => one.booted + one.failed + one.open),
                },
                { label: 'failed', colour: '--bad-lamp', values: slots.map((one) => one.booted + one.failed) },
                { label: 'booted', colour: '--good-lamp', values: slots.map((one) => one.booted) },
              ]}
            />
          )}
          <Numbers
            head={['From', 'Booted', 'Failed', 'Open']}
            rows={slots
              .filter((one) => one.booted + one.failed + one.open > 0)
              .map((one) => [when(one.at), one.booted, one.failed, one.open])}
          />
        </Figure>
        <Card
          title="Why boots failed"
          aside={<span className="soft">of the last {attempts.length.toLocaleString('en')}</span>}
        >
          {failures.length === 0 ? (
            <Empty title="None did">
              <p>When a boot fails, its cause is counted here.</p>
            </Empty>
          ) : (
            <ul className="causes">
              {failures.map(({ code, count: times }) => (
                <li key={code}>
                  <span>{capital(VERDICT_NAMES[code])}</span>
                  <span
                    className="cause-bar"
                    style={{ width: `${(times / (failures[0]?.count ?? 1)) * 100}%` }}
                    aria-hidden="true"
                  />
                  <b>{times.toLocaleString('en')}</b>
                </li>
              ))}
            </ul>
          )}
        </Card>
        <Figure title="DHCP" value={last && `${last.dhcpPerSecond.toFixed(1)} packets/s`}>
          <Rates
            of={readings}
            label="DHCP packets a second"
            format={(value) => `${value}/s`}
            colour="--busy-lamp"
            value={(one) => one.dhcpPerSecond}
          />
        </Figure>
        <Figure title="Loaders and images sent" value={last && `${bytes(last.bytesPerSecond)}/s`}>
          <Rates
            of={readings}
            least={1024}
            steps="binary"
            label="Bytes sent a second"
            format={(value) => `${bytes(value)}/s`}
            colour="--good-lamp"
            value={(one) => one.bytesPerSecond}
          />
        </Figure>
        <Bmcs readings={readings} />
        <Figure title="Memory of the daemon" value={last && bytes(last.residentBytes)}>
          <Rates
            of={readings}
            least={1 << 20}
            steps="binary"
            label="Resident memory of the daemon"
            format={bytes}
            colour="--wait-lamp"
            value={(one) => one.residentBytes}
          />
        </Figure>
      </div>
    </>
  );
}

/** One rate over time. Of a single reading there is no line: it says when there will be one. */
function Rates({
  of,
  label,
  format,
  colour,
  value,
  least,
  steps = 'decimal',
}: {
  of: readonly RateReading[];
  label: string;
  format: (value: number) => string;
  colour: string;
  value: (reading: RateReading) => number | undefined;
  least?: number;
  steps?: 'decimal' | 'binary';
}) {
  // oxlint-disable-next-line react-hooks/exhaustive-deps -- which value of a reading it is never changes
  const lines = useMemo(() => [{ label, colour, values: of.map(value) }], [of]);
  const at = useMemo(() => of.map((one) => one.at), [of]);
  if (of.length < 2) {
    return (
      <div className="plot plot-empty soft" role="status">
        The first line is drawn half a minute after the daemon’s start: it counts every 10 seconds.
      </div>
    );
  }
  return (
    <Plot
      label={label}
      at={at}
      format={format}
      lines={lines}
      steps={steps}
      {...(least === undefined ? {} : { least })}
    />
  );
}

function Bmcs({ readings }: { readings: readonly RateReading[] }) {
  const { data } = useAsk('listPower', {}, { everyMs: 15_000 });
  const { machines } = useFleet();
  const last = readings.findLast(({ bmcMs }) => bmcMs !== undefined);
  const known = readings.some(({ bmcMs }) => bmcMs !== undefined);
  const items = data?.items ?? [];
  const failing = items.filter(({ error }) => error !== undefined);
  const oldest = Math.min(...items.filter(({ at }) => at > 0).map(({ at }) => at));
  const now = useNow();
  return (
    <Figure title="BMCs" value={last?.bmcMs === undefined ? undefined : `${duration(last.bmcMs)} to answer`}>
      {known && (
        <Rates
          of={readings}
          label="Milliseconds until BMCs answer"
          format={(value) => `${Math.round(value)} ms`}
          colour="--busy-lamp"
          value={(one) => one.bmcMs}
        />
      )}
      <p>
        {count(items.length, 'BMC')} of {count(machines.length, 'machine')} are asked for their power
        {Number.isFinite(oldest) && items.length > 0 && `; the oldest answer is ${duration(now - oldest)} old`}.
      </p>
      {failing.length > 0 && (
        <ul>
          {failing.slice(0, 8).map(({ machine, error }) => (
            <li key={machine}>
              {machine}: {error?.code}, {error?.because}
            </li>
          ))}
        </ul>
      )}
    </Figure>
  );
}

function Figure({
  title,
  value,
  legend = [],
  children,
}: {
  title: string;
  value: string | undefined;
  legend?: readonly (readonly [string, string])[];
  children: ReactNode;
}) {
  return (
    <Card
      title={title}
      aside={
        <>
          <span className="figure">{value}</span>
          <span className="row spread">
            {legend.map(([colour, word]) => (
              <span key={word} className="legend soft">
                <i style={{ background: `var(${colour})` }} aria-hidden="true" />
                {word}
              </span>
            ))}
          </span>
        </>
      }
    >
      {children}
    </Card>
  );
}

/** The same in figures, for whoever does not see the picture. */
function Numbers({ head, rows }: { head: readonly string[]; rows: readonly (readonly (string | number)[])[] }) {
  return (
    <table className="unseen">
      <thead>
        <tr>
          {head.map((word) => (
            <th key={word} scope="col">
              {word}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((cells) => (
          <tr key={cells[0]}>
            {cells.map((cell, column) => (
              <td key={head[column]}>{cell}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
