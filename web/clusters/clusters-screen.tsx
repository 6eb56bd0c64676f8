import './clusters.css';
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { lazy, Suspense, useState } from 'react';
import type { ClusterDocument } from '#machines/contract/cluster.ts';
import { useFleet } from '../api/fleet.ts';
import { useAsk } from '../api/queries.ts';
import { count } from '../look/format.ts';
import { Card, Code, Empty, Failed, Mono, ScreenHead, StateMark } from '../look/parts.tsx';
import { useSession } from '../shell/session.ts';
import { membersOf } from './members.ts';

const CreateCluster = lazy(async () => ({ default: (await import('./create-cluster.tsx')).CreateCluster }));

/** Clusters of Talos: machines that share secrets and an endpoint. */
export function ClustersScreen() {
  const { data, error } = useAsk('listClusters');
  const { may } = useSession();
  const [creates, setCreates] = useState(false);
  const create = may('operator') && <Button onClick={() => setCreates(true)}>Create a cluster…</Button>;
  return (
    <>
      <ScreenHead title="Clusters" about="Machines that run Talos, and Kubernetes on it.">
        {create}
      </ScreenHead>
      <div className="stack">
        {error && <Failed error={error} />}
        {data?.items.length === 0 && (
          <Card>
            <Empty title="No clusters yet">
              <p>From blank machines to Kubernetes, without a line of YAML:</p>
              <ol>
                <li>
                  <b>Inspect the machines that are to be in it</b>
                  <span>So that their disks are known by serial. Nothing is written.</span>
                </li>
                <li>
                  <b>Choose which are control planes and which are workers</b>
                  <span>“Create a cluster” above. One control plane is enough to try; three bear the loss of one.</span>
                </li>
                <li>
                  <b>Read the plan, and confirm it</b>
                  <span>It names each disk that loses what is on it. Then take the kubeconfig here.</span>
                </li>
              </ol>
              <Code>ingot cluster create home --control-plane m1 --worker m2 --plan</Code>
            </Empty>
          </Card>
        )}
        <div className="two">
          {data?.items.map((one) => (
            <ClusterCard key={one.name} cluster={one} />
          ))}
        </div>
      </div>
      {creates && (
        <Suspense>
          <CreateCluster close={() => setCreates(false)} />
        </Suspense>
      )}
    </>
  );
}

function ClusterCard({ cluster }: { cluster: ClusterDocument }) {
  const { jobs } = useFleet();
  const busy = membersOf(cluster).filter(({ name }) => jobs.has(name)).length;
  return (
    <Card
      title={
        <Link to="/clusters/$name" params={{ name: cluster.name }}>
          {cluster.name}
        </Link>
      }
      aside={busy > 0 && <StateMark tone="busy" pill>{`${count(busy, 'machine')} being worked on`}</StateMark>}
    >
      <dl className="pairs">
        <dt>Control planes</dt>
        <dd>{cluster.controlPlane.join(', ')}</dd>
        <dt>Workers</dt>
        <dd>{cluster.workers.length === 0 ? 'none' : cluster.workers.join(', ')}</dd>
        <dt>Releases</dt>
        <dd>
          Talos {cluster.talos}, Kubernetes {cluster.kubernetes}
        </dd>
        <dt>Endpoint</dt>
        <dd>
          <Mono>{cluster.endpoint}</Mono>
        </dd>
      </dl>
    </Card>
  );
}
