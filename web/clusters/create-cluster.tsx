import './clusters.css';
import { Button, Modal, SegmentedControl, Select, TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import { type ClusterDocument, clusterDocument } from '#machines/contract/cluster.ts';
import { defaultKubernetes } from '#machines/os/talos/validate.ts';
import { parseTalosVersion } from '#machines/os/talos/version.ts';
import { ask } from '../api/daemon.ts';
import { useFleet } from '../api/fleet.ts';
import { useAct, useAsk } from '../api/queries.ts';
import { ConfirmPlan } from '../jobs/confirm-plan.tsx';
import { count } from '../look/format.ts';
import { Claimed, Failed } from '../look/parts.tsx';
import { type ClusterRole, endpointOf, membersOf, quorumText, whyNotMember } from './members.ts';

/** What a cluster gets where nothing else is said; its configurations were checked by Talos’ own code. */
const TALOS = 'v1.13.9';
/** As many as a person would look through. */
const MAX_SHOWN = 200;

/** Which machines, which releases, where it is reached; then the plan, and nothing before that is confirmed. */
export function CreateCluster({ close }: { close: () => void }) {
  const { machines } = useFleet();
  const clusters = useAsk('listClusters').data?.items ?? [];
  const [typedName, setName] = useState<string>();
  const name = typedName ?? (clusters.some((one) => one.name === 'home') ? '' : 'home');
  const [talos, setTalos] = useState(TALOS);
  const [kubernetes, setKubernetes] = useState('');
  const [endpoint, setEndpoint] = useState('');
  const [profile, setProfile] = useState<string | null>(null);
  const [roles, setRoles] = useState<Readonly<Record<string, ClusterRole>>>({});
  const [filter, setFilter] = useState('');
  const [answer, setAnswer] = useState<PlanAnswer>();
  const make = useAct('makePlans', { quiet: true, done: setAnswer });
  const navigate = useNavigate();
  const profiles = (useAsk('listProfiles').data?.items ?? []).filter(({ os }) => os === 'talos');

  const version = parseTalosVersion(talos.trim());
  const kubernetesDefault = version.ok ? defaultKubernetes(version.value) : '';
  const controlPlane = machines.filter((one) => roles[one.name] === 'controlplane');
  const workers = machines.filter((one) => roles[one.name] === 'worker');
  const reached = endpoint.trim() === '' ? endpointOf(controlPlane[0]) : endpoint.trim();
  const suited = version.ok
    ? profiles.find((one) => new RegExp(`${version.value.major}[.-]${version.value.minor}($|[^0-9])`).test(one.name))
    : undefined;
  const chosen = profile ?? suited?.name ?? profiles[0]?.name;
  const read = clusterDocument.safeParse({
    kind: 'Cluster',
    name: name.trim(),
    talos: talos.trim(),
    kubernetes: kubernetes.trim() === '' ? kubernetesDefault : kubernetes.trim(),
    endpoint: reached,
    controlPlane: controlPlane.map((one) => one.name),
    workers: workers.map((one) => one.name),
  });
  const wrong = (field: keyof ClusterDocument): string | undefined =>
    read.success ? undefined : read.error.issues.find(({ path }) => path[0] === field)?.message;
  const isTaken = clusters.some((one) => one.name === name.trim());

  const shown = useMemo(() => {
    const word = filter.trim().toLowerCase();
    return machines
      .filter((one) => word === '' || one.name.includes(word))
      .map((machine) => ({ machine, whyNot: whyNotMember(machine, clusters) }))
      .toSorted((one, other) => Number(one.whyNot !== undefined) - Number(other.whyNot !== undefined))
      .slice(0, MAX_SHOWN);
  }, [machines, clusters, filter]);
  const free = shown.filter(({ whyNot }) => whyNot === undefined).length;

  if (answer && read.success) {
    const cluster = read.data;
    return (
      <Modal opened onClose={close} size="56rem" title={`Create cluster ${cluster.name}: the plan`}>
        <div className="stack">
          <p>
            Talos {cluster.talos} and Kubernetes {cluster.kubernetes} on {count(membersOf(cluster).length, 'machine')},
            reached at {cluster.endpoint}. Its secrets are made when you confirm, and sealed.
          </p>
          <ConfirmPlan
            kind="install"
            answer={answer}
            close={close}
            before={() => ask('putCluster', { params: { name: cluster.name }, body: cluster, expected: 0 })}
            begun={() => void navigate({ to: '/clusters/$name', params: { name: cluster.name } })}
          />
          <div className="row">
            <Button variant="subtle" onClick={() => setAnswer(undefined)}>
              Back to what was chosen
            </Button>
          </div>
        </div>
      </Modal>
    );
  }
  return (
    <Modal opened onClose={close} size="56rem" title="Create a cluster">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!read.success || isTaken || chosen === undefined) return;
          const names = membersOf(read.data).map((one) => one.name);
          make.mutate({ body: { kind: 'install', machines: names, cluster: read.data, profile: chosen } });
        }}
      >
        <div className="cluster-form">
          <TextInput
            label="Name"
            value={name}
            onChange={({ currentTarget: { value } }) => setName(value)}
            error={isTaken ? 'There is one of this name.' : name === '' ? undefined : wrong('name')}
            data-autofocus
            spellCheck={false}
            required
          />
          <TextInput
            label="Talos"
            value={talos}
            onChange={({ currentTarget: { value } }) => setTalos(value)}
            error={version.ok ? undefined : version.because}
            spellCheck={false}
            required
          />
          <TextInput
            label="Kubernetes"
            placeholder={kubernetesDefault}
            value={kubernetes}
            onChange={({ currentTarget: { value } }) => setKubernetes(value)}
            error={wrong('kubernetes')}
            spellCheck={false}
          />
          <Select
            label="What is netbooted to install it"
            placeholder={profiles.length === 0 ? 'no profile of Talos yet' : undefined}
            data={profiles.map((one) => one.name)}
            value={chosen ?? null}
            onChange={setProfile}
            allowDeselect={false}
          />
          <TextInput
            label="Where Kubernetes is reached"
            description="A name or an address that outlives its machines."
            placeholder={reached === '' ? 'https://192.0.2.10:6443' : `${reached}, the first control plane`}
            value={endpoint}
            onChange={({ currentTarget: { value } }) => setEndpoint(value)}
            error={endpoint.trim() === '' ? undefined : wrong('endpoint')}
            spellCheck={false}
          />
        </div>
        {profiles.length === 0 && (
          <div className="note" data-tone="wait">
            <strong>No profile boots Talos yet.</strong>
            <p>
              Add the image talos@{talos.replace(/^v?/, 'v')} of the catalog under Images, and a profile with os: talos.
            </p>
          </div>
        )}
        <div className="row">
          <h3>Machines</h3>
          <span className="soft" role="status">
            {quorumText(controlPlane.length)} {count(workers.length, 'worker')}.
          </span>
          <TextInput
            className="spread"
            size="xs"
            aria-label="Filter machines"
            placeholder="Filter"
            value={filter}
            onChange={({ currentTarget: { value } }) => setFilter(value)}
            spellCheck={false}
          />
        </div>
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- WCAG 2.1.1: what scrolls is reached by keys */}
        <div className="roles" tabIndex={0} role="group" aria-label="Machines and their roles">
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">Machine</th>
                <th scope="col">What it is</th>
                <th scope="col">Role</th>
              </tr>
            </thead>
            <tbody>
              {shown.map(({ machine, whyNot }) => (
                <tr key={machine.name} data-off={whyNot === undefined ? undefined : ''}>
                  <td>
                    <strong>{machine.name}</strong>
                  </td>
                  <td>
                    <Claimed>
                      {[machine.status.facts['product']?.value, machine.status.facts['arch']?.value]
                        .filter((one) => one !== undefined)
                        .join(' · ')}
                    </Claimed>
                  </td>
                  <td>
                    {whyNot === undefined ? (
                      <SegmentedControl
                        size="xs"
                        aria-label={`Role of ${machine.name}`}
                        data={[
                          { value: '', label: 'none' },
                          { value: 'controlplane', label: 'control plane' },
                          { value: 'worker', label: 'worker' },
                        ]}
                        value={roles[machine.name] ?? ''}
                        onChange={(value) =>
                          setRoles(({ [machine.name]: _old, ...others }) =>
                            value === 'controlplane' || value === 'worker'
                              ? { ...others, [machine.name]: value }
                              : others,
                          )
                        }
                      />
                    ) : (
                      whyNot
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
        {free === 0 && (
          <p className="note" data-tone="wait">
            No machine can be a member now. Inspect those that are to be: the plan must name their disks.
          </p>
        )}
        {make.error && <Failed error={make.error} />}
        <div className="row">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button
            type="submit"
            className="spread"
            loading={make.isPending}
            disabled={!read.success || isTaken || chosen === undefined}
          >
            Plan it
          </Button>
        </div>
      </form>
    </Modal>
  );
}
