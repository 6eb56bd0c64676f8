import { Button, CopyButton, Modal, NumberInput, Select, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Role, ROLES, roleAllows } from '#machines/contract/api/role.ts';
import { useAct } from '../api/queries.ts';
import { Failed } from '../look/parts.tsx';
import { useSession } from '../shell/session.ts';
import { roleOf } from './new-user.tsx';

/** For a program. Its secret is shown once, here. */
export function NewToken({ close }: { close: () => void }) {
  const session = useSession();
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [scope, setScope] = useState('');
  const [days, setDays] = useState<number | string>(90);
  const queries = useQueryClient();
  const create = useAct('createToken', {
    quiet: true,
    done: () => void queries.invalidateQueries({ queryKey: ['listTokens'] }),
  });
  if (create.data) return <Secret secret={create.data.secret} close={close} />;
  return (
    <Modal opened onClose={close} title="New token">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate({
            body: {
              name,
              role,
              ...(scope.trim() === '' ? {} : { scope: scope.trim() }),
              ...(typeof days === 'number' ? { days } : {}),
            },
          });
        }}
      >
        <TextInput
          label="Name"
          placeholder="prometheus"
          value={name}
          onChange={({ currentTarget: { value } }) => setName(value)}
          required
          data-autofocus
          spellCheck={false}
        />
        <Select
          label="Role"
          data={ROLES.filter((one) => roleAllows(session.role, one))}
          value={role}
          onChange={(value) => setRole(roleOf(value))}
          allowDeselect={false}
        />
        <TextInput
          label="Scope"
          description="Only machines with these labels; empty: all."
          placeholder="rack=r1"
          value={scope}
          onChange={({ currentTarget: { value } }) => setScope(value)}
          spellCheck={false}
        />
        <NumberInput
          label="Void after so many days"
          description="Empty: never."
          value={days}
          onChange={setDays}
          min={1}
          max={3650}
          hideControls
        />
        {create.error && <Failed error={create.error} />}
        <div className="row">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" className="spread" loading={create.isPending}>
            Make the token
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function Secret({ secret, close }: { secret: string; close: () => void }) {
  return (
    <Modal opened onClose={close} title="The token" closeOnClickOutside={false}>
      <div className="stack">
        <p>It is shown here and never again: only its hash is kept.</p>
        <p className="secret">{secret}</p>
        <div className="row">
          <CopyButton value={secret}>
            {({ copied, copy }) => (
              <Button onClick={copy} data-autofocus>
                {copied ? 'Copied' : 'Copy'}
              </Button>
            )}
          </CopyButton>
          <Button variant="default" className="spread" onClick={close}>
            I have it
          </Button>
        </div>
      </div>
    </Modal>
  );
}
