import type { Plan, PlannedDisk } from '#machines/contract/job.ts';
import type { PlannedKind } from '#machines/decide/jobs/make-plan.ts';
import { count } from '../look/format.ts';

/** Kinds that change which system runs and erase nothing of anybody. */
export const KEEPS_DATA: readonly PlannedKind[] = ['upgrade', 'rollback'];
export const WRITES_IMAGE: readonly PlannedKind[] = ['install', 'reprovision'];

export const diskName = ({ serial, wwn, name }: PlannedDisk): string => serial ?? wwn ?? name;
const isTouched = ({ act }: PlannedDisk): boolean => act === 'wipe' || act === 'write';

/** What a disk of a plan loses. An upgrade writes beside what is there: its disk loses nothing that anybody wants. */
export const losesData = (kind: PlannedKind, disk: PlannedDisk): boolean =>
  isTouched(disk) && !KEEPS_DATA.includes(kind);

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
