import type { JobKind } from '#machines/contract/job.ts';
import type { Recipe, Step } from '#services/jobs/contract.ts';
import { awaitReportStep, bootInstallerStep, type InstallerParts } from './installer-steps.ts';
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

/** The steps of each kind of job, in order. The names of those of a plan stand in machines/decide/jobs/make-plan.ts too. */
export function recipes(parts: StepParts & InstallerParts): Recipe {
  const bootAgent = bootAgentStep(parts);
  const prove = proveMachineStep(parts);
  const wipe = wipeDisksStep(parts);
  const write = writeImageStep(parts);
  const bootDisk = bootDiskStep(parts);
  const hold = holdStep(parts);
  const steps: Readonly<Record<JobKind, readonly Step[] | undefined>> = {
    inspect: [bootAgent, takeInventoryStep(parts)],
    wipe: [bootAgent, prove, wipe],
    reset: [bootAgent, prove, wipe],
    retire: [bootAgent, prove, wipe, powerOffStep(parts)],
    install: [bootAgent, prove, write, bootDisk],
    reprovision: [bootAgent, prove, wipe, write, bootDisk],
    upgrade: undefined,
    rollback: undefined,
    rescue: undefined,
  };
  const inPlace: Readonly<Record<string, Step>> = {
    [write.name]: bootInstallerStep(parts),
    [bootDisk.name]: awaitReportStep(parts),
  };
  return ({ kind, notes, plan }) => {
    // Which of the two ways to write, its plan says: a profile may be another one by now.
    const isInstaller = plan?.steps.includes('boot-installer') === true;
    const own = isInstaller ? steps[kind]?.map((step) => inPlace[step.name] ?? step) : steps[kind];
    if (!own) throw new Error(`there is no way yet to ${kind} a machine`);
    return notes['holdUntil'] === undefined ? own : [hold, ...own];
  };
}
