import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PlannedDisk, TalosWork } from '#machines/contract/job.ts';
import { planSummary, type Summarised, summaryOfAll } from '#machines/decide/jobs/plan-summary.ts';

const disk = (serial: string, act: PlannedDisk['act']): PlannedDisk => ({
  name: serial.toLowerCase(),
  serial,
  bytes: 1,
  signatures: [],
  act,
  because: '',
  vetoes: [],
});
const talos = (more: Partial<TalosWork>): TalosWork => ({ cluster: 'home', role: 'worker', keeps: [], ...more });
const plan = (kind: Summarised['kind'], disks: readonly PlannedDisk[], more: Partial<Summarised> = {}): Summarised => ({
  kind,
  machine: 'm1',
  disks: [...disks],
  ...more,
});
const [WIPED, OTHER, WRITTEN, KEPT] = [disk('A', 'wipe'), disk('B', 'wipe'), disk('C', 'write'), disk('D', 'keep')];
const upgrade = plan('upgrade', [WRITTEN], { talos: talos({ from: 'v1.13.2', to: 'v1.13.9' }) });
const rollback = plan('rollback', [KEPT], { talos: talos({ from: 'v1.13.9' }) });

describe('what a plan does, in a line', () => {
  for (const [name, of, want] of [
    ['wipe', plan('wipe', [WIPED, OTHER, KEPT]), 'erases 2 disks: A, B'],
    [
      'with a drive behind a controller',
      plan('wipe', [WIPED, disk('X', 'unreachable')]),
      'erases 1 disk: A; 1 drive cannot be reached',
    ],
    ['retire', plan('retire', [WIPED]), 'erases 1 disk: A, then powers off'],
    ['install', plan('install', [WRITTEN, KEPT], { image: 'debian' }), 'writes debian over what is on 1 disk: C'],
    [
      'reprovision',
      plan('reprovision', [WIPED, WRITTEN], { image: 'debian' }),
      'erases 2 disks: A, C, then writes debian to C',
    ],
    ['upgrade', upgrade, 'Talos v1.13.2 → v1.13.9; no data is erased'],
    ['rollback', rollback, 'Talos v1.13.9 → the release before it; no disk is written'],
    [
      'reset of what Talos keeps',
      plan('reset', [WIPED], { talos: talos({ erase: 'configuration' }) }),
      'erases STATE and EPHEMERAL, and keeps Talos: A',
    ],
    ['one that is refused', plan('wipe', [KEPT]), 'erases nothing'],
  ] as const) {
    it(name, () => assert.equal(planSummary(of), want));
  }

  it('and of several in a sentence', () => {
    assert.equal(
      summaryOfAll([plan('wipe', [WIPED, OTHER]), plan('wipe', [WRITTEN])]),
      '3 disks of 2 machines lose what is on them',
    );
    assert.equal(summaryOfAll([plan('wipe', [WIPED])]), '1 disk of 1 machine loses what is on it');
    assert.equal(
      summaryOfAll([upgrade, upgrade]),
      '2 machines restart into another release of Talos: no data is erased',
    );
    assert.equal(summaryOfAll([rollback]), '1 machine restarts into the release before: no disk is written');
    assert.equal(summaryOfAll([plan('wipe', [KEPT])]), 'no disk of 1 machine is touched');
  });
});
