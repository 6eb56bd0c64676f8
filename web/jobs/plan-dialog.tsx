import './jobs.css';
import { Button, Modal, Select, Switch, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import { WIPE_METHODS } from '#machines/contract/job.ts';
import type { PlannedKind } from '#machines/decide/jobs/make-plan.ts';
import { useAct, useAsk } from '../api/queries.ts';
import { capital, count, words } from '../look/format.ts';
import { Failed, Mono } from '../look/parts.tsx';
import { tell } from '../look/tell.ts';
import { PlanView } from './plan-view.tsx';
import { buttonText, changeText, KEEPS_DATA, summaryText, WRITES_IMAGE } from './plan-words.ts';

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
  const make = useAct('makePlans', { quiet: true, done: setAnswer });
  const names = machines.map(({ name }) => name);
  const ask = (): void => {
    setAnswer(undefined);
    make.mutate({ body: { kind, machines: names, ...settled } });
  };
  // oxlint-disable-next-line react-hooks/exhaustive-deps -- planned anew when something else is asked for
  useEffect(ask, [settled]);
  const choose = (more: Options): void => {
    setAnswer(undefined);
    setOptions((before) => known({ ...before, ...more }));
  };
  const what = names.length === 1 ? (names[0] ?? '') : count(names.length, 'machine');
  return (
    <Modal opened onClose={close} size="56rem" title={`${TITLES[kind]} ${what}`}>
      <div className="stack">
        <PlanOptions kind={kind} machines={machines} value={options} choose={choose} />
        {(make.isPending || options !== settled) && <p role="status">Planning: what would be done to which disk…</p>}
        {make.error && (
          <>
            <Failed error={make.error} />
            <div className="row">
              <Button variant="default" onClick={ask}>
                Plan again
              </Button>
            </div>
          </>
        )}
        {answer && <Confirm key={answer.digest} kind={kind} answer={answer} close={close} />}
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
          placeholder="the strongest way that each disk has"
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
          w={300}
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

function ProfileChoice({
  value,
  choose,
  machines,
}: {
  value: string | null;
  choose: (profile: string | null) => void;
  machines: readonly MachineResource[];
}) {
  const { data } = useAsk('listProfiles');
  const writing = (data?.items ?? []).filter(({ writes, os }) => writes === 'planned' && os !== 'agent');
  const own = new Set(machines.map(({ profile }) => profile));
  const said = own.size === 1 ? [...own][0] : undefined;
  return (
    <Select
      label="What to install"
      placeholder={said === undefined ? 'what its document or its class says' : `${said}, as its document says`}
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

function Confirm({ kind, answer, close }: { kind: PlannedKind; answer: PlanAnswer; close: () => void }) {
  const { items: plans, digest, ceremony, waitSeconds } = answer;
  const [typed, setTyped] = useState('');
  const [said, setSaid] = useState<Readonly<Record<string, string>>>({});
  const navigate = useNavigate();
  const start = useAct('startJobs', {
    quiet: true,
    done: ({ items }) => {
      close();
      tell(
        waitSeconds > 0
          ? `The first begins in ${waitSeconds} s and may be called off until then.`
          : `${capital(kind)} has begun.`,
      );
      const [only] = items;
      if (items.length === 1 && only) void navigate({ to: '/jobs/$id', params: { id: only.id } });
      else void navigate({ to: '/jobs' });
    },
  });

  const isRefused = plans.some(({ refusals }) => refusals.length > 0);
  const wanted = plans.flatMap(({ machine, acknowledge }) =>
    acknowledge.map((one) => ({ ...one, key: `${machine} ${one.what}` })),
  );
  const isAcknowledged = wanted.every(({ key, say }) => said[key]?.trim() === say);
  const isTyped = ceremony === 'yes' || typed.trim() === String(plans.length) || typed.trim() === digest;
  const keeps = KEEPS_DATA.includes(kind);

  return (
    <>
      <div className="plans">
        {plans.map((one) => (
          <PlanView key={one.id} plan={one} />
        ))}
      </div>
      {isRefused ? (
        <div className="note" data-tone="bad" role="alert">
          <strong>Nothing can be done as planned.</strong>
          <p>Put right what stands against it above, then plan again.</p>
        </div>
      ) : (
        <form
          className="stack confirm"
          onSubmit={(event) => {
            event.preventDefault();
            if (!isAcknowledged || !isTyped) return;
            start.mutate({
              body: {
                jobs: plans.map((plan) => ({
                  kind,
                  machine: plan.machine,
                  plan: { id: plan.id, digest: plan.digest },
                  acknowledge: plan.acknowledge.map(({ say }) => say),
                })),
              },
            });
          }}
        >
          <div className="confirm-what">
            <strong>{summaryText(kind, plans)}</strong>
            {plans.length > 1 && plans.length <= 12 && (
              <ul>
                {plans.map((one) => (
                  <li key={one.id}>
                    {one.machine}: {changeText(one)}
                  </li>
                ))}
              </ul>
            )}
          </div>
          {wanted.map(({ key, what, say }) => (
            <TextInput
              key={key}
              label={what}
              description={
                <>
                  To go on in spite of that, type <Mono>{say}</Mono>
                </>
              }
              value={said[key] ?? ''}
              onChange={({ currentTarget: { value } }) => setSaid((before) => ({ ...before, [key]: value }))}
              autoComplete="off"
              spellCheck={false}
            />
          ))}
          {ceremony === 'count' && (
            <TextInput
              label={`Type how many machines this is about: ${plans.length}`}
              description="Or the digest of the plan, whole."
              value={typed}
              onChange={({ currentTarget: { value } }) => setTyped(value)}
              autoComplete="off"
              spellCheck={false}
              maw={420}
            />
          )}
          {waitSeconds > 0 && (
            <p className="soft">
              The jobs wait {waitSeconds} s before the first of them begins, and may be cancelled until then.
            </p>
          )}
          {start.error && <Failed error={start.error} />}
          <div className="row">
            <Button variant="default" onClick={close}>
              Leave it
            </Button>
            <span className="soft digest" title={digest}>
              plan <Mono>{digest.slice(0, 16)}…</Mono>
            </span>
            <Button
              type="submit"
              {...(keeps ? {} : { color: 'red' })}
              className="spread"
              disabled={!isAcknowledged || !isTyped}
              loading={start.isPending}
            >
              {buttonText(kind, plans)}
            </Button>
          </div>
        </form>
      )}
    </>
  );
}
