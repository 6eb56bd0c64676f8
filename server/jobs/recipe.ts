import type { JobKind } from '#machines/contract/job.ts';
import type { Allowed } from '#machines/decide/actions.ts';
import { isPlanned } from '#machines/decide/jobs/make-plan.ts';
import { RESCUE_PROFILE } from '#services/registry/built-in.ts';
import type { Recipe, Step } from '#services/jobs/contract.ts';
import { awaitReportStep, bootInstallerStep, bootIntoStep, type InstallerParts } from './installer-steps.ts';
import {
  bootAgentStep,
  bootDiskStep,
  holdStep,
  powerOffStep,
  proveMachineStep,
  type StepParts,
  takeInventoryStep,
  wipeDisksStep,
  writeImageStep,
} from './steps.ts';
import {
  applyConfigStep,
  awaitReadyStep,
  bootstrapStep,
  bootTalosStep,
  watchInstallStep,
} from './talos/install-steps.ts';
import {
  awaitErasedStep,
  awaitRolledBackStep,
  awaitTurnStep,
  awaitUpgradedStep,
  checkClusterStep,
  resetStep,
  rollbackStep,
  type UpkeepParts,
  upgradeStep,
} from './talos/upkeep-steps.ts';

/** What clusters of Talos need beside the rest; where it is absent, there are none. */
export type TalosOwn = Omit<UpkeepParts, keyof InstallerParts>;

/**
 * The steps of a job, in order. What has a plan does what that says, by the names of steps (made in
 * machines/decide/jobs/make-plan.ts and in talos/upkeep-plan.ts): a profile may be another one by now.
 */
export function recipes(
  parts: StepParts &
    InstallerParts & {
      readonly talos?: TalosOwn;
      /** May its disks be written now? It was asked when the job was, which may have waited since. */
      readonly mayWrite: (machine: string) => Allowed;
    },
): Recipe {
  const hold = holdStep(parts);
  const inspect: readonly Step[] = [bootAgentStep(parts), takeInventoryStep(parts)];
  // It writes nothing of itself: what is done to the machine is done by the person at its console.
  const bootRescue = bootIntoStep(parts, {
    name: 'boot-rescue',
    what: 'the rescue shell',
    profileOf: () => RESCUE_PROFILE.name,
  });
  const unplanned: Readonly<Partial<Record<JobKind, readonly Step[]>>> = { inspect, rescue: [bootRescue] };
  const all: readonly Step[] = [
    bootAgentStep(parts),
    proveMachineStep(parts),
    wipeDisksStep(parts),
    writeImageStep(parts),
    bootDiskStep(parts),
    bootInstallerStep(parts),
    awaitReportStep(parts),
    powerOffStep(parts),
    ...(parts.talos ? talosSteps({ ...parts, ...parts.talos }) : []),
  ];
  const byName = new Map(all.map((step) => [step.name, BEFORE_WRITING.has(step.name) ? gated(step, parts) : step]));
  return ({ kind, notes, plan }) => {
    const own = isPlanned(kind) ? plan?.steps.map((name) => byName.get(name)) : unplanned[kind];
    const steps = own?.filter((step) => step !== undefined);
    if (!steps || steps.length === 0 || steps.length !== own?.length) {
      throw new Error(`there is no way yet to ${kind} a machine`);
    }
    return notes['holdUntil'] === undefined ? steps : [hold, ...steps];
  };
}

/** After these the first byte is written: what was locked meanwhile is left alone (safety rule 4). */
const BEFORE_WRITING: ReadonlySet<string> = new Set(['prove-machine', 'check-cluster']);

const gated = (step: Step, { mayWrite }: { readonly mayWrite: (machine: string) => Allowed }): Step => ({
  ...step,
  async run(context) {
    const allowed = mayWrite(context.job().machine);
    if (allowed.kind === 'allowed') return await step.run(context);
    return { kind: 'failed', because: `${allowed.because}; nothing was done to its disks`, next: allowed.next };
  },
});

const talosSteps = (parts: UpkeepParts): readonly Step[] => [
  bootTalosStep(parts),
  applyConfigStep(parts),
  watchInstallStep(parts),
  bootstrapStep(parts),
  awaitReadyStep(parts),
  awaitTurnStep(parts),
  checkClusterStep(parts),
  upgradeStep(parts),
  awaitUpgradedStep(parts),
  rollbackStep(parts),
  awaitRolledBackStep(parts),
  resetStep(parts),
  awaitErasedStep(parts),
];
