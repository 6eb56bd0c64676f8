import './machines.css';
import { Button, Menu, Select, TextInput } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { PLANNED_KINDS, type PlannedKind } from '#machines/decide/jobs/make-plan.ts';
import type { Job } from '#machines/contract/job.ts';
import { parseIpAddress } from '#machines/values/ip-address.ts';
import { useFleet } from '../api/fleet.ts';
import { collator } from '../look/collator.ts';
import { MachineLink } from '../look/machine-link.tsx';
import { capital, count } from '../look/format.ts';
import { STATE_NAMES, STATES, standingOf } from '../look/machine-state.ts';
import { Ago, Card, Claimed, Empty, Mono, ScreenHead, StateMark, Track } from '../look/parts.tsx';
import { FirstMachine } from '../shell/first-machine.tsx';
import { useSession } from '../shell/session.ts';
import { PlanDialog } from '../jobs/plan-dialog.tsx';
import { BulkActions } from './bulk-actions.tsx';
import { byName, haystackOf } from './filter.ts';

const ROW_PX = 44;

const COLUMNS = [
  { key: 'name', title: 'Name' },
  { key: 'state', title: 'State' },
  { key: 'track', title: 'Boot' },
  { key: 'place', title: 'Place' },
  { key: 'address', title: 'Address' },
  { key: 'mac', title: 'MAC' },
  { key: 'model', title: 'Model' },
  { key: 'profile', title: 'Profile' },
  { key: 'seen', title: 'Heard' },
] as const;
type Column = (typeof COLUMNS)[number]['key'];
type Sort = { readonly by: Column; readonly down: boolean };

/** All machines: filtered, sorted and searched here, where they all are; only the rows that are seen are drawn. */
export function MachinesScreen() {
  const fleet = useFleet();
  const { search = '', state } = useSearch({ from: '/machines' });
  const navigate = useNavigate({ from: '/machines' });
  const [sort, setSort] = useState<Sort>({ by: 'name', down: false });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const wanted = useDeferredValue(search.trim().toLowerCase());
  const shown = useMemo(
    () => sorted(filtered(fleet.machines, fleet.jobs, wanted, state), fleet.jobs, sort),
    [fleet, wanted, state, sort],
  );
  const toggle = useCallback((name: string): void => {
    setChosen((before) => {
      const next = new Set(before);
      if (!next.delete(name)) next.add(name);
      return next;
    });
  }, []);
  if (fleet.state === 'ready' && fleet.machines.length === 0) return <FirstMachine />;
  const picked = shown.filter(({ name }) => chosen.has(name));
  const isFiltered = search !== '' || state !== undefined;
  const set = (change: { readonly search?: string | undefined; readonly state?: string | undefined }): void =>
    void navigate({
      replace: true,
      search: (before) => {
        const next = { ...before, ...change };
        return { ...(next.search ? { search: next.search } : {}), ...(next.state ? { state: next.state } : {}) };
      },
    });
  return (
    <div className="machines">
      <ScreenHead
        title="Machines"
        about={
          <span role="status">
            {isFiltered
              ? `${count(shown.length, 'machine')} of ${fleet.total.toLocaleString('en')}`
              : count(fleet.total, 'machine')}
            {fleet.machines.length < fleet.total && `, ${fleet.machines.length.toLocaleString('en')} read so far`}
          </span>
        }
      >
        <TextInput
          aria-label="Filter machines"
          placeholder="Name, MAC, address, serial, label=value"
          value={search}
          onChange={({ currentTarget: { value } }) => set({ search: value })}
          className="filter-text"
          spellCheck={false}
        />
        <Select
          aria-label="State"
          placeholder="Any state"
          clearable
          clearButtonProps={{ 'aria-label': 'Any state' }}
          data={STATES.map((one) => ({ value: one, label: capital(STATE_NAMES[one]) }))}
          value={state ?? null}
          onChange={(value) => set({ state: value ?? undefined })}
          w={190}
        />
      </ScreenHead>
      {picked.length > 0 && <Picked machines={picked} clear={() => setChosen(new Set())} />}
      {shown.length === 0 && fleet.state === 'ready' ? (
        <Card>
          <Empty title="No machine matches">
            <p>Names, MACs, addresses, serials, UUIDs, models, host names and labels are looked at.</p>
            <Button variant="default" onClick={() => set({ search: undefined, state: undefined })}>
              Show all machines
            </Button>
          </Empty>
        </Card>
      ) : (
        <Table
          orderKey={`${wanted} ${state ?? ''}`}
          machines={shown}
          jobs={fleet.jobs}
          sort={sort}
          setSort={setSort}
          chosen={chosen}
          toggle={toggle}
          chooseAll={(all) => setChosen(all ? new Set(shown.map(({ name }) => name)) : new Set())}
        />
      )}
    </div>
  );
}

function Picked({ machines, clear }: { machines: readonly MachineResource[]; clear: () => void }) {
  const [planned, setPlanned] = useState<PlannedKind>();
  const { may } = useSession();
  return (
    <section className="card picked row" aria-label="Chosen machines">
      <strong>{count(machines.length, 'machine')} chosen</strong>
      <Button size="xs" variant="subtle" onClick={clear}>
        Choose none
      </Button>
      {may('operator') && (
        <span className="row spread">
          <BulkActions machines={machines} />
          <Menu position="bottom-end">
            <Menu.Target>
              <Button size="xs" color="red" variant="light">
                Plan…
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {PLANNED_KINDS.map((kind) => (
                <Menu.Item key={kind} onClick={() => setPlanned(kind)}>
                  {capital(kind)}…
                </Menu.Item>
              ))}
            </Menu.Dropdown>
          </Menu>
        </span>
      )}
      {planned && <PlanDialog kind={planned} machines={machines} close={() => setPlanned(undefined)} />}
    </section>
  );
}

type TableParts = {
  /** Changes when other machines are shown, or in another order. */
  orderKey: string;
  machines: readonly MachineResource[];
  jobs: ReadonlyMap<string, Job>;
  sort: Sort;
  setSort: (sort: Sort) => void;
  chosen: ReadonlySet<string>;
  toggle: (name: string) => void;
  chooseAll: (all: boolean) => void;
};

function Table({ orderKey, machines, jobs, sort, setSort, chosen, toggle, chooseAll }: TableParts) {
  const place = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: machines.length,
    getScrollElement: () => place.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  // Another order begins at its top.
  useEffect(() => {
    place.current?.scrollTo({ top: 0 });
  }, [sort, orderKey]);
  const all = machines.length > 0 && machines.every(({ name }) => chosen.has(name));
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so keys must reach it
    <div className="grid" ref={place} tabIndex={0} role="region" aria-label="Machines">
      <div role="table" aria-label="Machines" aria-rowcount={machines.length + 1}>
        <div role="rowgroup" className="grid-head">
          <div role="row" className="grid-row" aria-rowindex={1}>
            <span role="columnheader">
              <input
                type="checkbox"
                aria-label="Choose all"
                checked={all}
                ref={(box) => {
                  if (box) box.indeterminate = !all && chosen.size > 0;
                }}
                onChange={() => chooseAll(!all)}
              />
            </span>
            {COLUMNS.map(({ key, title }) => (
              <span
                key={key}
                role="columnheader"
                className={`c-${key}`}
                aria-sort={sort.by !== key ? 'none' : sort.down ? 'descending' : 'ascending'}
              >
                <button type="button" onClick={() => setSort({ by: key, down: sort.by === key && !sort.down })}>
                  {title}
                  <span aria-hidden="true">{sort.by === key ? (sort.down ? ' ↓' : ' ↑') : ''}</span>
                </button>
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="grid-body" style={{ height: rows.getTotalSize() }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const machine = machines[index];
            if (!machine) return null;
            return (
              <div
                key={machine.name}
                className="grid-place"
                role="presentation"
                style={{ transform: `translateY(${start}px)` }}
              >
                <Row
                  machine={machine}
                  job={jobs.get(machine.name)}
                  index={index}
                  isChosen={chosen.has(machine.name)}
                  toggle={toggle}
                />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

type RowParts = {
  machine: MachineResource;
  job: Job | undefined;
  index: number;
  isChosen: boolean;
  toggle: (name: string) => void;
};

const Row = memo(function Row({ machine, job, index, isChosen, toggle }: RowParts) {
  const standing = standingOf(machine, job);
  const { rack, unit } = machine.location;
  const { lastSeen, locked } = machine.status;
  return (
    <div role="row" className="grid-row" aria-rowindex={index + 2} data-chosen={isChosen ? '' : undefined}>
      <span role="cell">
        <input
          type="checkbox"
          aria-label={`Choose ${machine.name}`}
          checked={isChosen}
          onChange={() => toggle(machine.name)}
        />
      </span>
      <span role="cell" className="c-name">
        <MachineLink name={machine.name}>{machine.name}</MachineLink>
        {locked && <span className="soft"> locked</span>}
      </span>
      <span role="cell" className="c-state" title={standing.cause}>
        <StateMark tone={standing.tone}>{standing.label}</StateMark>
      </span>
      <span role="cell" className="c-track">
        <Track machine={machine} standing={standing} />
      </span>
      <span role="cell" className="c-place">
        {rack === undefined ? '' : `${rack}${unit === undefined ? '' : ` u${unit}`}`}
      </span>
      <span role="cell" className="c-address">
        <Mono>{addressOf(machine)}</Mono>
      </span>
      <span role="cell" className="c-mac">
        <Mono>{macOf(machine)}</Mono>
      </span>
      <span role="cell" className="c-model">
        <Claimed>{modelOf(machine)}</Claimed>
      </span>
      <span role="cell" className="c-profile">
        {machine.profile}
      </span>
      <span role="cell" className="c-seen soft">
        {lastSeen !== undefined && <Ago at={lastSeen} />}
      </span>
    </div>
  );
});

const addressOf = ({ status, address }: MachineResource): string => status.attempt?.address ?? address ?? '';
const macOf = ({ macs, status }: MachineResource): string => macs[0] ?? status.identifiers.macs[0] ?? '';
const modelOf = ({ status: { facts } }: MachineResource): string => String(facts['product']?.value ?? '');

function filtered(
  machines: readonly MachineResource[],
  jobs: ReadonlyMap<string, Job>,
  text: string,
  state: string | undefined,
): readonly MachineResource[] {
  if (text === '' && state === undefined) return machines;
  return machines.filter(
    (one) =>
      (text === '' || haystackOf(one).includes(text)) &&
      (state === undefined || standingOf(one, jobs.get(one.name)).state === state),
  );
}

function sorted(
  machines: readonly MachineResource[],
  jobs: ReadonlyMap<string, Job>,
  { by, down }: Sort,
): readonly MachineResource[] {
  // They come by name.
  if (by === 'name') return down ? machines.toReversed() : machines;
  const keyed = machines.map((machine) => ({ machine, key: sortKey(machine, jobs.get(machine.name), by) }));
  // Hexadecimal digits are no numbers to a collator.
  const asWords = by === 'mac' || by === 'address' ? plainOrder : collator.compare;
  keyed.sort((one, other) => {
    const order =
      typeof one.key === 'number' && typeof other.key === 'number'
        ? one.key - other.key
        : asWords(String(one.key), String(other.key));
    return (down ? -order : order) || byName(one.machine, other.machine);
  });
  return keyed.map(({ machine }) => machine);
}

const plainOrder = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

function sortKey(machine: MachineResource, job: Job | undefined, by: Column): string | number {
  const { location, profile, status } = machine;
  switch (by) {
    case 'name':
      return machine.name;
    case 'state': {
      const { state, label } = standingOf(machine, job);
      return `${STATES.indexOf(state)} ${label}`;
    }
    case 'track':
      return status.attempt?.startedAt ?? 0;
    case 'place':
      return `${location.site} ${location.rack ?? '~'} ${location.unit ?? ''}`;
    case 'address':
      return addressKey(addressOf(machine));
    case 'mac':
      return macOf(machine);
    case 'model':
      return modelOf(machine);
    case 'profile':
      return profile ?? '';
    case 'seen':
      return -(status.lastSeen ?? 0);
    default:
      return by satisfies never;
  }
}

/** 10.0.0.9 before 10.0.0.10. */
function addressKey(text: string): string {
  const read = parseIpAddress(text);
  if (!read.ok) return '~';
  return text.includes('.')
    ? text
        .split('.')
        .map((part) => part.padStart(3, '0'))
        .join('.')
    : text;
}
