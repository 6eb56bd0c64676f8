import './machine.css';
import { Tabs } from '@mantine/core';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { useFleet, useMachine } from '../api/fleet.ts';
import { useAsk } from '../api/queries.ts';
import { capital } from '../look/format.ts';
import { standingOf } from '../look/machine-state.ts';
import { Ago, Claimed, Failed, Mono, StateMark } from '../look/parts.tsx';
import { machineTab } from '../shell/routes.tsx';
import { BootTab } from './boot-tab.tsx';
import { ConfigTab } from './config-tab.tsx';
import { ConsoleTab } from './console-tab.tsx';
import { HardwareTab } from './hardware-tab.tsx';
import { HistoryTab } from './history-tab.tsx';
import { useClusterOf } from '../clusters/cluster-of.ts';
import { MachineActions } from './machine-actions.tsx';
import { MachineJobs, RunningJob } from '../jobs/machine-jobs.tsx';
import { PersonAsk } from './person-ask.tsx';

/** One machine: how it stands, what can be done, and everything that is known. */
export function MachineScreen() {
  const { name } = useParams({ from: '/machines/$name' });
  const { tab = 'boot', attempt } = useSearch({ from: '/machines/$name' });
  const navigate = useNavigate({ from: '/machines/$name' });
  const kept = useMachine(name);
  const { state } = useFleet();
  const asked = useAsk('getMachine', { params: { name } }, { enabled: kept === undefined });
  const machine = kept ?? (state === 'ready' ? undefined : asked.data);
  if (!machine) return asked.error ? <Gone name={name} error={asked.error} /> : <p role="status">Looking it up…</p>;
  return (
    <>
      <MachineHead machine={machine} />
      <PersonAsk name={name} />
      <RunningJob machine={name} />
      <Tabs
        value={tab}
        onChange={(value) => {
          const next = machineTab.safeParse(value);
          if (next.success) void navigate({ search: { tab: next.data }, replace: true });
        }}
        keepMounted={false}
      >
        <Tabs.List className="tabs">
          {machineTab.options.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {capital(one)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="boot">
          <BootTab machine={machine} attempt={attempt} />
        </Tabs.Panel>
        <Tabs.Panel value="hardware">
          <HardwareTab machine={machine} />
        </Tabs.Panel>
        <Tabs.Panel value="jobs">
          <MachineJobs machine={machine} />
        </Tabs.Panel>
        <Tabs.Panel value="console">
          <ConsoleTab machine={machine} />
        </Tabs.Panel>
        <Tabs.Panel value="config">
          <ConfigTab machine={machine} />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <HistoryTab machine={machine} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

function MachineHead({ machine }: { machine: MachineResource }) {
  const { jobs } = useFleet();
  const standing = standingOf(machine, jobs.get(machine.name));
  const { facts, locked, attempt, lastSeen } = machine.status;
  const cluster = useClusterOf(machine);
  const { rack, unit } = machine.location;
  const maker = [facts['manufacturer']?.value, facts['product']?.value].filter((one) => one !== undefined).join(' ');
  const address = attempt?.address ?? machine.address;
  const mac = machine.macs[0] ?? machine.status.identifiers.macs[0];
  return (
    <div className="machine-head">
      <div className="stack machine-name">
        <div className="row">
          <h1 className="machine-title">{machine.name}</h1>
          <StateMark tone={standing.tone} pill>
            {standing.label}
          </StateMark>
          {locked && (
            <StateMark tone="quiet" pill>
              locked
            </StateMark>
          )}
        </div>
        <p className="soft machine-line">
          {rack !== undefined && (
            <span>
              <Link to="/">rack {rack}</Link>
              {unit !== undefined && `, unit ${unit}`}
            </span>
          )}
          {cluster !== undefined && (
            <span>
              cluster{' '}
              <Link to="/clusters/$name" params={{ name: cluster }}>
                {cluster}
              </Link>
            </span>
          )}
          {maker !== '' && <Claimed>{maker}</Claimed>}
          {address !== undefined && <Mono>{address}</Mono>}
          {mac !== undefined && <Mono>{mac}</Mono>}
          {lastSeen !== undefined && (
            <span>
              heard <Ago at={lastSeen} />
            </span>
          )}
        </p>
      </div>
      <MachineActions machine={machine} />
    </div>
  );
}

function Gone({ name, error }: { name: string; error: unknown }) {
  return (
    <div className="stack">
      <h1>{name}</h1>
      <Failed error={error} />
      <p>
        <Link to="/machines">All machines</Link>
      </p>
    </div>
  );
}
