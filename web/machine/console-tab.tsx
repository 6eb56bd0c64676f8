import { Button } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { Card, Code, Empty } from '../look/parts.tsx';
import { useSession } from '../shell/session.ts';

const Console = lazy(async () => ({ default: (await import('./console.tsx')).Console }));

/** The serial console through the BMC. It is opened by a click: a BMC has one, and the audit log says who had it. */
export function ConsoleTab({ machine }: { machine: MachineResource }) {
  const [isOpen, setOpen] = useState(false);
  const { may } = useSession();
  if (machine.bmc === undefined) {
    return (
      <Card>
        <Empty title="No BMC, no serial console">
          <p>A console needs a BMC with Serial over LAN. Say which one in the document of {machine.name}:</p>
          <Code>{'bmc: { type: redfish, address: https://10.0.0.12, credential: rack1 }'}</Code>
        </Empty>
      </Card>
    );
  }
  if (!may('operator')) return <p>Consoles are for operators.</p>;
  if (!isOpen) {
    return (
      <Card>
        <Empty title={`The serial console of ${machine.name}`}>
          <p>
            What the machine writes is shown here, and what you type goes to it. That you open it is written into the
            audit log.
          </p>
          <Button onClick={() => setOpen(true)}>Open the console</Button>
        </Empty>
      </Card>
    );
  }
  return (
    <Suspense fallback={<p role="status">Opening…</p>}>
      <Console name={machine.name} leave={() => setOpen(false)} />
    </Suspense>
  );
}
