import { Button } from '@mantine/core';
import { useState } from 'react';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { SettingAction } from '#machines/decide/actions.ts';
import { ask } from '../api/daemon.ts';
import { capital, count } from '../look/format.ts';
import { tell, tellProblem } from '../look/tell.ts';

const ACTIONS = ['accept', 'lock', 'unlock'] as const satisfies readonly SettingAction[];
/** So many are asked for at once. */
const AT_ONCE = 4;

/** What may be set for several machines at once; power and disks are no matter of a single click. */
export function BulkActions({ machines }: { machines: readonly MachineResource[] }) {
  const [doing, setDoing] = useState<SettingAction>();

  async function set(action: SettingAction): Promise<void> {
    setDoing(action);
    const waiting = machines.filter(({ status }) => status.actions.includes(action));
    const total = waiting.length;
    let failed: unknown;
    let done = 0;
    const work = async (): Promise<void> => {
      for (let one = waiting.pop(); one; one = waiting.pop()) {
        try {
          await ask('actOnMachine', { params: { name: one.name, action } });
          done += 1;
        } catch (error) {
          failed = error;
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    setDoing(undefined);
    if (failed !== undefined) tellProblem(failed);
    tell(`${capital(action)}: ${done} of ${count(total, 'machine')}.`);
  }

  return (
    <>
      {ACTIONS.map((action) => (
        <Button
          key={action}
          size="xs"
          variant="default"
          loading={doing === action}
          disabled={doing !== undefined || !machines.some(({ status }) => status.actions.includes(action))}
          onClick={() => void set(action)}
        >
          {capital(action)}
        </Button>
      ))}
    </>
  );
}
