import { Button, CloseButton } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useMemo, useState } from 'react';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { Job } from '#machines/contract/job.ts';
import { useAct } from '../api/queries.ts';
import { count } from '../look/format.ts';
import { type Standing, standingOf } from '../look/machine-state.ts';
import { MachineLink } from '../look/machine-link.tsx';
import { Card, Claimed, StateMark } from '../look/parts.tsx';
import { tell } from '../look/tell.ts';
import { useSession } from '../shell/session.ts';

/** As many of each as a person takes in at once. */
const SHOWN = 4;
const SEEN = 'ingot:first-steps';

type Parts = { machines: readonly MachineResource[]; jobs: ReadonlyMap<string, Job> };

/** Beside the racks, where there is something to do. */
export function ToDo({ machines, jobs }: Parts) {
  const [isSeen, setSeen] = useState(() => localStorage.getItem(SEEN) !== null);
  const isSimulated = useMemo(() => machines.some(({ labels }) => labels['simulated'] === 'true'), [machines]);
  const needed = useMemo(() => needing(machines, jobs), [machines, jobs]);
  const needs = needed.failed.length + needed.waiting.length > 0;
  const isNew = isSimulated && !isSeen;
  if (!needs && !isNew) return null;
  return (
    <aside aria-label="What to do">
      {isNew && <FirstSteps machines={machines} jobs={jobs} close={() => setSeen(true)} />}
      {needs && <NeedsYou {...needed} />}
    </aside>
  );
}

type Needing = { readonly machine: MachineResource; readonly standing: Standing };

function needing(machines: readonly MachineResource[], jobs: ReadonlyMap<string, Job>) {
  const failed: Needing[] = [];
  const waiting: Needing[] = [];
  for (const machine of machines) {
    const standing = standingOf(machine, jobs.get(machine.name));
    if (standing.state === 'attention') failed.push({ machine, standing });
    else if (standing.state === 'waiting') waiting.push({ machine, standing });
  }
  return { failed, waiting };
}

/** What waits for a person: boots that came to nothing, and why; machines that nobody has accepted. */
function NeedsYou({ failed, waiting }: ReturnType<typeof needing>) {
  return (
    <Card title="Needs you" className="needs">
      <ul>
        {failed.slice(0, SHOWN).map(({ machine, standing }) => (
          <li key={machine.name}>
            <span className="row">
              <MachineLink name={machine.name}>{machine.name}</MachineLink>
              <span className="spread">
                <StateMark tone="bad">{standing.label}</StateMark>
              </span>
            </span>
            <span className="soft">
              <Claimed>{machine.status.attempt?.verdict.next ?? standing.cause}</Claimed>
            </span>
          </li>
        ))}
        {waiting.slice(0, SHOWN).map(({ machine }) => (
          <li key={machine.name}>
            <span className="row">
              <MachineLink name={machine.name}>{machine.name}</MachineLink>
              <span className="spread">
                <Accept machine={machine} />
              </span>
            </span>
            <span className="soft">It asked for something to boot. Until you accept it, it gets nothing.</span>
          </li>
        ))}
      </ul>
      <More of={failed.length} what="do not boot" to="/machines" search={{ state: 'attention' }} />
      <More of={waiting.length} what="wait to be accepted" to="/discovery" search={{}} />
    </Card>
  );
}

function More({ of, what, to, search }: { of: number; what: string; to: string; search: Record<string, string> }) {
  if (of <= SHOWN) return null;
  return (
    <p>
      <Link to={to} search={search}>
        All {of.toLocaleString('en')} that {what}
      </Link>
    </p>
  );
}

function Accept({ machine: { name, status } }: { machine: MachineResource }) {
  const { may } = useSession();
  const act = useAct('actOnMachine', { done: () => tell(`${name} is accepted.`) });
  if (!may('operator') || !status.actions.includes('accept')) return <StateMark tone="wait">not accepted</StateMark>;
  return (
    <Button
      size="compact-sm"
      variant="light"
      loading={act.isPending}
      aria-label={`Accept ${name}`}
      onClick={() => act.mutate({ params: { name, action: 'accept' } })}
    >
      Accept
    </Button>
  );
}

/** For whoever has just started a simulated rack: what is worth trying, with the machines that are here. Once. */
function FirstSteps({ machines, jobs, close }: Parts & { close: () => void }) {
  const failing = machines.find((one) => standingOf(one, undefined).state === 'attention');
  const blank = machines.filter(
    ({ labels, status }) => labels['disks'] === 'blank' && status.acceptance === 'accepted',
  );
  const [first] = blank;
  const isInspected = first?.status.standing === 'ready';
  const to = (name: string, text: string): ReactNode => <MachineLink name={name}>{text}</MachineLink>;
  return (
    <Card
      title="First steps"
      className="first-steps"
      aside={
        <CloseButton
          className="spread"
          size="sm"
          aria-label="Do not show the first steps again"
          onClick={() => {
            localStorage.setItem(SEEN, 'seen');
            close();
          }}
        />
      }
    >
      <p className="soft">
        {count(machines.length, 'machine')} in software speak real DHCP, TFTP, HTTP and Redfish to this daemon. Nothing
        here can hurt a real one.
      </p>
      <ol>
        {failing && <li>See why {to(failing.name, failing.name)} does not boot: the verdict is on top of its page.</li>}
        {first && (
          <li data-done={isInspected ? '' : undefined}>
            Inspect {to(first.name, first.name)}: it tells what it is made of, and writes nothing.
          </li>
        )}
        {first && <li>Install it: a plan names its disk by serial, and begins when you confirm it.</li>}
        {blank.length > 1 && (
          <li>
            Make a <Link to="/clusters">cluster</Link> of{' '}
            {blank
              .slice(0, 2)
              .map(({ name }) => name)
              .join(' and ')}
            .
          </li>
        )}
        <li>
          Then a real one: <code>sudo npx ingot serve --interface eth1</code>
        </li>
      </ol>
      {jobs.size > 0 && (
        <p className="soft">
          {count(jobs.size, 'job is', 'jobs are')} under way: <Link to="/jobs">see them</Link>.
        </p>
      )}
    </Card>
  );
}
