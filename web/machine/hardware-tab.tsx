import { Button, Select } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { Inventory } from '#machines/contract/inventory.ts';
import { diskSize } from '#machines/values/size.ts';
import { useAct, useAsk } from '../api/queries.ts';
import { bytes, count, when } from '../look/format.ts';
import type { Tone } from '../look/machine-state.ts';
import { Ago, Card, Claimed, Code, Empty, Failed, Mono, Pairs, StateMark, Wide } from '../look/parts.tsx';
import { useSession } from '../shell/session.ts';
import { StartJob } from '../jobs/start-job.tsx';

const SOURCES = { agent: 'the agent, from within', bmc: 'the BMC' } as const;

/** What the machine is made of, as each source told it. */
export function HardwareTab({ machine }: { machine: MachineResource }) {
  // The daemon reads a new machine's BMC by itself, and an inspection may end while this is looked at.
  const { data, error, refetch } = useAsk('getInventory', { params: { name: machine.name } }, { everyMs: 3000 });
  const [chosen, choose] = useState<string | null>(null);
  const { may } = useSession();
  const read = useAct('readBmcInventory', { done: () => void refetch() });
  if (error) return <Failed error={error} />;
  if (!data) return <p role="status">Reading…</p>;
  const shown =
    data.items.find(({ source }) => source === chosen) ??
    data.items.find(({ source }) => source === 'agent') ??
    data.items[0];
  const readButton = machine.bmc && may('operator') && (
    <Button
      variant="default"
      size="xs"
      loading={read.isPending}
      onClick={() => read.mutate({ params: { name: machine.name } })}
    >
      Read from the BMC now
    </Button>
  );
  return (
    <div className="stack">
      <div className="row">
        {shown && (
          <span className="soft">
            Told by {SOURCES[shown.source]} <Ago at={shown.at} />
          </span>
        )}
        {data.items.length > 1 && shown && (
          <Select
            size="xs"
            aria-label="Told by"
            w={330}
            allowDeselect={false}
            value={shown.source}
            onChange={choose}
            data={data.items.map(({ source, at }) => ({ value: source, label: `${SOURCES[source]}, ${when(at)}` }))}
          />
        )}
        <span className="row spread">
          {readButton}
          <StartJob machine={machine} kind="inspect" size="xs" />
        </span>
      </div>
      {shown ? <Sheet of={shown} /> : <NotInspected machine={machine} />}
      <Facts machine={machine} />
    </div>
  );
}

function NotInspected({ machine }: { machine: MachineResource }) {
  return (
    <Card>
      <Empty title="Nobody has looked inside yet">
        <p>
          Inspecting boots our agent into memory. It tells disks, memory, processors and network cards, and opens no
          disk for writing.
        </p>
        <Code>ingot inspect {machine.name} --wait</Code>
      </Empty>
    </Card>
  );
}

const HEALTH: Readonly<Record<'ok' | 'warning' | 'critical', Tone>> = { ok: 'good', warning: 'wait', critical: 'bad' };

function Sheet({ of }: { of: Inventory }) {
  const { system, board, bios, bmc, processors, memory, disks, nics, pci, gpus, gaps, tpm } = of;
  const cores = processors.reduce((sum, one) => sum + (one.cores ?? 0), 0);
  return (
    <>
      <div className="two">
        <Card title="System">
          <Pairs
            of={[
              ['Maker', claim(system.manufacturer)],
              ['Model', claim(system.product)],
              ['Version', claim(system.version)],
              ['Serial', claim(system.serial, true)],
              ['SKU', claim(system.sku, true)],
              ['Asset tag', claim(system.assetTag, true)],
              ['UUID', claim(system.uuid, true)],
              ['Board', claim([board?.manufacturer, board?.product].filter(Boolean).join(' '))],
              ['Health', of.health && <StateMark tone={HEALTH[of.health]}>{of.health}</StateMark>],
              ['Power draw', of.powerWatts === undefined ? undefined : `${of.powerWatts} W`],
            ]}
          />
        </Card>
        <Card title="Firmware and BMC">
          <Pairs
            of={[
              ['Firmware', of.firmware?.toUpperCase()],
              ['BIOS', claim([bios?.vendor, bios?.version, bios?.date].filter(Boolean).join(' '))],
              ['Secure Boot', of.secureBoot === undefined ? undefined : of.secureBoot ? 'on' : 'off'],
              ['TPM', tpm && (tpm.present ? `present${tpm.version === undefined ? '' : `, ${tpm.version}`}` : 'none')],
              ['BMC', claim([bmc?.model, bmc?.version].filter(Boolean).join(' '))],
              ['BMC address', claim(bmc?.address, true)],
              ['BMC MAC', claim(bmc?.mac, true)],
            ]}
          />
        </Card>
        <Card title="Processors" aside={<span className="soft">{cores > 0 && count(cores, 'core')}</span>}>
          {processors.length === 0 ? (
            <p className="soft">Not told.</p>
          ) : (
            <Rows
              head={['Socket', 'Model', '#Cores', '#Threads', '#MHz']}
              rows={processors.map((one) => [one.socket, claim(one.model), one.cores, one.threads, one.maxMhz])}
            />
          )}
        </Card>
        <Card title="Memory" aside={<span className="soft">{memory && bytes(memory.totalBytes)}</span>}>
          {memory === undefined || memory.modules.length === 0 ? (
            <p className="soft">{memory ? 'Its modules are not told.' : 'Not told.'}</p>
          ) : (
            <Rows
              head={['Slot', '#Size', 'Type', '#MHz', 'Part', 'Serial']}
              rows={memory.modules.map((one) => [
                claim(one.slot),
                bytes(one.bytes),
                claim(one.type),
                one.mhz,
                claim(one.part, true),
                claim(one.serial, true),
              ])}
            />
          )}
        </Card>
      </div>
      <Card title="Disks" aside={<span className="soft">{disks.length > 0 && count(disks.length, 'disk')}</span>}>
        {disks.length === 0 ? (
          <p className="soft">
            {of.source === 'bmc' ? 'The BMC tells none. Inspect it to see them.' : 'There are none.'}
          </p>
        ) : (
          <Rows
            head={['Name', 'Model', 'Serial', '#Size', 'Kind', 'On it', 'Health']}
            rows={disks.map((one) => [
              one.name === undefined ? claim(one.location) : <Mono>{one.name}</Mono>,
              claim(one.model),
              claim(one.serial ?? one.wwn, true),
              diskSize(one.bytes),
              [
                one.transport,
                one.rotational === undefined ? undefined : one.rotational ? 'spinning' : 'flash',
                one.removable ? 'removable' : undefined,
              ]
                .filter(Boolean)
                .join(', '),
              one.signatures.length === 0 ? <span className="soft">blank</span> : claim(one.signatures.join(', ')),
              one.health ? (
                <StateMark tone={HEALTH[one.health]}>{one.healthText ?? one.health}</StateMark>
              ) : (
                claim(one.healthText)
              ),
            ])}
          />
        )}
      </Card>
      <Card title="Network cards" aside={<span className="soft">{nics.length > 0 && count(nics.length, 'port')}</span>}>
        {nics.length === 0 ? (
          <p className="soft">Not told.</p>
        ) : (
          <Rows
            head={['Name', 'MAC', '#Speed', 'Link', 'Card', 'Other end (LLDP)']}
            rows={nics.map((one) => [
              <span key="name">
                {one.name !== undefined && <Mono>{one.name}</Mono>}{' '}
                {one.booted && <span className="origin">booted</span>}
              </span>,
              claim(one.mac, true),
              one.speedMbit === undefined
                ? undefined
                : one.speedMbit >= 1000
                  ? `${one.speedMbit / 1000} Gbit/s`
                  : `${one.speedMbit} Mbit/s`,
              one.linkUp === undefined ? undefined : (
                <StateMark tone={one.linkUp ? 'good' : 'quiet'}>{one.linkUp ? 'up' : 'down'}</StateMark>
              ),
              claim([one.vendor, one.product].filter(Boolean).join(' ') || one.driver),
              claim([one.neighbour?.system, one.neighbour?.port ?? one.neighbour?.portText].filter(Boolean).join(' ')),
            ])}
          />
        )}
      </Card>
      {(pci.length > 0 || gpus.length > 0) && (
        <Card title="PCI">
          <Rows
            head={['Address', 'Device', 'Driver']}
            rows={pci.map((one) => [
              <Mono key="address">{one.address}</Mono>,
              claim(one.name ?? `${one.vendorId}:${one.deviceId}`),
              claim(one.driver),
            ])}
          />
        </Card>
      )}
      {gaps.length > 0 && (
        <Card title="What could not be read">
          <ul>
            {gaps.map((gap) => (
              <li key={gap}>
                <Claimed>{gap}</Claimed>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}

const claim = (text: string | undefined, mono = false): ReactNode =>
  text === undefined || text === '' ? undefined : <Claimed mono={mono}>{text}</Claimed>;

/** A head that begins with # has numbers below it. */
function Rows({ head, rows }: { head: readonly string[]; rows: readonly (readonly ReactNode[])[] }) {
  return (
    <Wide label={head.join(', ').replaceAll('#', '')}>
      <table className="plain">
        <thead>
          <tr>
            {head.map((word) => (
              <th key={word} scope="col" className={word.startsWith('#') ? 'number' : undefined}>
                {word.replace('#', '')}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((cells, at) => (
            // oxlint-disable-next-line react/no-array-index-key -- the order of an inventory is all that tells equal parts apart
            <tr key={at}>
              {cells.map((cell, column) => (
                <td key={head[column]} className={head[column]?.startsWith('#') ? 'number' : undefined}>
                  {cell ?? ''}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function Facts({ machine }: { machine: MachineResource }) {
  const facts = Object.entries(machine.status.facts).toSorted(([one], [other]) => one.localeCompare(other));
  const { macs, uuids, serials } = machine.status.identifiers;
  return (
    <div className="two">
      <Card title="Known by">
        <Pairs
          of={[
            ['MAC addresses', <Mono key="macs">{[...new Set([...machine.macs, ...macs])].join(', ')}</Mono>],
            ['UUID', claim([...new Set([machine.uuid, ...uuids].filter(Boolean))].join(', '), true)],
            ['Serial', claim([...new Set([machine.serial, ...serials].filter(Boolean))].join(', '), true)],
            ['BMC', machine.bmc && <Mono>{`${machine.bmc.type} ${machine.bmc.address ?? ''}`}</Mono>],
            [
              'Labels',
              Object.entries(machine.labels)
                .map(([key, value]) => `${key}=${value}`)
                .join(', '),
            ],
          ]}
        />
      </Card>
      {facts.length > 0 && (
        <Card title="Facts" aside={<span className="soft">what classes match on</span>}>
          <Rows
            head={['Fact', 'Value', 'From', 'When']}
            rows={facts.map(([name, { value, source, at }]) => [
              <Mono key="name">{name}</Mono>,
              claim(String(value)),
              source,
              <Ago key="at" at={at} />,
            ])}
          />
        </Card>
      )}
    </div>
  );
}
