import './jobs.css';
import { Button, Modal, Select, TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import type { PlanAnswer } from '#machines/contract/api/job-resource.ts';
import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { Plan, PlannedDisk } from '#machines/contract/job.ts';
import type { PlannedKind } from '#machines/decide/jobs/make-plan.ts';
import { diskSize } from '#machines/values/size.ts';
import { useAct, useAsk } from '../api/queries.ts';
import { capital, count, words } from '../look/format.ts';
import type { Tone } from '../look/machine-state.ts';
import { Claimed, Failed, Mono, StateMark, Wide } from '../look/parts.tsx';
import { tell } from '../look/tell.ts';

const TITLES: Readonly<Record<PlannedKind, string>> = {
  install: 'Install',
  reprovision: 'Erase and install',
  wipe: 'Erase the disks of',
  reset: 'Reset',
  retire: 'Erase and retire',
  upgrade: 'Upgrade',
  rollback: 'Roll back',
};
const WRITES_IMAGE: readonly PlannedKind[] = ['install', 'reprovision'];

type Parts = { kind: PlannedKind; machines: readonly MachineResource[]; close: () => void };

/** A destructive act: planned, shown disk by disk, confirmed as safety rule 4 wants it, and only then begun. */
export function PlanDialog({ kind, machines, close }: Parts) {
  const [profile, setProfile] = useState<string | null>(null);
  const [answer, setAnswer] = useState<PlanAnswer>();
  const make = useAct('makePlans', { quiet: true, done: setAnswer });
  const names = machines.map(({ name }) => name);
  const ask = (): void => {
    setAnswer(undefined);
    make.mutate({ body: { kind, machines: names, ...(profile === null ? {} : { profile }) } });
  };
  // oxlint-disable-next-line react-hooks/exhaustive-deps -- planned anew when another profile is chosen
  useEffect(ask, [profile]);
  const what = names.length === 1 ? (names[0] ?? '') : count(names.length, 'machine');
  return (
    <Modal opened onClose={close} size="56rem" title={`${TITLES[kind]} ${what}`}>
      <div className="stack">
        {WRITES_IMAGE.includes(kind) && <ProfileChoice value={profile} choose={setProfile} machines={machines} />}
        {make.isPending && <p role="status">Planning: what would be done to which disk…</p>}
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
  const hit = plans.flatMap(({ disks }) => disks.filter(touches));

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
          <p className="confirm-what">
            <strong>
              {count(hit.length, 'disk')} {hit.length === 1 ? 'loses' : 'lose'} what is on{' '}
              {hit.length === 1 ? 'it' : 'them'}
            </strong>
            {hit.length > 0 && hit.length <= 6 && (
              <>
                :{' '}
                {hit.map((disk) => (
                  <Mono key={nameOf(disk)}>{nameOf(disk)} </Mono>
                ))}
              </>
            )}
          </p>
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
              color="red"
              className="spread"
              disabled={!isAcknowledged || !isTyped}
              loading={start.isPending}
            >
              {buttonText(kind, hit, plans.length)}
            </Button>
          </div>
        </form>
      )}
    </>
  );
}

const nameOf = ({ serial, wwn, name }: PlannedDisk): string => serial ?? wwn ?? name;

function buttonText(kind: PlannedKind, hit: readonly PlannedDisk[], machines: number): string {
  const [only] = hit;
  const disks = hit.length === 1 && only ? `disk ${nameOf(only)}` : count(hit.length, 'disk');
  const verb = WRITES_IMAGE.includes(kind) ? 'Overwrite' : 'Erase';
  return `${verb} ${disks}${machines > 1 ? ` of ${machines} machines` : ''}`;
}

const ACTS: Readonly<Record<PlannedDisk['act'], { readonly text: string; readonly tone: Tone }>> = {
  wipe: { text: 'ERASE', tone: 'bad' },
  write: { text: 'WRITE', tone: 'bad' },
  keep: { text: 'keep', tone: 'good' },
  'leave-alone': { text: 'leave alone', tone: 'quiet' },
};
const touches = ({ act }: PlannedDisk): boolean => act === 'wipe' || act === 'write';

/** Exactly what would be done to one machine. */
export function PlanView({ plan }: { plan: Plan }) {
  const proof = [...new Set(plan.identifiers.map(({ kind }) => kind))];
  return (
    <section className="plan" aria-label={`Plan for ${plan.machine}`}>
      <h3>
        {plan.machine}
        {plan.image !== undefined && <span className="soft"> image {plan.image}</span>}
      </h3>
      {plan.disks.length > 0 && (
        <Wide label={`Disks of ${plan.machine}`}>
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">What is done</th>
                <th scope="col">Serial</th>
                <th scope="col">Model</th>
                <th scope="col" className="number">
                  Size
                </th>
                <th scope="col">On it now</th>
                <th scope="col">Why</th>
              </tr>
            </thead>
            <tbody>
              {plan.disks.map((disk) => (
                <tr key={`${disk.name} ${nameOf(disk)}`}>
                  <td>
                    <StateMark tone={ACTS[disk.act].tone}>{ACTS[disk.act].text}</StateMark>
                  </td>
                  <td>
                    <Claimed mono>{disk.serial ?? disk.wwn ?? 'none'}</Claimed>{' '}
                    <span className="soft mono">{disk.name}</span>
                  </td>
                  <td>{disk.model !== undefined && <Claimed>{disk.model}</Claimed>}</td>
                  <td className="number">{diskSize(disk.bytes)}</td>
                  <td>
                    {disk.signatures.length === 0 ? (
                      <span className="soft">nothing known</span>
                    ) : (
                      <Claimed>{disk.signatures.join(', ')}</Claimed>
                    )}
                  </td>
                  <td>
                    <Claimed>{disk.because}</Claimed>
                    {disk.method !== undefined && disk.method !== 'best' && (
                      <span className="soft"> ({words(disk.method)})</span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
      {plan.steps.length > 0 && <p className="soft">Steps: {plan.steps.map(words).join(' → ')}</p>}
      <p className="soft">
        Proven by {proof.length === 0 ? 'nothing' : proof.join(', ')}, read again before the first byte.
      </p>
      {plan.refusals.map(({ because, next }) => (
        <div key={because} className="note" data-tone="bad">
          <strong>
            <Claimed>{because}</Claimed>
          </strong>
          <p>Next: {next}</p>
        </div>
      ))}
    </section>
  );
}
