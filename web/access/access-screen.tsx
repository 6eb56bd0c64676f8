import './access.css';
import { Button, Menu, Modal } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import type { AccessKeyResource } from '#machines/contract/api/access-resource.ts';
import { ROLES } from '#machines/contract/api/role.ts';
import type { UserResource } from '#machines/contract/api/user-resource.ts';
import { useAct, useAsk } from '../api/queries.ts';
import { Icon } from '../look/icons.tsx';
import { Ago, Card, Claimed, Empty, Failed, Mono, ScreenHead, StateMark, Wide } from '../look/parts.tsx';
import { tell } from '../look/tell.ts';
import { useSession } from '../shell/session.ts';
import { NewPassword } from './new-password.tsx';
import { NewToken } from './new-token.tsx';
import { NewUser } from './new-user.tsx';

type Open =
  | { readonly kind: 'user' }
  | { readonly kind: 'token' }
  | { readonly kind: 'password'; readonly user: string };

/** Who may come in, and as what. */
export function AccessScreen() {
  const { may } = useSession();
  const [open, setOpen] = useState<Open>();
  const close = (): void => setOpen(undefined);
  if (!may('admin')) {
    return (
      <>
        <ScreenHead title="Access" />
        <p className="note">Who may come in is for admins to say.</p>
      </>
    );
  }
  return (
    <>
      <ScreenHead
        title="Access"
        about="Viewers look, operators act, approvers may approve what others planned, admins say who may. A scope narrows it to machines by their labels."
      >
        <Button variant="default" onClick={() => setOpen({ kind: 'token' })}>
          New token
        </Button>
        <Button onClick={() => setOpen({ kind: 'user' })}>New user</Button>
      </ScreenHead>
      <div className="stack">
        <Users setPassword={(user) => setOpen({ kind: 'password', user })} />
        <Keys />
      </div>
      {open?.kind === 'user' && <NewUser close={close} />}
      {open?.kind === 'token' && <NewToken close={close} />}
      {open?.kind === 'password' && <NewPassword user={open.user} isOwn={false} close={close} />}
    </>
  );
}

function Users({ setPassword }: { setPassword: (user: string) => void }) {
  const { data, error } = useAsk('listUsers');
  return (
    <Card title="Users">
      {error && <Failed error={error} />}
      {data?.items.length === 0 && (
        <Empty title="No users yet">
          <p>
            Until there are some, people come in by one-time addresses: <code>ingot login</code>. Users have names of
            their own in the audit log.
          </p>
        </Empty>
      )}
      {data && data.items.length > 0 && (
        <Wide label="Users" className="nowrap">
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Role</th>
                <th scope="col">Scope</th>
                <th scope="col">Comes in by</th>
                <th scope="col">Last login</th>
                <th scope="col">State</th>
                <th scope="col">
                  <span className="unseen">Act</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((one) => (
                <User key={one.name} user={one} setPassword={setPassword} />
              ))}
            </tbody>
          </table>
        </Wide>
      )}
    </Card>
  );
}

function User({ user, setPassword }: { user: UserResource; setPassword: (user: string) => void }) {
  const { name } = user;
  const queries = useQueryClient();
  const again = (): void => void queries.invalidateQueries({ queryKey: ['listUsers'] });
  const patch = useAct('patchUser', { done: again });
  const [removes, setRemoves] = useState(false);
  const remove = useAct('removeUser', {
    done: () => {
      tell(`${name} is removed.`);
      setRemoves(false);
      again();
    },
  });
  const ways = [
    user.hasPassword ? 'password' : undefined,
    user.source === 'oidc' ? 'OpenID' : undefined,
    user.certificates.length > 0 ? 'certificate' : undefined,
  ].filter((one) => one !== undefined);
  return (
    <tr>
      <td>
        <strong>
          <Claimed>{name}</Claimed>
        </strong>
      </td>
      <td>{user.role}</td>
      <td>{user.scope === undefined ? <span className="soft">all machines</span> : <Mono>{user.scope}</Mono>}</td>
      <td>{ways.join(', ') || <span className="soft">nothing yet</span>}</td>
      <td className="soft">{user.lastLoginAt === undefined ? 'never' : <Ago at={user.lastLoginAt} />}</td>
      <td>
        <StateMark tone={user.disabled ? 'bad' : 'good'}>{user.disabled ? 'disabled' : 'may come in'}</StateMark>
      </td>
      <td>
        <Menu position="bottom-end">
          <Menu.Target>
            <Button size="compact-xs" variant="default" leftSection={<Icon name="more" size={14} />}>
              Change<span className="unseen"> {name}</span>
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => setPassword(name)}>Set a password…</Menu.Item>
            <Menu.Divider />
            {ROLES.filter((role) => role !== user.role).map((role) => (
              <Menu.Item key={role} onClick={() => patch.mutate({ params: { name }, body: { role } })}>
                Make {role}
              </Menu.Item>
            ))}
            <Menu.Divider />
            <Menu.Item onClick={() => patch.mutate({ params: { name }, body: { disabled: !user.disabled } })}>
              {user.disabled ? 'Let in again' : 'Disable: sessions and tokens end'}
            </Menu.Item>
            <Menu.Item className="danger" onClick={() => setRemoves(true)}>
              Remove…
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
        <Modal opened={removes} onClose={() => setRemoves(false)} title={`Remove ${name}?`}>
          <div className="stack">
            <p>Their sessions and tokens end at once, and what they have approved approves nothing any more.</p>
            <div className="row">
              <Button variant="default" onClick={() => setRemoves(false)} data-autofocus>
                Keep them
              </Button>
              <Button
                color="red"
                className="spread"
                loading={remove.isPending}
                onClick={() => remove.mutate({ params: { name } })}
              >
                Remove them
              </Button>
            </div>
          </div>
        </Modal>
      </td>
    </tr>
  );
}

const KINDS: Readonly<Record<AccessKeyResource['kind'], string>> = {
  token: 'token',
  session: 'session',
  code: 'one-time code',
};

function Keys() {
  const { data, error, refetch } = useAsk('listTokens', {}, { everyMs: 15_000 });
  const remove = useAct('removeToken', { done: () => void refetch() });
  return (
    <Card title="Tokens and sessions" aside={<span className="soft">without their secrets, which are shown once</span>}>
      {error && <Failed error={error} />}
      {data && (
        <Wide label="Tokens and sessions" className="nowrap">
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Kind</th>
                <th scope="col">Role</th>
                <th scope="col">Scope</th>
                <th scope="col">Since</th>
                <th scope="col">Until</th>
                <th scope="col">
                  <span className="unseen">Act</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((one) => (
                <tr key={one.id}>
                  <td>
                    <strong>{one.name}</strong>
                  </td>
                  <td>{KINDS[one.kind]}</td>
                  <td>{one.role}</td>
                  <td>
                    {one.scope === undefined ? <span className="soft">all machines</span> : <Mono>{one.scope}</Mono>}
                  </td>
                  <td className="soft">
                    <Ago at={one.createdAt} />
                  </td>
                  <td className="soft">{one.expiresAt === undefined ? 'it is removed' : <Ago at={one.expiresAt} />}</td>
                  <td>
                    <Button
                      size="compact-xs"
                      variant="default"
                      onClick={() => remove.mutate({ params: { id: one.id } })}
                      aria-label={`Void ${KINDS[one.kind]} of ${one.name}`}
                    >
                      Void
                    </Button>
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
