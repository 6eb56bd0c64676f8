import './machines.css';
import { Button, TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { SettingAction } from '#machines/decide/actions.ts';
import { useFleet } from '../api/fleet.ts';
import { useAct, useAsk } from '../api/queries.ts';
import { count } from '../look/format.ts';
import { Ago, Card, Claimed, Empty, Failed, Mono, ScreenHead, Wide } from '../look/parts.tsx';
import { tell } from '../look/tell.ts';
import { useSession } from '../shell/session.ts';
import { BulkActions } from './bulk-actions.tsx';

/** Who asked and was never accepted, and BMCs that nobody named. */
export function DiscoveryScreen() {
  const { machines, state } = useFleet();
  const seen = machines.filter(({ status }) => status.acceptance === 'seen');
  const rejected = machines.filter(({ status }) => status.acceptance === 'rejected');
  return (
    <>
      <ScreenHead
        title="Discovery"
        about="Machines that asked for something to boot and are not yours yet. Seeing or accepting one never touches its disks."
      >
        {seen.length > 1 && <BulkActions machines={seen} />}
      </ScreenHead>
      <div className="stack">
        <Card
          title="Waiting to be accepted"
          aside={<span className="soft">{seen.length > 0 && count(seen.length, 'machine')}</span>}
        >
          {seen.length > 0 ? (
            <ul className="discovered">
              {seen.map((one) => (
                <Seen key={one.name} machine={one} />
              ))}
            </ul>
          ) : state === 'reading' ? (
            <p role="status">Reading…</p>
          ) : (
            <NobodyWaits />
          )}
        </Card>
        {rejected.length > 0 && (
          <Card title="Rejected" aside={<span className="soft">nothing is served to them</span>}>
            <ul className="discovered">
              {rejected.map((one) => (
                <Seen key={one.name} machine={one} />
              ))}
            </ul>
          </Card>
        )}
        <BmcDiscovery />
      </div>
    </>
  );
}

function Seen({ machine }: { machine: MachineResource }) {
  const { may } = useSession();
  const act = useAct('actOnMachine');
  const set = (action: SettingAction, done: string): void =>
    act.mutate({ params: { name: machine.name, action } }, { onSuccess: () => tell(`${machine.name} ${done}.`) });
  const { facts, attempt, lastSeen, identifiers, actions } = machine.status;
  const about = ['manufacturer', 'product', 'firmware', 'arch', 'hostname']
    .map((name) => facts[name]?.value)
    .filter((value) => value !== undefined)
    .join(' · ');
  return (
    <li>
      <div>
        <div className="row">
          <Link to="/machines/$name" params={{ name: machine.name }}>
            <strong>{machine.name}</strong>
          </Link>
          <Mono>{[...new Set([...machine.macs, ...identifiers.macs])].join(', ')}</Mono>
          {attempt?.address !== undefined && <Mono>{attempt.address}</Mono>}
        </div>
        <p className="soft">
          <Claimed>{about}</Claimed>
          {lastSeen !== undefined && (
            <>
              {about !== '' && ' · '}heard <Ago at={lastSeen} />
            </>
          )}
        </p>
        {attempt && (
          <p>
            <Claimed>{attempt.verdict.cause}</Claimed>
          </p>
        )}
      </div>
      {may('operator') && (
        <div className="row">
          {actions.includes('accept') && (
            <Button loading={act.isPending} onClick={() => set('accept', 'is accepted')}>
              Accept
            </Button>
          )}
          {actions.includes('adopt') && (
            <Button
              variant="default"
              onClick={() => set('adopt', 'is adopted')}
              title="It is in service: never netbooted, never written."
            >
              Adopt
            </Button>
          )}
          {machine.status.acceptance !== 'rejected' && actions.includes('reject') && (
            <Button variant="default" onClick={() => set('reject', 'is rejected')}>
              Reject
            </Button>
          )}
        </div>
      )}
    </li>
  );
}

function NobodyWaits() {
  const { data } = useAsk('listSubnets');
  const off = data?.items.every(({ discovery }) => discovery === 'off');
  return (
    <Empty title="Nobody is waiting">
      <p>Power a machine on with network boot: it shows up here with its first packet.</p>
      {off === true && (
        <p className="soft">
          <code>discovery</code> is <code>off</code>: unknown machines are recorded and boot as they always did. With{' '}
          <code>discovery: hold</code> in ingot.yaml they wait at a script until you accept them.
        </p>
      )}
    </Empty>
  );
}

function BmcDiscovery() {
  const { may } = useSession();
  const [cidr, setCidr] = useState('');
  const look = useAct('discoverBmcs', { quiet: true });
  if (!may('operator')) return null;
  return (
    <Card
      title="Look for BMCs"
      aside={<span className="soft">asks every address of a subnet, and sends no credential</span>}
    >
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          if (cidr.trim() !== '') look.mutate({ body: { cidr: cidr.trim() } });
        }}
      >
        <TextInput
          aria-label="Subnet of the BMCs"
          placeholder="10.0.0.0/24"
          value={cidr}
          onChange={({ currentTarget: { value } }) => setCidr(value)}
          spellCheck={false}
        />
        <Button type="submit" variant="default" loading={look.isPending}>
          Look
        </Button>
      </form>
      {look.error && <Failed error={look.error} />}
      {look.data && (
        <div className="stack" style={{ marginTop: '0.8rem' }}>
          <p role="status">
            {count(look.data.items.length, 'BMC')} at {count(look.data.asked, 'address', 'addresses')}.
          </p>
          {look.data.items.length > 0 && (
            <Wide label="BMCs that answered">
              <table className="plain">
                <thead>
                  <tr>
                    <th scope="col">Address</th>
                    <th scope="col">Kind</th>
                    <th scope="col">What it says it is</th>
                    <th scope="col">Certificate (SHA-256)</th>
                    <th scope="col">Machine</th>
                  </tr>
                </thead>
                <tbody>
                  {look.data.items.map((one) => (
                    <tr key={`${one.type} ${one.address}`}>
                      <td>
                        <Mono>{one.address}</Mono>
                      </td>
                      <td>{one.type}</td>
                      <td>
                        <Claimed>{[one.vendor, one.product, one.version].filter(Boolean).join(' ')}</Claimed>
                      </td>
                      <td>
                        <Mono>{one.certificate?.sha256.slice(0, 16)}</Mono>
                      </td>
                      <td>
                        {one.machine ?? <span className="soft">not known: name it in the document of its machine</span>}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </Wide>
          )}
        </div>
      )}
    </Card>
  );
}
