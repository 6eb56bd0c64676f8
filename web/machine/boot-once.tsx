import { Menu } from '@mantine/core';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { useAct, useAsk } from '../api/queries.ts';
import { tell } from '../look/tell.ts';

/** Grants one netboot of a profile that writes no disks. */
export function BootOnce({ machine, disabled }: { machine: MachineResource; disabled: boolean }) {
  const { data } = useAsk('listProfiles');
  const boot = useAct('bootMachine', {
    done: ({ profile }) => tell(`${machine.name} may boot ${profile} once, the next time it netboots.`),
  });
  const profiles = (data?.items ?? []).filter(({ writes, os }) => writes === 'none' && os !== 'disk');
  return (
    <Menu.Sub>
      <Menu.Sub.Target>
        <Menu.Sub.Item disabled={disabled || profiles.length === 0}>Boot once</Menu.Sub.Item>
      </Menu.Sub.Target>
      <Menu.Sub.Dropdown>
        {profiles.map(({ name }) => (
          <Menu.Item
            key={name}
            onClick={() => boot.mutate({ params: { name: machine.name }, body: { profile: name } })}
          >
            {name}
          </Menu.Item>
        ))}
      </Menu.Sub.Dropdown>
    </Menu.Sub>
  );
}
