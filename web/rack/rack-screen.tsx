import './rack.css';
import { memo, useMemo, useState } from 'react';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { Job } from '#machines/contract/job.ts';
import { useFleet } from '../api/fleet.ts';
import { count } from '../look/format.ts';
import { STATE_NAMES, type State, STATES, type Standing, standingOf, TONES } from '../look/machine-state.ts';
import { MachineLink } from '../look/machine-link.tsx';
import { Bar, Failed, StateMark, Track } from '../look/parts.tsx';
import { FirstMachine } from '../shell/first-machine.tsx';
import { type Rack, racksOf } from './elevation.ts';
import { ToDo } from './needs-you.tsx';
import { useNear } from './near.ts';

/** Machines where they stand, and how each is. */
export function RackScreen() {
  const { machines, jobs, state, total } = useFleet();
  const [only, setOnly] = useState<State | 'all'>('all');
  const racks = useMemo(() => racksOf(machines), [machines]);
  const counts = useMemo(() => {
    const each = new Map<State, number>();
    for (const one of machines) {
      const { state: here } = standingOf(one, jobs.get(one.name));
      each.set(here, (each.get(here) ?? 0) + 1);
    }
    return each;
  }, [machines, jobs]);

  if (state === 'failed' && machines.length === 0) return <Failed error={new Error('The machines cannot be read.')} />;
  if (state === 'ready' && machines.length === 0) return <FirstMachine />;
  return (
    <>
      <h1 className="unseen">Rack</h1>
      <Tally counts={counts} total={total} only={only} choose={setOnly} />
      {machines.length < total && (
        <p className="soft" role="status">
          {count(machines.length, 'machine')} of {total.toLocaleString('en')} read…
        </p>
      )}
      <div className="rack-floor">
        <div className="racks">
          {racks.map((rack) => (
            <RackView
              key={rack.key}
              rack={rack}
              jobs={jobs}
              only={only}
              severalSites={racks.some((one) => one.site !== rack.site)}
            />
          ))}
        </div>
        <ToDo machines={machines} jobs={jobs} />
      </div>
    </>
  );
}

function Tally({
  counts,
  total,
  only,
  choose,
}: {
  counts: ReadonlyMap<State, number>;
  total: number;
  only: State | 'all';
  choose: (state: State | 'all') => void;
}) {
  const shown = STATES.filter((state) => (counts.get(state) ?? 0) > 0 || state === only);
  return (
    <fieldset className="tally">
      <legend className="unseen">Show machines that are</legend>
      <button type="button" aria-pressed={only === 'all'} onClick={() => choose('all')}>
        <b>{total.toLocaleString('en')}</b>
        <span>{total === 1 ? 'machine' : 'machines'}</span>
      </button>
      {shown.map((state) => (
        <button
          key={state}
          type="button"
          data-tone={TONES[state]}
          aria-pressed={only === state}
          onClick={() => choose(only === state ? 'all' : state)}
        >
          <b>{(counts.get(state) ?? 0).toLocaleString('en')}</b>
          <StateMark tone={TONES[state]}>{STATE_NAMES[state]}</StateMark>
        </button>
      ))}
    </fieldset>
  );
}

/** About, for a rack that was never on the screen. */
const HEAD_PX = 56;
const ROW_PX = 41;

type RackParts = { rack: Rack; jobs: ReadonlyMap<string, Job>; only: State | 'all'; severalSites: boolean };

const RackView = memo(function RackView({ rack, jobs, only, severalSites }: RackParts) {
  const title = rack.name === undefined ? 'No place yet' : `Rack ${rack.name}`;
  const { place, isNear, height } = useNear<HTMLElement>();
  const far = height ?? HEAD_PX + rack.rows.length * ROW_PX + rack.loose.length * ROW_PX;
  return (
    <section
      className="rack"
      aria-label={severalSites ? `${title}, site ${rack.site}` : title}
      ref={place}
      {...(isNear ? {} : { style: { height: far } })}
    >
      <header>
        <h2>{title}</h2>
        <span>
          {severalSites && `${rack.site} · `}
          {count(rack.machines.length, 'machine')}
        </span>
      </header>
      {isNear && rack.rows.length > 0 && (
        <ol className="units">
          {rack.rows.map((row) =>
            row.kind === 'unit' ? (
              <li key={row.unit} className="unit">
                <Unit of={row.unit} />
                <div className="bay">
                  {row.machines.map((one) => (
                    <Blade key={one.name} machine={one} job={jobs.get(one.name)} only={only} />
                  ))}
                </div>
                <Unit of={row.unit} again />
              </li>
            ) : (
              <li key={row.to} className="unit empty-unit">
                <span className="u" aria-hidden="true">
                  {row.to}
                </span>
                <div className="slot">
                  {row.from < row.to ? `${row.to - row.from + 1} empty units` : <span className="unseen">empty</span>}
                </div>
                <span className="u" aria-hidden="true">
                  {row.to}
                </span>
              </li>
            ),
          )}
        </ol>
      )}
      {isNear && rack.loose.length > 0 && (
        <ul className="units loose">
          {rack.loose.map((one) => (
            <li key={one.name} className="unit">
              <div className="bay">
                <Blade machine={one} job={jobs.get(one.name)} only={only} />
              </div>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
});

const Unit = ({ of, again }: { of: number; again?: boolean }) => (
  <span className="u" aria-hidden={again}>
    <span className="unseen">unit </span>
    {of}
  </span>
);

type BladeParts = { machine: MachineResource; job: Job | undefined; only: State | 'all' };

const Blade = memo(function Blade({ machine, job, only }: BladeParts) {
  const standing = standingOf(machine, job);
  const { facts, locked } = machine.status;
  const what = [facts['product']?.value, facts['arch']?.value].filter((one) => one !== undefined).join(' · ');
  return (
    <MachineLink
      name={machine.name}
      className="blade"
      data-tone={standing.tone}
      data-state={standing.state}
      data-dim={only !== 'all' && only !== standing.state ? '' : undefined}
      title={standing.cause}
    >
      <span className="blade-lamp lamp" aria-hidden="true" />
      <span className="blade-name">
        {machine.name}
        {locked && <span className="blade-lock"> locked</span>}
      </span>
      <bdi className="blade-what">{what}</bdi>
      <Stage machine={machine} job={job} standing={standing} />
      <span className="blade-state">{standing.label}</span>
    </MachineLink>
  );
});

function Stage({ machine, job, standing }: { machine: MachineResource; job: Job | undefined; standing: Standing }) {
  if (!job) return <Track machine={machine} standing={standing} />;
  const done = job.steps.filter(({ state }) => state === 'done' || state === 'skipped').length;
  const part = job.steps.find(({ state }) => state === 'running')?.progress ?? 0;
  return (
    <span className="blade-job">
      <Bar part={(done + part) / Math.max(1, job.steps.length)} label={`${job.kind} of ${machine.name}`} tone="busy" />
    </span>
  );
}
