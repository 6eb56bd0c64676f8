import './clusters.css';
import { ActionIcon, Button, Menu, Modal, TextInput } from '@mantine/core';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import type { ClusterState } from '#machines/contract/api/cluster-resource.ts';
import type { ClusterDocument } from '#machines/contract/cluster.ts';
import type { PlannedKind } from '#machines/decide/jobs/make-plan.ts';
import { answerOf, ask } from '../api/daemon.ts';
import { useFleet } from '../api/fleet.ts';
import { useAsk } from '../api/queries.ts';
import { EditDocument } from '../documents/edit-document.tsx';
import { jobPart } from '../jobs/job-state.ts';
import { capital, count, words } from '../look/format.ts';
import { Icon } from '../look/icons.tsx';
import { MachineLink } from '../look/machine-link.tsx';
import { Bar, Card, Failed, Mono, Pairs, StateMark, Wide } from '../look/parts.tsx';
import { tell, tellProblem } from '../look/tell.ts';
import { useSession } from '../shell/session.ts';
import { ROLE_NAMES, upkeepOrder } from './members.ts';

const PlanDialog = lazy(async () => ({ default: (await import('../jobs/plan-dialog.tsx')).PlanDialog }));
const ClusterAccess = lazy(async () => ({ default: (await import('./cluster-access.tsx')).ClusterAccess }));

type Upkeep = { readonly kind: PlannedKind; readonly machines: readonly string[] };

/** One cluster: how each of its machines stands, as it says itself, and what can be done. */
export function ClusterScreen() {
  const { name } = useParams({ from: '/clusters/$name' });
  const { data: cluster, error } = useAsk('getCluster', { params: { name } });
  const state = useAsk('getClusterState', { params: { name } }, { everyMs: 10_000 });
  const { may } = useSession();
  const { machines } = useFleet();
  const [upkeep, setUpkeep] = useState<Upkeep>();
  const [takes, setTakes] = useState<'kubeconfig' | 'talosconfig'>();
  const [removes, setRemoves] = useState(false);
  if (error) return <Failed error={error} />;
  if (!cluster) return <p role="status">Looking it up…</p>;
  const ready = state.data?.machines.filter((one) => one.ready).length;
  const all = cluster.controlPlane.length + cluster.workers.length;
  return (
    <div className="stack">
      <div className="screen-head">
        <div className="row">
          <h1>{name}</h1>
          {ready !== undefined && (
            <StateMark tone={ready === all ? 'good' : 'wait'} pill>
              {ready === all ? 'all ready' : `${ready} of ${all} ready`}
            </StateMark>
          )}
        </div>
        <div className="row spread">
          {may('admin') && (
            <>
              <Button variant="default" onClick={() => setTakes('kubeconfig')}>
                kubeconfig…
              </Button>
              <Button variant="default" onClick={() => setTakes('talosconfig')}>
                talosconfig…
              </Button>
            </>
          )}
          {may('operator') && (
            <Button onClick={() => setUpkeep({ kind: 'upgrade', machines: upkeepOrder(cluster) })}>Upgrade…</Button>
          )}
        </div>
      </div>
      <Card title="Machines" aside={<span className="soft">each says itself how it stands, now</span>}>
        {state.error && <Failed error={state.error} />}
        {!state.data && !state.error && <p role="status">Asking each of them…</p>}
        {state.data && (
          <Members state={state.data} cluster={cluster} {...(may('operator') ? { choose: setUpkeep } : {})} />
        )}
      </Card>
      <Card
        title="What it is"
        aside={
          <span className="row spread">
            <EditDocument kind="Cluster" name={name} />
            {may('admin') && (
              <Button size="xs" variant="subtle" color="red" onClick={() => setRemoves(true)}>
                Delete…
              </Button>
            )}
          </span>
        }
      >
        <Pairs
          of={[
            ['Talos', cluster.talos],
            ['Kubernetes', cluster.kubernetes],
            ['Endpoint', <Mono key="endpoint">{cluster.endpoint}</Mono>],
            [
              'etcd',
              state.data && (state.data.etcd.length === 0 ? 'not begun yet' : `on ${state.data.etcd.join(', ')}`),
            ],
            [
              'Secrets',
              state.data && (state.data.hasSecrets ? 'made, and sealed in the store' : 'none yet: made at first use'),
            ],
          ]}
        />
      </Card>
      <Suspense>
        {upkeep && (
          <PlanDialog
            kind={upkeep.kind}
            machines={upkeep.machines.flatMap((one) => machines.find((machine) => machine.name === one) ?? [])}
            close={() => setUpkeep(undefined)}
          />
        )}
        {takes && <ClusterAccess cluster={name} kind={takes} close={() => setTakes(undefined)} />}
      </Suspense>
      {removes && <DeleteCluster cluster={cluster} close={() => setRemoves(false)} />}
    </div>
  );
}

const ACTIONS: readonly { readonly kind: PlannedKind; readonly text: string }[] = [
  { kind: 'upgrade', text: 'Upgrade…' },
  { kind: 'rollback', text: 'Roll back…' },
  { kind: 'reset', text: 'Take out and erase…' },
];

function Members({
  state,
  cluster,
  choose,
}: {
  state: ClusterState;
  cluster: ClusterDocument;
  choose?: (upkeep: Upkeep) => void;
}) {
  const { jobs } = useFleet();
  return (
    <Wide label="Machines of the cluster">
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">Machine</th>
            <th scope="col">Role</th>
            <th scope="col">How it stands</th>
            <th scope="col">Talos</th>
            <th scope="col">Address</th>
            {choose && (
              <th scope="col">
                <span className="unseen">What can be done</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {state.machines.map((one) => {
            const job = jobs.get(one.name);
            return (
              <tr key={one.name}>
                <td>
                  <MachineLink name={one.name}>
                    <strong>{one.name}</strong>
                  </MachineLink>
                </td>
                <td>{ROLE_NAMES[one.role]}</td>
                <td>
                  {job ? (
                    <>
                      <Link to="/jobs/$id" params={{ id: job.id }}>
                        <StateMark tone="busy">
                          {capital(job.kind)}
                          {one.job?.step === undefined ? ` ${job.state}` : `: ${words(one.job.step)}`}
                        </StateMark>
                      </Link>
                      <Bar part={jobPart(job)} label={`${job.kind} of ${one.name}`} tone="busy" />
                    </>
                  ) : (
                    <StateMark tone={one.ready ? 'good' : 'bad'}>
                      {one.ready ? 'ready' : one.stage === undefined ? 'does not answer' : `not ready, ${one.stage}`}
                    </StateMark>
                  )}
                  {!job && one.because !== undefined && <span className="member-because">{one.because}</span>}
                </td>
                <td>
                  <span className="next-release">
                    {one.talos}
                    {one.talos !== undefined && one.talos !== cluster.talos && (
                      <span className="soft"> → {cluster.talos}</span>
                    )}
                  </span>
                </td>
                <td>{one.address !== undefined && <Mono>{one.address}</Mono>}</td>
                {choose && (
                  <td className="actions">
                    <Menu position="bottom-end">
                      <Menu.Target>
                        <ActionIcon variant="subtle" color="gray" aria-label={`What can be done to ${one.name}`}>
                          <Icon name="more" />
                        </ActionIcon>
                      </Menu.Target>
                      <Menu.Dropdown>
                        {ACTIONS.map(({ kind, text }) => (
                          <Menu.Item
                            key={kind}
                            {...(kind === 'reset' ? { className: 'danger' } : {})}
                            onClick={() => choose({ kind, machines: [one.name] })}
                          >
                            {text}
                          </Menu.Item>
                        ))}
                      </Menu.Dropdown>
                    </Menu>
                  </td>
                )}
              </tr>
            );
          })}
        </tbody>
      </table>
    </Wide>
  );
}

function DeleteCluster({ cluster, close }: { cluster: ClusterDocument; close: () => void }) {
  const [typed, setTyped] = useState('');
  const [doing, setDoing] = useState(false);
  const navigate = useNavigate();
  const { name } = cluster;
  const members = cluster.controlPlane.length + cluster.workers.length;
  async function remove(): Promise<void> {
    setDoing(true);
    try {
      const { rev } = await answerOf('getCluster', { params: { name } });
      await ask('removeCluster', { params: { name }, ...(rev === undefined ? {} : { expected: rev }) });
      tell(`Cluster ${name} is deleted.`);
      void navigate({ to: '/clusters' });
    } catch (error) {
      tellProblem(error);
      setDoing(false);
    }
  }
  return (
    <Modal opened onClose={close} title={`Delete cluster ${name}?`}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim() === name) void remove();
        }}
      >
        <p>
          Its document goes, and with it the secrets by which it is administered. {count(members, 'machine')} run on,
          and only files that were handed out before reach them.
        </p>
        <TextInput
          data-autofocus
          label={`Type its name, ${name}`}
          value={typed}
          onChange={({ currentTarget: { value } }) => setTyped(value)}
          autoComplete="off"
          spellCheck={false}
        />
        <div className="row">
          <Button variant="default" onClick={close}>
            Keep it
          </Button>
          <Button type="submit" color="red" className="spread" disabled={typed.trim() !== name} loading={doing}>
            Delete {name}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
