import { useAsk } from '../api/queries.ts';
import { Card, Code, Empty } from '../look/parts.tsx';

const APPLIED = `kind: Machine
name: r1-u1
macs: ["52:54:00:00:00:01"]
location: { rack: r1, unit: 1 }
profile: rescue`;

/** What a newcomer sees before the first machine. */
export function FirstMachine() {
  const { data } = useAsk('getStatus');
  const heard = (data?.listeners ?? []).filter(({ name }) => /dhcp|tftp|boot/.test(name));
  return (
    <>
      <h1 className="unseen">Rack</h1>
      <Card>
        <Empty title="No machine has been seen yet">
          <p>
            {heard.length > 0
              ? `Listening: ${heard.map(({ name, at }) => `${name} on ${at}`).join(', ')}. `
              : 'Listening to nothing yet: no interface is configured. '}
            A machine shows up here with its first packet. Nothing is served to it, and no disk is touched, before you
            accept it.
          </p>
          <ol>
            <li>
              <b>Power a machine on with network boot</b>
              <span>
                Put the network before the disk in its boot order, or choose it once from the boot menu (often F12).
              </span>
            </li>
            <li>
              <b>Nothing appears? Ask what is in the way</b>
              <Code>ingot doctor</Code>
            </li>
            <li>
              <b>Or say beforehand which machines there are, where they stand, and what they boot</b>
              <Code>{APPLIED}</Code>
              <Code>ingot apply -f rack.yaml</Code>
            </li>
          </ol>
        </Empty>
      </Card>
    </>
  );
}
