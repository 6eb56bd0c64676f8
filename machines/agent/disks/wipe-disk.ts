import type { WipeMethod } from '../../contract/job.ts';
import { type Disk, type DiskIdentity, type Disks, differenceOf, type Wanted } from './disk.ts';
import { capabilitiesOf, chooseMethod, clearEnds, erase, type Told, unlock } from './erase.ts';
import { faultOf, putMarker, type ReadBack, readBack } from './read-back.ts';
import { CLASS_OF, type EraseClass } from './wipe-methods.ts';

/** What a certificate of erasure says of one disk. */
export type WipedDisk = {
  readonly name: string;
  readonly serial?: string;
  readonly wwn?: string;
  readonly model?: string;
  readonly bytes: number;
  readonly method: WipeMethod;
  readonly tool: string;
  readonly class: EraseClass;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly readBack: ReadBack;
};

/** Does work when it is its turn. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Erases one disk of a plan: proves it through the descriptor, puts a marker, erases, clears both ends, reads samples
 * back from the medium. Rejects with a plain reason; nothing was written where the reason is that the disk is another.
 */
export async function wipeDisk(parts: {
  readonly wanted: Wanted;
  readonly method: 'best' | WipeMethod;
  readonly disks: Disks;
  readonly seed: number;
  /** Of overwriting, which keeps the host busy; what drives do by themselves takes no turns. */
  readonly zeros?: Turns;
  readonly now: () => number;
  readonly told: Told;
  readonly signal: AbortSignal;
}): Promise<WipedDisk> {
  const { wanted, disks, now, told, signal } = parts;
  const capabilities = await capabilitiesOf(wanted.name, disks, signal);
  await unlock(wanted, capabilities, disks, signal);
  await using disk = await disks.open(wanted.name);
  refuseAnother(wanted, disk);
  const method = chooseMethod({ ...capabilities, ranges: disk.ranges, beside: disk.beside }, parts.method);
  const startedAt = now();
  await putMarker(disk);
  const work = () => erase(disk, method, disks, told, signal);
  const { tool } = await (method === 'zero-overwrite' && parts.zeros ? parts.zeros(work) : work());
  // A crypto erase leaves noise where tables were; nothing may be read into it.
  await clearEnds(disk);
  const result = await readBack(disk, parts.seed, method, told, signal);
  const fault = faultOf(result, method);
  if (fault !== undefined) throw new Error(`${labelOf(wanted.name, disk.identity)}: ${fault}`);
  const { serial, wwn, model, bytes } = disk.identity;
  return {
    name: wanted.name,
    ...(serial === undefined ? {} : { serial }),
    ...(wwn === undefined ? {} : { wwn }),
    ...(model === undefined ? {} : { model }),
    bytes,
    method,
    tool,
    class: CLASS_OF[method],
    startedAt,
    endedAt: now(),
    readBack: result,
  };
}

export function refuseAnother(wanted: Wanted, disk: Disk): void {
  const difference = differenceOf(wanted, disk.identity);
  if (difference !== undefined)
    throw new Error(`${labelOf(wanted.name, disk.identity)}: ${difference}; nothing was written`);
}

const labelOf = (name: string, { serial, wwn }: DiskIdentity): string => `${name} (${serial ?? wwn ?? 'no serial'})`;
