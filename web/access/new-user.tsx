import { Button, Modal, PasswordInput, Select, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { type Role, ROLES } from '#machines/contract/api/role.ts';
import { MIN_PASSWORD } from '#machines/contract/api/user-resource.ts';
import { useAct } from '../api/queries.ts';
import { Failed } from '../look/parts.tsx';
import { tell } from '../look/tell.ts';

export const roleOf = (text: string | null): Role => ROLES.find((role) => role === text) ?? 'viewer';

export function NewUser({ close }: { close: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [scope, setScope] = useState('');
  const [password, setPassword] = useState('');
  const queries = useQueryClient();
  const create = useAct('createUser', {
    quiet: true,
    done: () => {
      void queries.invalidateQueries({ queryKey: ['listUsers'] });
      tell(`${name} may come in as ${role}.`);
      close();
    },
  });
  return (
    <Modal opened onClose={close} title="New user">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate({
            body: {
              name,
              role,
              ...(scope.trim() === '' ? {} : { scope: scope.trim() }),
              ...(password === '' ? {} : { password }),
            },
          });
        }}
      >
        <TextInput
          label="Name"
          value={name}
          onChange={({ currentTarget: { value } }) => setName(value)}
          required
          data-autofocus
          autoComplete="off"
          spellCheck={false}
        />
        <Select
          label="Role"
          data={[...ROLES]}
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
        <PasswordInput
          label="Password"
          description={`At least ${MIN_PASSWORD} characters; empty for who comes in by OpenID or a certificate.`}
          value={password}
          onChange={({ currentTarget: { value } }) => setPassword(value)}
          autoComplete="new-password"
          visibilityToggleButtonProps={{ 'aria-label': 'Show the password' }}
        />
        {create.error && <Failed error={create.error} />}
        <div className="row">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" className="spread" loading={create.isPending}>
            Create
          </Button>
        </div>
      </form>
    </Modal>
  );
}
