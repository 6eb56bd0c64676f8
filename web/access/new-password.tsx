import { Button, Modal, PasswordInput } from '@mantine/core';
import { useState } from 'react';
import { MIN_PASSWORD } from '#machines/contract/api/user-resource.ts';
import { useAct } from '../api/queries.ts';
import { Failed } from '../look/parts.tsx';
import { tell } from '../look/tell.ts';

/** A user's password, set by an admin, or one's own by saying the current one. */
export function NewPassword({ user, isOwn, close }: { user: string; isOwn: boolean; close: () => void }) {
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const set = useAct('setPassword', {
    quiet: true,
    done: () => {
      tell(`The password of ${user} is set; their sessions end.`);
      close();
    },
  });
  const show = { 'aria-label': 'Show the password' };
  return (
    <Modal opened onClose={close} title={isOwn ? 'Your password' : `Password of ${user}`}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          set.mutate({ params: { name: user }, body: { password, ...(isOwn ? { current } : {}) } });
        }}
      >
        {isOwn && (
          <PasswordInput
            label="Current password"
            value={current}
            onChange={({ currentTarget: { value } }) => setCurrent(value)}
            autoComplete="current-password"
            required
            data-autofocus
            visibilityToggleButtonProps={show}
          />
        )}
        <PasswordInput
          label="New password"
          description={`At least ${MIN_PASSWORD} characters. Sessions end by it.`}
          value={password}
          onChange={({ currentTarget: { value } }) => setPassword(value)}
          autoComplete="new-password"
          minLength={MIN_PASSWORD}
          required
          visibilityToggleButtonProps={show}
        />
        {set.error && <Failed error={set.error} />}
        <div className="row">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" className="spread" loading={set.isPending}>
            Set it
          </Button>
        </div>
      </form>
    </Modal>
  );
}
