import './jobs.css';
import { Button, Modal, Select, Switch, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useEffect, useState } from 'react';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { WIPE_METHODS } from '#machines/contract/job.ts';
import type { PlannedKind } from '#machines/decide/jobs/make-plan.ts';
import { useAct, useAsk } from '../api/queries.ts';
import { count, words } from '../look/format.ts';
import { Failed } from '../look/parts.tsx';
import { ConfirmPlan } from './confirm-plan.tsx';
import { WRITES_IMAGE } from './plan-words.ts';

const TITLES: Readonly<Record<PlannedKind, string>> = {
  install: 'Install',
  reprovision: 'Erase and install',
  wipe: 'Erase the disks of',
  reset: 'Reset',
  retire: 'Erase and retire',
  upgrade: 'Upgrade',
  rollback: 'Roll back',
};
const ERASES: readonly PlannedKind[] = ['reprovision', 'wipe', 'retire'];

type Parts = { kind: PlannedKind; machines: readonly MachineResource[]; close: () => void };

/** A destructive act: planned, shown disk by disk, confirmed as safety rule 4 wants it, and only then begun. */
export function PlanDialog({ kind, machines, close }: Parts) {
  const [options, setOptions] = useState<Options>({});
  const [settled] = useDebouncedValue(options, 400);
  const [answer, setAnswer] = useState<PlanAnswer>();
  const make = useAct('makePlans', { quiet: true });
  const names = machines.map(({ name }) => name);
  const writing = useWriting();
  const said = saidOf(machines);
  // What its document names cannot be installed: there is nothing to plan before something else is chosen.
  const wantsChoice =
    WRITES_IMAGE.includes(kind) &&
    options.profile === undefined &&
    said !== undefined &&
    writing !== undefined &&
    writing.every(({ name }) => name !== said);
  const isKnown = !WRITES_IMAGE.includes(kind) || writing !== undefined;
  const ask = (): void => {
    setAnswer(undefined);
    // Only the newest question’s answer is shown, and so only that can be confirmed.
    if (isKnown && !wantsChoice) make.mutate({ body: { kind, machines: names, ...settled } }, { onSuccess: setAnswer });
  };
  // oxlint-disable-next-line react-hooks/exhaustive-deps -- planned anew when something else is asked for
  useEffect(ask, [settled, isKnown, wantsChoice]);
  const choose = (more: Options): void => {
    setAnswer(undefined);
    setOptions((before) => known({ ...before, ...more }));
  };
  const what = names.length === 1 ? (names[0] ?? '') : count(names.length, 'machine');
  return (
    <Modal opened onClose={close} size="56rem" title={`${TITLES[kind]} ${what}`}>
      <div className="stack">
        <PlanOptions kind={kind} machines={machines} value={options} choose={choose} />
        {wantsChoice && (
          <p className="note" role="status">
            {said} is what it boots, and is not installed on a disk. Choose above what to install.
          </p>
        )}
        {(make.isPending || options !== settled) && !wantsChoice && (
          <p role="status">Planning: what would be done to which disk…</p>
        )}
        {make.error && !wantsChoice && (
          <>
            <Failed error={make.error} />
            <div className="row">
              <Button variant="default" onClick={ask}>
                Plan again
              </Button>
            </div>
          </>
        )}
        {answer && options === settled && !wantsChoice && (
          <ConfirmPlan key={answer.digest} kind={kind} answer={answer} close={close} />
        )}
      </div>
    </Modal>
  );
}

/** What a plan may be asked with; what is not said, the daemon decides. */
type Options = {
  readonly profile?: string | undefined;
  readonly method?: 'best' | (typeof WIPE_METHODS)[number] | undefined;
  readonly to?: string | undefined;
  readonly erase?: 'disk' | 'configuration' | undefined;
  readonly graceful?: boolean | undefined;
};
type Known = { [K in keyof Options]?: Exclude<Options[K], undefined> };
const known = (options: Options): Known =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

function PlanOptions({
  kind,
  machines,
  value,
  choose,
}: {
  kind: PlannedKind;
  machines: readonly MachineResource[];
  value: Options;
  choose: (more: Options) => void;
}) {
  return (
    <div className="row plan-options">
      {WRITES_IMAGE.includes(kind) && (
        <ProfileChoice
          value={value.profile ?? null}
          choose={(profile) => choose({ profile: profile ?? undefined })}
          machines={machines}
        />
      )}
      {ERASES.includes(kind) && (
        <Select
          label="How disks are erased"
          placeholder="the strongest that each disk has"
          data={WIPE_METHODS.map((method) => ({ value: method, label: words(method) }))}
          value={value.method ?? null}
          onChange={(text) => choose({ method: WIPE_METHODS.find((one) => one === text) })}
          clearable
          w={300}
        />
      )}
      {kind === 'upgrade' && (
        <TextInput
          label="To which release of Talos"
          placeholder="the one that its cluster’s document says"
          value={value.to ?? ''}
          onChange={({ currentTarget: { value: to } }) => choose({ to: to.trim() === '' ? undefined : to.trim() })}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
          w={360}
        />
      )}
      {kind === 'reset' && (
        <>
          <Select
            label="What is erased"
            description="Of members of a cluster. Of any other machine: all disks."
            data={[
              { value: 'disk', label: 'all of its system disk' },
              { value: 'configuration', label: 'its configuration and data; Talos stays' },
            ]}
            value={value.erase ?? 'disk'}
            onChange={(text) => choose({ erase: text === 'configuration' ? 'configuration' : undefined })}
            allowDeselect={false}
            w={300}
          />
          <Switch
            label="It leaves etcd and Kubernetes first"
            checked={value.graceful ?? true}
            onChange={({ currentTarget: { checked } }) => choose({ graceful: checked ? undefined : false })}
          />
        </>
      )}
    </div>
  );
}

/** Profiles that can be written to a disk; nothing while they are being read. */
function useWriting() {
  const { data } = useAsk('listProfiles');
  return data?.items.filter(({ writes, os }) => writes === 'planned' && os !== 'agent');
}

/** The profile that all of them name. */
function saidOf(machines: readonly MachineResource[]): string | undefined {
  const own = new Set(machines.map(({ profile }) => profile));
  return own.size === 1 ? [...own][0] : undefined;
}

function ProfileChoice({
  value,
  choose,
  machines,
}: {
  value: string | null;
  choose: (profile: string | null) => void;
  machines: readonly MachineResource[];
}) {
  const writing = useWriting() ?? [];
  const said = saidOf(machines);
  const isInstalled = writing.some(({ name }) => name === said);
  return (
    <Select
      label="What to install"
      placeholder={
        said === undefined
          ? 'what its document or its class says'
          : isInstalled
            ? `${said}, as its document says`
            : 'Choose one'
      }
      data={writing.map(({ name, image }) => ({
        value: name,
        label: image === undefined ? name : `${name} (image ${image})`,
      }))}
      value={value}
      onChange={choose}
      clearable
      maw={420}
    />
  );
}
