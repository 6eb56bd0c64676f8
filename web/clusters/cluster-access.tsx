import { Button, Modal, MultiSelect, Select } from '@mantine/core';
import { useState } from 'react';
import { ROLES } from '#machines/api/roles.ts';
import { useAct } from '../api/queries.ts';
import { Failed } from '../look/parts.tsx';
import { tell } from '../look/tell.ts';

const FOR = [
  { value: '8', label: '8 hours' },
  { value: '168', label: 'a week' },
  { value: '720', label: '30 days' },
  { value: '8760', label: 'a year' },
];

/** Hands out a key to a cluster as a file. It is in the audit log who took it, for how long. */
export function ClusterAccess({
  cluster,
  kind,
  close,
}: {
  cluster: string;
  kind: 'kubeconfig' | 'talosconfig';
  close: () => void;
}) {
  const [hours, setHours] = useState('8');
  const [roles, setRoles] = useState<readonly string[]>(['os:admin']);
  const done = ({ text }: { readonly text: string }): void => {
    save(`${cluster}.${kind}`, text);
    tell(`${cluster}.${kind} is in your downloads. The audit log says that you took it.`);
    close();
  };
  const kube = useAct('makeKubeconfig', { quiet: true, done });
  const talos = useAct('makeTalosconfig', { quiet: true, done });
  const error = kube.error ?? talos.error;
  return (
    <Modal opened onClose={close} title={`Take a ${kind} of ${cluster}`}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          const params = { name: cluster };
          if (kind === 'kubeconfig') kube.mutate({ params, body: { hours: Number(hours) } });
          else
            talos.mutate({ params, body: { hours: Number(hours), roles: ROLES.filter((one) => roles.includes(one)) } });
        }}
      >
        <p>
          {kind === 'kubeconfig'
            ? 'A new key of an administrator of Kubernetes, for kubectl.'
            : 'A new key for the machine API of its machines, for talosctl.'}{' '}
          Nobody can withdraw it: it is good until it ends.
        </p>
        {kind === 'talosconfig' && (
          <MultiSelect label="What it may do" data={[...ROLES]} value={[...roles]} onChange={setRoles} />
        )}
        <Select
          label="Good for"
          data={FOR}
          value={hours}
          onChange={(value) => setHours(value ?? '8')}
          allowDeselect={false}
        />
        {error && <Failed error={error} />}
        <div className="row">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button
            type="submit"
            className="spread"
            loading={kube.isPending || talos.isPending}
            disabled={kind === 'talosconfig' && roles.length === 0}
          >
            Make and download
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/yaml' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken it over once the click is done.
  setTimeout(() => URL.revokeObjectURL(url), 0);
}
