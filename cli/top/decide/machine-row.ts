import type { MachineResource } from '#machines/contract/api/machine-resource.ts';
import type { Job } from '#machines/contract/job.ts';
import { factText, howItStands, powerOf, track } from './how-it-stands.ts';
import { cell, type Line, piece, type Piece } from './line.ts';
import type { Rack } from './rows.ts';
import type { TopState } from './state.ts';
import { ago } from '../../decide/ago.ts';

/** How wide the columns are, and which of them there is room for. */
export type RowShape = {
  readonly name: number;
  readonly word: number;
  readonly address: number;
  readonly model: number;
};

const WIDE = 110;
const VERY_WIDE = 150;

export function rowShape({ columns }: TopState, racks: readonly Rack[]): RowShape {
  let longest = 8;
  for (const { machines } of racks) for (const { name } of machines) longest = Math.max(longest, name.length);
  return {
    name: Math.min(longest, columns < WIDE ? 18 : 32),
    word: columns < WIDE ? 13 : 18,
    address: columns < WIDE ? 0 : 16,
    model: columns < VERY_WIDE ? 0 : 30,
  };
}

export function machineRow(
  state: TopState,
  shape: RowShape,
  machine: MachineResource,
  job: Job | undefined,
  chosen: boolean,
): Line {
  const how = howItStands(machine, job);
  const { unit } = machine.location;
  const power = powerOf(machine);
  const { full, of } = track(machine, how);
  const [done, rest] = state.unicode ? ['■', '·'] : ['#', '.'];
  const model = [factText(machine, 'manufacturer'), factText(machine, 'product')].filter(Boolean).join(' ');
  const pieces: readonly Piece[] = [
    cell(`${chosen ? '>' : ' '}${unit === undefined ? '' : `u${unit}`}`, 5, 'dim'),
    cell(machine.name, shape.name + 1, chosen ? 'strong' : 'plain'),
    cell(machine.status.locked ? 'L' : '', 2, 'waits'),
    cell(power ?? '', 4, power === 'on' ? 'plain' : 'dim'),
    cell(how.word, shape.word + 1, how.tone),
    piece(done.repeat(full), how.tone),
    piece(`${rest.repeat(of - full)} `, 'dim'),
    cell(ago(machine.status.attempt?.lastAt ?? machine.status.lastSeen, state.now), 5, 'dim'),
    ...(shape.address === 0
      ? []
      : [cell(machine.status.attempt?.address ?? machine.address ?? '', shape.address, 'dim')]),
    ...(shape.model === 0 ? [] : [cell(model, shape.model + 1, 'dim')]),
    piece(how.because, how.tone === 'bad' || how.tone === 'waits' ? 'plain' : 'dim'),
  ];
  return chosen ? { pieces, chosen } : { pieces };
}
