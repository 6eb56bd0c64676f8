import { Button, Menu, Modal } from '@mantine/core';
import { useState } from 'react';
import { useNavigate } from '@tanstack/react-router';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { SettingAction } from '#machines/decide/actions.ts';
import { PLANNED_KINDS, type PlannedKind } from '#machines/decide/jobs/make-plan.ts';
import { useAct } from '../api/queries.ts';
import { capital } from '../look/format.ts';
import { Icon } from '../look/icons.tsx';
import { tell } from '../look/tell.ts';
import { PlanDialog } from '../jobs/plan-dialog.tsx';
import { StartJob } from '../jobs/start-job.tsx';
import { useClusterOf } from '../clusters/cluster-of.ts';
import { useSession } from '../shell/session.ts';
import { PowerMenu } from './power-menu.tsx';
import { BootOnce } from './boot-once.tsx';

const SETTINGS: Readonly<
  Record<SettingAction, { readonly text: string; readonly done: string; readonly about: string }>
> = {
  accept: { text: 'Accept', done: 'is accepted', about: 'It may be netbooted from now on.' },
  reject: { text: 'Reject', done: 'is rejected', about: 'Nothing is served to it any more.' },
  adopt: { text: 'Adopt', done: 'is adopted', about: 'It is in service: never netbooted, never written.' },
  lock: { text: 'Lock', done: 'is locked', about: 'Refuses every job that writes, and power off.' },
  unlock: { text: 'Unlock', done: 'is unlocked', about: '' },
  'maintenance-on': {
    text: 'Put into maintenance',
    done: 'is in maintenance',
    about: 'It is left alone until it ends.',
  },
  'maintenance-off': { text: 'End maintenance', done: 'is out of maintenance', about: '' },
  retire: { text: 'Mark as retired', done: 'is retired', about: 'It is out of use.' },
};

const PLANNED_TEXT: Readonly<Record<PlannedKind, string>> = {
  install: 'Install…',
  reprovision: 'Erase and install…',
  wipe: 'Erase disks…',
  reset: 'Reset: erase, and forget its system…',
  retire: 'Erase and retire…',
  upgrade: 'Upgrade…',
  rollback: 'Roll back…',
};

/** What may be done now: the daemon says so by the one table of allowed actions. */
export function MachineActions({ machine }: { machine: MachineResource }) {
  const { may } = useSession();
  const [planned, setPlanned] = useState<PlannedKind>();
  const [removes, setRemoves] = useState(false);
  const allowed = new Set(machine.status.actions);
  const { acceptance, locked, service } = machine.status;
  const act = useAct('actOnMachine');
  const cluster = useClusterOf(machine);
  if (!may('operator')) return <p className="soft">You may look, not act.</p>;

  const set = (action: SettingAction): void =>
    act.mutate(
      { params: { name: machine.name, action } },
      { onSuccess: () => tell(`${machine.name} ${SETTINGS[action].done}.`) },
    );
  const isAccepted = acceptance === 'accepted' && service === 'none';
  // What runs is not what a machine invites to be written over.
  const isInUse = cluster !== undefined || machine.status.attempt?.verdict.code === 'booted';
  const settings: readonly SettingAction[] = [
    ...(isAccepted ? [] : (['accept'] as const)),
    ...(acceptance === 'rejected' ? [] : (['reject'] as const)),
    ...(service === 'adopted' ? [] : (['adopt'] as const)),
    locked ? 'unlock' : 'lock',
    service === 'maintenance' ? 'maintenance-off' : 'maintenance-on',
    ...(service === 'retired' ? [] : (['retire'] as const)),
  ];

  return (
    <div className="row machine-actions">
      {!isAccepted && allowed.has('accept') && (
        <Button loading={act.isPending} onClick={() => set('accept')}>
          Accept
        </Button>
      )}
      {isAccepted && allowed.has('write-disks') && (
        <Button {...(isInUse ? { variant: 'default' } : {})} onClick={() => setPlanned('install')}>
          Install…
        </Button>
      )}
      {isAccepted && <StartJob machine={machine} kind="inspect" />}
      <PowerMenu machine={machine} />
      <Menu position="bottom-end" width={270}>
        <Menu.Target>
          <Button variant="default" leftSection={<Icon name="more" />}>
            More
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>Its standing</Menu.Label>
          {settings.map((action) => (
            <Menu.Item
              key={action}
              disabled={!allowed.has(action)}
              onClick={() => set(action)}
              title={SETTINGS[action].about}
            >
              {SETTINGS[action].text}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Label>Netboot</Menu.Label>
          <BootOnce machine={machine} disabled={!allowed.has('netboot')} />
          <Menu.Divider />
          <Menu.Label>Writes disks, after a plan</Menu.Label>
          {PLANNED_KINDS.map((kind) => (
            <Menu.Item key={kind} disabled={!allowed.has('write-disks')} onClick={() => setPlanned(kind)}>
              {PLANNED_TEXT[kind]}
            </Menu.Item>
          ))}
          {!allowed.has('write-disks') && (
            <Menu.Label>
              {capital(
                locked
                  ? 'it is locked'
                  : acceptance !== 'accepted'
                    ? 'it is not accepted'
                    : `it is ${service === 'none' ? 'busy' : service}`,
              )}
            </Menu.Label>
          )}
          <Menu.Divider />
          <Menu.Item className="danger" disabled={!allowed.has('remove')} onClick={() => setRemoves(true)}>
            Forget this machine…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {planned && <PlanDialog kind={planned} machines={[machine]} close={() => setPlanned(undefined)} />}
      {removes && <Remove machine={machine} close={() => setRemoves(false)} />}
    </div>
  );
}

function Remove({ machine, close }: { machine: MachineResource; close: () => void }) {
  const navigate = useNavigate();
  const remove = useAct('removeMachine', {
    done: () => {
      tell(`${machine.name} is forgotten.`);
      close();
      void navigate({ to: '/machines' });
    },
  });
  return (
    <Modal opened onClose={close} title={`Forget ${machine.name}?`}>
      <div className="stack">
        <p>
          Its document and its standing go; nothing on the machine itself changes. If it asks again, it is a machine
          that was only seen.
        </p>
        <div className="row">
          <Button variant="default" onClick={close} data-autofocus>
            Keep it
          </Button>
          <Button
            color="red"
            className="spread"
            loading={remove.isPending}
            onClick={() => remove.mutate({ params: { name: machine.name }, expected: machine.status.rev })}
          >
            Forget it
          </Button>
        </div>
      </div>
    </Modal>
  );
}
