import type { Plan, PlannedDisk } from '#machines/contract/job.ts';
import { isPlanned } from '#machines/decide/jobs/make-plan.ts';
import { planSummary } from '#machines/decide/jobs/plan-summary.ts';
import { diskSize } from '#machines/values/size.ts';
import { words } from '../look/format.ts';
import type { Tone } from '../look/machine-state.ts';
import { Claimed, Mono, Pairs, StateMark, Wide } from '../look/parts.tsx';
import { diskName, losesData } from './plan-words.ts';

type Act = { readonly text: string; readonly tone: Tone };
const ACTS: Readonly<Record<PlannedDisk['act'], Act>> = {
  wipe: { text: 'ERASE', tone: 'bad' },
  write: { text: 'OVERWRITE', tone: 'bad' },
  keep: { text: 'keep', tone: 'good' },
  'leave-alone': { text: 'leave alone', tone: 'quiet' },
  unreachable: { text: 'NOT ERASED', tone: 'wait' },
};
const BESIDE: Act = { text: 'write beside', tone: 'wait' };

const actOf = (plan: Plan, disk: PlannedDisk): Act =>
  disk.act === 'write' && isPlanned(plan.kind) && !losesData(plan.kind, disk) ? BESIDE : ACTS[disk.act];

/** Exactly what would be done to one machine, and what stays as it is. */
export function PlanView({ plan }: { plan: Plan }) {
  const proof = [...new Set(plan.identifiers.map(({ kind }) => kind))];
  return (
    <section className="plan" aria-label={`Plan for ${plan.machine}`}>
      <h3>
        {plan.machine} <span className="soft plan-change">{planSummary(plan)}</span>
      </h3>
      {plan.talos && <TalosWork plan={plan} />}
      {plan.disks.length > 0 && <Disks plan={plan} />}
      {plan.steps.length > 0 && <p className="soft">Steps: {plan.steps.map(words).join(' → ')}</p>}
      {(proof.length > 0 || plan.refusals.length === 0) && (
        <p className="soft">
          Proven by {proof.length === 0 ? 'nothing' : proof.join(', ')}, read again before anything is changed.
        </p>
      )}
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

const ROLES = { controlplane: 'control plane', worker: 'worker' } as const;

function TalosWork({ plan: { kind, talos } }: { plan: Plan }) {
  if (!talos) return null;
  const { cluster, role, from, to, kubernetes, installer, erase, graceful, keeps } = talos;
  const after = kind === 'rollback' ? 'the release before it' : to;
  return (
    <Pairs
      of={[
        ['Cluster', `${cluster}, as ${ROLES[role]}`],
        ['Talos', after === undefined ? from : from === undefined ? after : `${from} → ${after}`],
        ['Kubernetes', kubernetes],
        ['Installer', installer && <Mono key="installer">{installer}</Mono>],
        ['Erased', erase && (erase === 'disk' ? 'all of its system disk' : 'STATE and EPHEMERAL of its system disk')],
        [
          'Before that',
          graceful === undefined
            ? undefined
            : graceful
              ? 'it leaves etcd and Kubernetes'
              : 'it leaves nothing: the cluster finds it gone',
        ],
        ['Kept', keeps.length > 0 && keeps.join('; ')],
      ]}
    />
  );
}

const Disks = ({ plan }: { plan: Plan }) => (
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
          <tr key={`${disk.name} ${diskName(disk)}`}>
            <td>
              <StateMark tone={actOf(plan, disk).tone}>{actOf(plan, disk).text}</StateMark>
            </td>
            <td>
              <Claimed mono>{disk.serial ?? disk.wwn ?? 'none'}</Claimed> <span className="soft mono">{disk.name}</span>
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
);
