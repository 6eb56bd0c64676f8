import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Machine } from '#machines/contract/machine.ts';
import { afterAction, MACHINE_ACTIONS, type MachineAction, mayDo, SETTING_ACTIONS } from '#machines/decide/actions.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';

const machine = (differences: Partial<Machine> = {}): Machine => sampleMachine({ name: 'a' }, differences);

const STATES = {
  seen: machine({ acceptance: 'seen' }),
  accepted: machine(),
  rejected: machine({ acceptance: 'rejected' }),
  adopted: machine({ service: 'adopted' }),
  maintenance: machine({ service: 'maintenance' }),
  retired: machine({ service: 'retired' }),
  locked: machine({ locked: true }),
} as const;
type StateName = keyof typeof STATES;

/** In which states an action is refused; in all others it is allowed. */
const REFUSED: Readonly<Record<MachineAction, readonly StateName[]>> = {
  accept: [],
  reject: ['locked'],
  adopt: ['rejected'],
  lock: [],
  unlock: [],
  'maintenance-on': ['rejected', 'retired'],
  'maintenance-off': [],
  retire: ['locked'],
  netboot: ['seen', 'rejected', 'adopted', 'maintenance', 'retired'],
  inspect: ['rejected', 'adopted', 'maintenance', 'retired'],
  'write-disks': ['seen', 'rejected', 'adopted', 'maintenance', 'retired', 'locked'],
  'power-on': ['rejected'],
  'power-off': ['rejected', 'locked'],
  remove: ['locked'],
};

describe('what may be done to a machine', () => {
  for (const action of MACHINE_ACTIONS) {
    for (const state of Object.keys(STATES) as StateName[]) {
      const refused = REFUSED[action].includes(state);
      it(`${action} of a machine that is ${state} is ${refused ? 'refused, with what to do' : 'allowed'}`, () => {
        const allowed = mayDo(action, STATES[state]);
        assert.equal(allowed.kind, refused ? 'refused' : 'allowed');
        if (allowed.kind === 'refused') assert.match(`${allowed.because} ${allowed.next}`, /^a: .+ ingot machine /);
      });
    }
  }

  it('asking again changes nothing', () => {
    for (const action of SETTING_ACTIONS) {
      for (const state of Object.values(STATES)) {
        const once = afterAction(action, state);
        assert.deepEqual(afterAction(action, once), once);
      }
    }
  });

  it('leaving maintenance brings nobody back into service who was adopted or retired', () => {
    assert.equal(afterAction('maintenance-off', STATES.adopted).service, 'adopted');
    assert.equal(afterAction('maintenance-off', STATES.retired).service, 'retired');
    assert.equal(afterAction('maintenance-off', STATES.maintenance).service, 'none');
  });
});
