import { Select } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useFleet } from '../api/fleet.ts';
import { useAsk } from '../api/queries.ts';
import { DocumentText } from '../documents/document-text.tsx';
import { EditDocument } from '../documents/edit-document.tsx';
import { Card, Code, Failed, Mono, Pairs } from '../look/parts.tsx';

/** One profile, and what it comes to for a machine that has it: the script, byte for byte. */
export function ProfileScreen() {
  const { name } = useParams({ from: '/profiles/$name' });
  const { data, error } = useAsk('getProfile', { params: { name } });
  const { machines } = useFleet();
  const mine = machines.filter((one) => one.profile === name);
  const [chosen, choose] = useState<string | null>(null);
  const shown = chosen ?? mine[0]?.name ?? machines[0]?.name;
  if (error) return <Failed error={error} />;
  if (!data) return <p role="status">Looking it up…</p>;
  return (
    <div className="stack">
      <h1>{name}</h1>
      <div className="two">
        <Card title="What it is">
          <Pairs
            of={[
              ['System', data.os],
              ['When', data.when === 'always' ? 'on every start' : 'once, under a grant'],
              ['Disks', data.writes === 'none' ? 'writes none' : 'written under a confirmed plan'],
              ['Image', data.image],
              ['Arguments', data.args.length > 0 && <Mono key="args">{data.args.join(' ')}</Mono>],
              ['When a netboot fails', data.onFailure === 'disk' ? 'goes on to its own disk' : 'stays in a shell'],
              ['Where to', data.url],
              ['Applied from', data.status.appliedFrom],
            ]}
          />
        </Card>
        <Card
          title="Document"
          aside={
            <span className="spread">
              <EditDocument kind="Profile" name={name} />
            </span>
          }
        >
          <DocumentText kind="Profile" name={name} rev={data.status.rev} />
        </Card>
      </div>
      {shown !== undefined && (
        <Preview
          profile={name}
          machine={shown}
          choose={choose}
          names={(mine.length > 0 ? mine : machines).map((one) => one.name)}
        />
      )}
    </div>
  );
}

/** As many as a person would look through. */
const MAX_NAMES = 500;

function Preview({
  profile,
  machine,
  choose,
  names,
}: {
  profile: string;
  machine: string;
  choose: (name: string | null) => void;
  names: readonly string[];
}) {
  const { data, error } = useAsk('explain', { query: { of: machine } });
  const config = useAsk('getMachineConfig', { params: { name: machine } });
  const isThis = data?.plan.profile === profile;
  return (
    <Card
      title="What a machine would be sent now"
      aside={
        <Select
          className="spread"
          size="xs"
          w={240}
          aria-label="For which machine"
          searchable
          allowDeselect={false}
          data={[...names.slice(0, MAX_NAMES)]}
          value={machine}
          onChange={choose}
        />
      }
    >
      <div className="stack">
        {error && <Failed error={error} />}
        {data && (
          <>
            <p>
              <Link to="/machines/$name" params={{ name: machine }} search={{ tab: 'config' }}>
                {machine}
              </Link>
              : {data.outcome.because}
            </p>
            {!isThis && data.plan.profile !== undefined && (
              <p className="soft">
                It would boot {data.plan.profile}, not {profile}.
              </p>
            )}
            <Code>{data.script.text}</Code>
          </>
        )}
        {config.data && config.data.values.some(({ from }) => from === `profile ${profile}`) && (
          <Pairs
            of={config.data.values
              .filter(({ from }) => from === `profile ${profile}`)
              .map(({ path, value }) => [path, <Mono key={path}>{JSON.stringify(value)}</Mono>] as const)}
          />
        )}
      </div>
    </Card>
  );
}
