import type { SentOf } from '#machines/contract/api/route.ts';
import type { Routes } from '#machines/contract/api/routes.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { Attempt } from '#machines/contract/trace.ts';
import { MACHINE_ACTIONS, mayDo } from '#machines/decide/actions.ts';
import { standingOf } from '#machines/decide/inspection.ts';

export type SentMachine = SentOf<Routes['getMachine']>;

/** A machine as the API gives it. */
export function machineResource(machine: Machine, attempt: Attempt | undefined): SentMachine {
  const { document, identifiers, acceptance, service, locked, facts, firstSeen, lastSeen, appliedFrom, rev } = machine;
  return {
    ...document,
    status: {
      rev,
      standing: standingOf(machine),
      acceptance,
      service,
      locked,
      identifiers,
      facts,
      ...(firstSeen === undefined ? {} : { firstSeen }),
      ...(lastSeen === undefined ? {} : { lastSeen }),
      ...(appliedFrom === undefined ? {} : { appliedFrom }),
      actions: MACHINE_ACTIONS.filter((action) => mayDo(action, machine).kind === 'allowed'),
      ...(attempt === undefined ? {} : { attempt }),
    },
  };
}

/**
 * The same as JSON with a comma before it, remembered for as long as neither the machine nor its attempt changes: both
 * are replaced, never altered, when they do. A list of 10,000 is put together from these bytes: to join and encode as
 * much text takes three times as long.
 */
export type MachinePieces = (machine: Machine, attempt: Attempt | undefined) => Buffer;

export function machinePieces(): MachinePieces {
  const known = new WeakMap<Machine, { readonly attempt: Attempt | undefined; readonly piece: Buffer }>();
  return (machine, attempt) => {
    const before = known.get(machine);
    if (before && before.attempt === attempt) return before.piece;
    const piece = Buffer.from(`,${JSON.stringify(machineResource(machine, attempt))}`);
    known.set(machine, { attempt, piece });
    return piece;
  };
}

export const textOfPiece = (piece: Buffer): string => piece.toString('utf8', 1);

/** A list of them: `{"items":[…]` and whatever follows. */
export function listOf(pieces: readonly Buffer[], rest: string): Buffer {
  const [first, ...others] = pieces;
  return Buffer.concat([
    Buffer.from('{"items":['),
    ...(first ? [first.subarray(1), ...others] : []),
    Buffer.from(`]${rest}}`),
  ]);
}
