import type { JobKind, Plan, PlannedDisk } from '../../contract/job.ts';

/** Kinds that change which system runs, and erase nothing. */
const ERASES_NOTHING: ReadonlySet<JobKind> = new Set(['upgrade', 'rollback']);

export type Summarised = Pick<Plan, 'kind' | 'machine' | 'disks' | 'image' | 'talos'>;

const isTouched = ({ act }: PlannedDisk): boolean => act === 'wipe' || act === 'write';
const nameOf = ({ serial, wwn, name }: PlannedDisk): string => serial ?? wwn ?? name;

/** The disks that lose what is on them: none where only the release of Talos changes. */
export const lostDisks = ({ kind, disks }: Pick<Plan, 'kind' | 'disks'>): readonly PlannedDisk[] =>
  ERASES_NOTHING.has(kind) ? [] : disks.filter(isTouched);

/** What is done to one machine, in a line without its name: `erases 2 disks: S4X1, S4X2`. */
export function planSummary(plan: Summarised): string {
  const { kind, disks, talos, image } = plan;
  if (kind === 'upgrade') return `Talos ${talos?.from ?? 'as it runs'} → ${talos?.to ?? 'newer'}; no data is erased`;
  if (kind === 'rollback') return `Talos ${talos?.from ?? 'as it runs'} → the release before it; no disk is written`;
  const lost = lostDisks(plan);
  const which = lost.length === 0 ? '' : `: ${lost.map(nameOf).join(', ')}`;
  const hidden = disks.filter(({ act }) => act === 'unreachable').length;
  const rest = hidden === 0 ? '' : `; ${count(hidden, 'drive')} cannot be reached`;
  const target = disks.find(({ act }) => act === 'write');
  if (talos?.erase === 'configuration') return `erases STATE and EPHEMERAL, and keeps Talos${which}`;
  if (lost.length === 0) return `erases nothing${rest}`;
  if (kind === 'install') return `writes ${image ?? 'an image'} over what is on ${count(lost.length, 'disk')}${which}`;
  const then = kind === 'reprovision' && target ? `, then writes ${image ?? 'an image'} to ${nameOf(target)}` : '';
  return `erases ${count(lost.length, 'disk')}${which}${then}${kind === 'retire' ? ', then powers off' : ''}${rest}`;
}

/** What is done to all of them, in one sentence: what a person says yes to. */
export function summaryOfAll(plans: readonly Summarised[]): string {
  const machines = count(plans.length, 'machine');
  const kinds = new Set(plans.map(({ kind }) => kind));
  const restart = plans.length === 1 ? 'restarts' : 'restart';
  if ([...kinds].every((kind) => ERASES_NOTHING.has(kind))) {
    const into = kinds.has('upgrade')
      ? 'another release of Talos: no data is erased'
      : 'the release before: no disk is written';
    return `${machines} ${restart} into ${into}`;
  }
  const lost = plans.flatMap(lostDisks).length;
  if (lost === 0) return `no disk of ${machines} is touched`;
  return `${count(lost, 'disk')} of ${machines} ${lost === 1 ? 'loses what is on it' : 'lose what is on them'}`;
}

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
