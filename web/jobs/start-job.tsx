import { Button } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { useFleet } from '../api/fleet.ts';
import { useAct } from '../api/queries.ts';
import { capital } from '../look/format.ts';
import { tell } from '../look/tell.ts';
import { useSession } from '../shell/session.ts';

/** A job that writes no disk needs no plan: it begins by one click. */
export function StartJob({ machine, kind, size }: { machine: MachineResource; kind: 'inspect'; size?: string }) {
  const { may } = useSession();
  const isBusy = useFleet().jobs.has(machine.name);
  const navigate = useNavigate();
  const start = useAct('startJobs', {
    done: () => {
      tell(`${capital(kind)} of ${machine.name} has begun.`);
      void navigate({ to: '/machines/$name', params: { name: machine.name }, search: { tab: 'jobs' } });
    },
  });
  if (!may('operator') || !machine.status.actions.includes(kind)) return null;
  return (
    <Button
      variant="default"
      {...(size === undefined ? {} : { size })}
      disabled={isBusy}
      loading={start.isPending}
      onClick={() => start.mutate({ body: { jobs: [{ kind, machine: machine.name }] } })}
    >
      {capital(kind)}
    </Button>
  );
}
