import { Button, Loader, Menu, Modal, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { PowerAction } from '#machines/contract/power.ts';
import { ask, problemOf } from '../api/daemon.ts';
import { useFleet } from '../api/fleet.ts';
import { useClusterOf } from '../clusters/cluster-of.ts';
import { asking, useAct, useAsk } from '../api/queries.ts';
import { words } from '../look/format.ts';
import { Icon } from '../look/icons.tsx';
import { tell, tellProblem } from '../look/tell.ts';
import { type PowerCeremony, powerCeremony } from './power-ceremony.ts';

type Choice = {
  readonly action: PowerAction;
  readonly text: string;
  /** On the button that does it. */
  readonly verb: string;
};
const CHOICES: readonly Choice[] = [
  { action: 'on', text: 'Turn on', verb: 'Turn on' },
  { action: 'off', text: 'Turn off, forced if it must be…', verb: 'Turn off' },
  { action: 'soft', text: 'Ask the system to shut down…', verb: 'Shut down' },
  { action: 'cycle', text: 'Off and on again…', verb: 'Turn off and on' },
  { action: 'reset', text: 'Reset at once…', verb: 'Reset' },
  { action: 'force-off', text: 'Cut the power…', verb: 'Cut the power of' },
];

/** Power by the BMC, or by a person who is asked. The operation goes on in the daemon; this tells what comes of it. */
export function PowerMenu({ machine }: { machine: MachineResource }) {
  const { name } = machine;
  const queries = useQueryClient();
  const reading = useAsk('getPower', { params: { name } }, { enabled: machine.bmc !== undefined, everyMs: 15_000 });
  const [doing, setDoing] = useState<string>();
  const [asked, setAsked] = useState<Choice>();
  const job = useFleet().jobs.get(name);
  const cluster = useClusterOf(machine);
  const identify = useAct('identifyMachine', { done: () => tell(`The light of ${name} is on for a minute.`) });
  const allowed = new Set(machine.status.actions);

  async function order(action: PowerAction): Promise<void> {
    setDoing(words(action));
    try {
      let operation = await ask('setPower', { params: { name }, body: { action } });
      while (operation.state === 'running') {
        setDoing(operation.text || words(action));
        operation = await ask('getPowerOperation', { params: { id: operation.id }, query: { seen: operation.seq } });
      }
      if (operation.state === 'failed') {
        const next = operation.next === undefined ? '' : ` Next: ${operation.next}`;
        throw new Error(`${name}: ${operation.text}.${next}`);
      }
      tell(`${name}: ${operation.text || `power ${operation.power ?? words(action)}`}`);
    } catch (error) {
      tellProblem(error);
    } finally {
      setDoing(undefined);
      void queries.invalidateQueries({ queryKey: asking('getPower', { params: { name } }).queryKey });
    }
  }

  const power = reading.data?.power;
  const label = doing ?? (power === undefined || power === 'unknown' ? 'Power' : `Power: ${words(power)}`);
  const ceremony: PowerCeremony = asked ? powerCeremony(asked.action, machine, job, cluster) : { kind: 'none' };
  return (
    <>
      {asked && ceremony.kind !== 'none' && (
        <AskAgain
          name={name}
          choice={asked}
          ceremony={ceremony}
          close={() => setAsked(undefined)}
          order={() => void order(asked.action)}
        />
      )}
      <Menu position="bottom-end">
        <Menu.Target>
          <Button
            variant="default"
            leftSection={doing === undefined ? <Icon name="power" /> : <Loader size={14} />}
            maw={260}
          >
            {label}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {CHOICES.map((choice) => (
            <Menu.Item
              key={choice.action}
              disabled={doing !== undefined || !allowed.has(choice.action === 'on' ? 'power-on' : 'power-off')}
              {...(choice.action === 'force-off' ? { className: 'danger' } : {})}
              onClick={() => (choice.action === 'on' ? void order('on') : setAsked(choice))}
            >
              {choice.text}
            </Menu.Item>
          ))}
          {machine.bmc && (
            <>
              <Menu.Divider />
              <Menu.Item onClick={() => identify.mutate({ params: { name }, body: { seconds: 60 } })}>
                Locate: light on for a minute
              </Menu.Item>
            </>
          )}
          {machine.bmc === undefined && <Menu.Label>Without a BMC, a person is asked to do it.</Menu.Label>}
          {reading.error !== null && <Menu.Label>{problemOf(reading.error).detail}</Menu.Label>}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

function AskAgain({
  name,
  choice: { action, verb },
  ceremony,
  close,
  order,
}: {
  name: string;
  choice: Choice;
  ceremony: Exclude<PowerCeremony, { kind: 'none' }>;
  close: () => void;
  order: () => void;
}) {
  const [typed, setTyped] = useState('');
  const isSaid = ceremony.kind === 'yes' || typed.trim() === name;
  return (
    <Modal opened onClose={close} title={`${verb} ${name}?`}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isSaid) return;
          close();
          order();
        }}
      >
        <p>{ceremony.because}</p>
        {action === 'force-off' && <p>Its system is not asked: what it has not written yet is lost.</p>}
        {action === 'reset' && <p>It restarts at once, without asking its system.</p>}
        {(action === 'off' || action === 'cycle') && (
          <p>Its system is asked first, and has a while to end by itself.</p>
        )}
        {ceremony.kind === 'name' && (
          <TextInput
            data-autofocus
            label={`Type its name, ${name}`}
            value={typed}
            onChange={({ currentTarget: { value } }) => setTyped(value)}
            autoComplete="off"
            spellCheck={false}
          />
        )}
        <div className="row">
          <Button variant="default" onClick={close} {...(ceremony.kind === 'yes' ? { 'data-autofocus': true } : {})}>
            Leave it
          </Button>
          <Button type="submit" color="red" className="spread" disabled={!isSaid}>
            {verb} {name}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
