import type { Plan, PlannedDisk } from '#machines/contract/job.ts';
import type { PlannedKind } from '#machines/decide/jobs/make-plan.ts';
import { count } from '../look/format.ts';

/** Kinds that change which system runs and erase nothing of anybody. */
export const KEEPS_DATA: readonly PlannedKind[] = ['upgrade', 'rollback'];
export const WRITES_IMAGE: readonly PlannedKind[] = ['install', 'reprovision'];

export const diskName = ({ serial, wwn, name }: PlannedDisk): string => serial ?? wwn ?? name;
export const isTouched = ({ act }: PlannedDisk): boolean => act === 'wipe' || act === 'write';

/** What a disk of a plan loses. An upgrade writes beside what is there: its disk loses nothing that anybody wants. */
export const losesData = (kind: PlannedKind, disk: PlannedDisk): boolean =>
  isTouched(disk) && !KEEPS_DATA.includes(kind);

/** One line for one machine, without its name: what changes. */
export function changeText(plan: Plan): string {
  const { kind, talos, disks } = plan;
  const system = disks.find(({ act, because }) => act === 'write' || (act === 'keep' && /boot entry/.test(because)));
  const on = system ? `, on disk ${diskName(system)}` : '';
  if (kind === 'upgrade') return `Talos ${talos?.from ?? 'as it runs'} → ${talos?.to ?? 'newer'}${on}`;
  if (kind === 'rollback') return `Talos ${talos?.from ?? 'as it runs'} → the release before it${on}`;
  const lost = disks.filter(isTouched).map(diskName);
  const what = lost.length === 0 ? 'no disk is touched' : `loses what is on ${lost.join(', ')}`;
  if (talos?.erase === 'configuration') return `${what}: STATE and EPHEMERAL; Talos itself stays`;
  return plan.image === undefined ? what : `${what}; gets ${plan.image}`;
}

/** The sentence above the button, over all machines. */
export function summaryText(kind: PlannedKind, plans: readonly Plan[]): string {
  const machines = count(plans.length, 'machine');
  if (kind === 'upgrade')
    return `${machines} ${plans.length === 1 ? 'restarts' : 'restart'} into another release. No data is erased.`;
  if (kind === 'rollback')
    return `${machines} ${plans.length === 1 ? 'restarts' : 'restart'} into the release before. No disk is written.`;
  const lost = plans.flatMap(({ disks }) => disks.filter(isTouched)).length;
  return `${count(lost, 'disk')} of ${machines} ${lost === 1 ? 'loses' : 'lose'} what is on ${lost === 1 ? 'it' : 'them'}.`;
}

/** What the button does, in the words of what is done: never a bare yes. */
export function buttonText(kind: PlannedKind, plans: readonly Plan[]): string {
  const [only] = plans;
  const who = plans.length === 1 && only ? only.machine : count(plans.length, 'machine');
  if (kind === 'upgrade') {
    const releases = new Set(plans.map(({ talos }) => talos?.to));
    const [to] = releases;
    return `Upgrade ${who}${releases.size === 1 && to !== undefined ? ` to ${to}` : ''}`;
  }
  if (kind === 'rollback') return `Roll back ${who}`;
  const hit = plans.flatMap(({ disks }) => disks.filter(isTouched));
  const [disk] = hit;
  const disks = hit.length === 1 && disk ? `disk ${diskName(disk)}` : count(hit.length, 'disk');
  const verb = WRITES_IMAGE.includes(kind) ? 'Overwrite' : 'Erase';
  return `${verb} ${disks}${plans.length > 1 ? ` of ${plans.length} machines` : ''}`;
}
