import './charts.css';
import { type ReactNode, useMemo } from 'react';
import { useAsk } from '../api/queries.ts';
import { useFleet } from '../api/fleet.ts';
import { bytes, capital, count, duration, when } from '../look/format.ts';
import { VERDICT_NAMES } from '../look/machine-state.ts';
import { useNow } from '../look/now.ts';
import { Card, Empty, Failed, ScreenHead } from '../look/parts.tsx';
import { bootsOverTime, failuresByCause } from './boots.ts';
import { useReadings } from './history.ts';
import { Plot } from './plot.tsx';

/** How things went, and how they go. */
export function ChartsScreen() {
  const { data, error } = useAsk('listAttempts', { query: { limit: 1000 } }, { everyMs: 15_000 });
  const readings = useReadings();
  const now = useNow();
  const attempts = useMemo(() => data?.items ?? [], [data]);
  const slots = useMemo(() => bootsOverTime(attempts, now), [attempts, now]);
  const failures = useMemo(() => failuresByCause(attempts), [attempts]);
  const at = readings.map((one) => one.at);
  const last = readings.at(-1);
  return (
    <>
      <ScreenHead
        title="Charts"
        about="Boots are from the daemon’s traces; rates are read while this screen is open. For longer times: /metrics, for Prometheus."
      />
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
          <Plot
            kind="bars"
            label={`Boots over time: ${attempts.filter(({ verdict }) => verdict.code === 'booted').length} booted, ${failures.reduce((sum, one) => sum + one.count, 0)} failed or waiting`}
            at={slots.map((one) => one.at)}
            format={(value) => (Number.isInteger(value) ? String(value) : '')}
            // Stacked: what lies behind is drawn first, and as high as all before it.
            lines={[
              { label: 'open', colour: '--busy-lamp', values: slots.map((one) => one.booted + one.failed + one.open) },
              { label: 'failed', colour: '--bad-lamp', values: slots.map((one) => one.booted + one.failed) },
              { label: 'booted', colour: '--good-lamp', values: slots.map((one) => one.booted) },
            ]}
          />
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
          <Plot
            label="DHCP packets a second"
            at={at}
            format={(value) => `${value}/s`}
            lines={[{ label: 'packets', colour: '--busy-lamp', values: readings.map((one) => one.dhcpPerSecond) }]}
          />
        </Figure>
        <Figure title="Loaders and images sent" value={last && `${bytes(last.bytesPerSecond)}/s`}>
          <Plot
            least={1024}
            label="Bytes sent a second"
            at={at}
            format={(value) => `${bytes(value)}/s`}
            lines={[{ label: 'bytes', colour: '--good-lamp', values: readings.map((one) => one.bytesPerSecond) }]}
          />
        </Figure>
        <Bmcs />
        <Figure title="Memory of the daemon" value={last && bytes(last.residentBytes)}>
          <Plot
            label="Resident memory of the daemon"
            at={at}
            format={bytes}
            lines={[{ label: 'resident', colour: '--wait-lamp', values: readings.map((one) => one.residentBytes) }]}
          />
        </Figure>
      </div>
    </>
  );
}

function Bmcs() {
  const readings = useReadings();
  const { data } = useAsk('listPower', {}, { everyMs: 15_000 });
  const { machines } = useFleet();
  const last = readings.at(-1);
  const known = readings.some(({ bmcMs }) => bmcMs !== undefined);
  const items = data?.items ?? [];
  const failing = items.filter(({ error }) => error !== undefined);
  const oldest = Math.min(...items.filter(({ at }) => at > 0).map(({ at }) => at));
  const now = useNow();
  return (
    <Figure title="BMCs" value={last?.bmcMs === undefined ? undefined : `${duration(last.bmcMs)} to answer`}>
      {known && (
        <Plot
          label="Milliseconds until BMCs answer"
          at={readings.map((one) => one.at)}
          format={(value) => `${Math.round(value)} ms`}
          lines={[{ label: 'ms', colour: '--busy-lamp', values: readings.map((one) => one.bmcMs) }]}
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
