import { Button, Loader, Menu } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { PowerAction } from '#machines/contract/power.ts';
import { ask, problemOf } from '../api/daemon.ts';
import { asking, useAct, useAsk } from '../api/queries.ts';
import { words } from '../look/format.ts';
import { Icon } from '../look/icons.tsx';
import { tell, tellProblem } from '../look/tell.ts';

const ACTIONS: readonly { readonly action: PowerAction; readonly text: string; readonly ends: boolean }[] = [
  { action: 'on', text: 'Turn on', ends: false },
  { action: 'off', text: 'Turn off, forced if it must be', ends: true },
  { action: 'soft', text: 'Ask the system to shut down', ends: true },
  { action: 'cycle', text: 'Off and on again', ends: true },
  { action: 'reset', text: 'Reset at once', ends: true },
  { action: 'force-off', text: 'Cut the power', ends: true },
];

/** Power by the BMC, or by a person who is asked. The operation goes on in the daemon; this tells what comes of it. */
export function PowerMenu({ machine }: { machine: MachineResource }) {
  const { name } = machine;
  const queries = useQueryClient();
  const reading = useAsk('getPower', { params: { name } }, { enabled: machine.bmc !== undefined, everyMs: 15_000 });
  const [doing, setDoing] = useState<string>();
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
  return (
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
        {ACTIONS.map(({ action, text, ends }) => (
          <Menu.Item
            key={action}
            disabled={doing !== undefined || !allowed.has(ends ? 'power-off' : 'power-on')}
            {...(action === 'force-off' ? { className: 'danger' } : {})}
            onClick={() => void order(action)}
          >
            {text}
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
  );
}
