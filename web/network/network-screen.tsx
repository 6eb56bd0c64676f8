import './network.css';
import { Button, Switch, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { formatCidr4, formatIpv4Range } from '#machines/values/cidr.ts';
import { useAct, useAsk } from '../api/queries.ts';
import { count, duration } from '../look/format.ts';
import {
  Ago,
  Bar,
  Card,
  Claimed,
  Code,
  Empty,
  Failed,
  Mono,
  Pairs,
  ScreenHead,
  StateMark,
  Wide,
} from '../look/parts.tsx';
import { EditDocument } from '../documents/edit-document.tsx';
import { tell } from '../look/tell.ts';
import { useSession } from '../shell/session.ts';
import { poolUse } from './pool-use.ts';

const MODES = { server: 'leases addresses', proxy: 'beside another DHCP server', off: 'not answered' } as const;
const DISCOVERIES = { off: 'boot as they always did', hold: 'wait until accepted', agent: 'are inspected' } as const;

/** Subnets with what is left of them, and who has which address. */
export function NetworkScreen() {
  const { search = '' } = useSearch({ from: '/network' });
  const navigate = useNavigate({ from: '/network' });
  const [later] = useDebouncedValue(search, 200);
  const [all, setAll] = useState(false);
  const subnets = useAsk('listSubnets');
  const held = useAsk('listLeases', { query: { limit: 10_000 } }, { everyMs: 15_000 });
  const leases = useAsk(
    'listLeases',
    { query: { limit: 1000, all: all ? 'true' : 'false', ...(later === '' ? {} : { search: later }) } },
    { everyMs: 15_000 },
  );
  return (
    <>
      <ScreenHead
        title="Network"
        about="Subnets are written in ingot.yaml and read here; what machines configure for themselves is written here."
      />
      <div className="stack">
        {subnets.error && <Failed error={subnets.error} />}
        {subnets.data?.items.length === 0 && (
          <Card>
            <Empty title="No subnets">
              <p>
                Ingot leases no addresses: it works beside your DHCP server. To lease, say so outright in{' '}
                <code>ingot.yaml</code>:
              </p>
              <Code>
                {
                  'subnets:\n  - { cidr: 192.168.77.0/24, pools: [192.168.77.100-192.168.77.200], router: 192.168.77.1 }'
                }
              </Code>
            </Empty>
          </Card>
        )}
        <div className="two">
          {subnets.data?.items.map((subnet) => {
            const cidr = formatCidr4(subnet.cidr);
            const use = poolUse(
              subnet.pools,
              (held.data?.items ?? []).filter((one) => one.subnet === cidr),
            );
            return (
              <Card
                key={subnet.name}
                title={<Mono>{cidr}</Mono>}
                aside={
                  <>
                    <span className="soft">{MODES[subnet.mode]}</span>
                    <span className="spread">
                      <EditDocument kind="Subnet" name={subnet.name} text="Document" />
                    </span>
                  </>
                }
              >
                <div className="stack">
                  {use.size > 0 && (
                    <div>
                      <p className="usage">
                        <strong>{use.used.toLocaleString('en')}</strong> of {use.size.toLocaleString('en')} addresses
                        are held
                        <span className="soft spread">{percent(use.used / use.size)}</span>
                      </p>
                      <Bar
                        part={use.used / use.size}
                        label={`Addresses of ${cidr} that are held`}
                        tone={use.used / use.size > 0.9 ? 'bad' : use.used / use.size > 0.75 ? 'wait' : 'good'}
                      />
                    </div>
                  )}
                  <Pairs
                    of={[
                      ['Pools', <Mono key="pools">{subnet.pools.map(formatIpv4Range).join(', ') || 'none'}</Mono>],
                      ['Router', subnet.router && <Mono key="router">{subnet.router}</Mono>],
                      ['DNS', subnet.dns.join(', ')],
                      ['Domain', subnet.domain],
                      ['Lease', duration(subnet.leaseSeconds * 1000)],
                      ['Relays', subnet.relays.join(', ')],
                      ['Unknown machines', DISCOVERIES[subnet.discovery]],
                    ]}
                  />
                </div>
              </Card>
            );
          })}
        </div>
        <Networks />
        <Card
          title="Leases"
          aside={
            <>
              <span className="soft">{leases.data && count(leases.data.items.length, 'lease')}</span>
              <span className="row spread">
                <Switch
                  label="also those that ended"
                  size="xs"
                  checked={all}
                  onChange={({ currentTarget }) => setAll(currentTarget.checked)}
                />
                <TextInput
                  size="xs"
                  aria-label="Search leases"
                  placeholder="Address, MAC, host, machine"
                  value={search}
                  onChange={({ currentTarget: { value } }) =>
                    void navigate({ search: value === '' ? {} : { search: value }, replace: true })
                  }
                  spellCheck={false}
                />
              </span>
            </>
          }
        >
          {leases.error && <Failed error={leases.error} />}
          {leases.data && <Leases of={leases.data.items} forgotten={() => void leases.refetch()} />}
        </Card>
      </div>
    </>
  );
}

/** One intent for the links, addresses and routes of several machines. */
function Networks() {
  const { data, error } = useAsk('listNetworks');
  if (error) return <Failed error={error} />;
  if (!data) return null;
  return (
    <Card
      title="Machine networks"
      aside={
        <>
          <span className="soft">bonds, VLANs and addresses, rendered for every operating system</span>
          <span className="spread">
            <EditDocument kind="Network" text="New network…" />
          </span>
        </>
      }
    >
      {data.items.length === 0 ? (
        <p className="soft">
          None yet: machines ask DHCP by their first card. Write one where they have bonds, VLANs or fixed addresses,
          and name it in their documents: <code>network: rack1</code>.
        </p>
      ) : (
        <Wide label="Machine networks">
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Links</th>
                <th scope="col">Bonds</th>
                <th scope="col">VLANs</th>
                <th scope="col">DNS</th>
                <th scope="col">
                  <span className="unseen">Change</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((one) => (
                <tr key={one.name}>
                  <td>
                    <strong>{one.name}</strong>
                  </td>
                  <td>{one.interfaces.map(({ name, mac }) => name ?? mac).join(', ')}</td>
                  <td>{one.bonds.map(({ name, mode }) => `${name} (${mode})`).join(', ')}</td>
                  <td>{one.vlans.map(({ id }) => id).join(', ')}</td>
                  <td>{one.dns.join(', ')}</td>
                  <td className="actions">
                    <EditDocument kind="Network" name={one.name} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
    </Card>
  );
}

function percent(part: number): string {
  if (part > 0 && part < 0.001) return 'less than 0.1 %';
  return `${(part * 100).toFixed(part < 0.1 ? 1 : 0)} %`;
}

type Lease = NonNullable<ReturnType<typeof useAsk<'listLeases'>>['data']>['items'][number];

function Leases({ of, forgotten }: { of: readonly Lease[]; forgotten: () => void }) {
  const { may } = useSession();
  const forget = useAct('forgetLease', { done: forgotten });
  const sorted = useMemo(() => of.toSorted((one, other) => addressOrder(one.address, other.address)), [of]);
  if (sorted.length === 0) {
    return (
      <Empty title="No leases">
        <p>Whoever is given an address stands here, with its machine and how long it may keep it.</p>
      </Empty>
    );
  }
  return (
    <Wide label="Leases" className="lease-table nowrap">
      <table className="plain">
        <thead>
          <tr>
            <th scope="col">Address</th>
            <th scope="col">State</th>
            <th scope="col">Machine</th>
            <th scope="col">MAC</th>
            <th scope="col">Host name</th>
            <th scope="col">Since</th>
            <th scope="col">Until</th>
            <th scope="col">
              <span className="unseen">Act</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((one) => (
            <tr key={`${one.subnet} ${one.address}`}>
              <td>
                <Mono>{one.address}</Mono>
              </td>
              <td>
                <StateMark tone={one.state === 'bound' ? 'good' : one.state === 'declined' ? 'bad' : 'quiet'}>
                  {one.state}
                </StateMark>
              </td>
              <td>
                {one.machine !== undefined && (
                  <Link to="/machines/$name" params={{ name: one.machine }}>
                    {one.machine}
                  </Link>
                )}
              </td>
              <td>
                <Mono>{one.mac ?? one.key}</Mono>
              </td>
              <td>{one.hostname !== undefined && <Claimed>{one.hostname}</Claimed>}</td>
              <td className="soft">
                <Ago at={one.boundAt} />
              </td>
              <td className="soft">
                <Ago at={one.expiresAt} />
              </td>
              <td>
                {may('operator') && one.state !== 'released' && (
                  <Button
                    size="compact-xs"
                    variant="default"
                    aria-label={`Free ${one.address}`}
                    title="Its holder may still use it until it asks again"
                    onClick={() =>
                      forget.mutate(
                        { params: { address: one.address } },
                        { onSuccess: () => tell(`${one.address} is free.`) },
                      )
                    }
                  >
                    Free
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

const key = (address: string): string =>
  address
    .split('.')
    .map((part) => part.padStart(3, '0'))
    .join('.');
const addressOrder = (one: string, other: string): number => (key(one) < key(other) ? -1 : 1);
