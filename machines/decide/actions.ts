import type { Machine } from '../contract/machine.ts';

/** These only change what an operator set by hand. */
export const SETTING_ACTIONS = [
  'accept',
  'reject',
  'adopt',
  'lock',
  'unlock',
  'maintenance-on',
  'maintenance-off',
  'retire',
] as const;
export type SettingAction = (typeof SETTING_ACTIONS)[number];

/**
 * What an operator may do to a machine: one table for all of it. `inspect` boots the agent, which opens no disk for
 * writing; `write-disks` is every job with a plan; `power-off` is every power action that ends what runs now.
 */
export const MACHINE_ACTIONS = [
  ...SETTING_ACTIONS,
  'netboot',
  'inspect',
  'write-disks',
  'power-on',
  'power-off',
  'remove',
] as const;
export type MachineAction = (typeof MACHINE_ACTIONS)[number];

export type Allowed =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'refused'; readonly because: string; readonly next: string };

type Rule = {
  readonly when: (machine: Machine) => boolean;
  readonly because: string;
  readonly next: (machine: Machine) => string;
};

const named = (machine: Machine): string => machine.document.name;

const IF_REJECTED: Rule = {
  when: (machine) => machine.acceptance === 'rejected',
  because: 'it was rejected',
  next: (machine) => `ingot machine accept ${named(machine)}`,
};
const IF_NOT_ACCEPTED: Rule = {
  when: (machine) => machine.acceptance === 'seen',
  because: 'it was only seen, never accepted',
  next: (machine) => `ingot machine accept ${named(machine)}`,
};
const IF_LOCKED: Rule = {
  when: (machine) => machine.locked,
  because: 'it is locked',
  next: (machine) => `ingot machine unlock ${named(machine)}`,
};
const IF_ADOPTED: Rule = {
  when: (machine) => machine.service === 'adopted',
  because: 'it is adopted: in service, never netbooted',
  next: (machine) => `ingot machine accept ${named(machine)}, if it may be netbooted from now on`,
};
const IF_IN_MAINTENANCE: Rule = {
  when: (machine) => machine.service === 'maintenance',
  because: 'it is in maintenance',
  next: (machine) => `ingot machine maintenance ${named(machine)} --off`,
};
const IF_RETIRED: Rule = {
  when: (machine) => machine.service === 'retired',
  because: 'it is retired',
  next: (machine) => `ingot machine accept ${named(machine)}`,
};

/** The first rule that holds refuses the action. One table for API, CLI, page and tests. */
const REFUSALS: Readonly<Record<MachineAction, readonly Rule[]>> = {
  accept: [],
  reject: [IF_LOCKED],
  adopt: [IF_REJECTED],
  lock: [],
  unlock: [],
  'maintenance-on': [IF_REJECTED, IF_RETIRED],
  'maintenance-off': [],
  retire: [IF_LOCKED],
  netboot: [IF_REJECTED, IF_NOT_ACCEPTED, IF_RETIRED, IF_ADOPTED, IF_IN_MAINTENANCE],
  // What nobody has accepted yet may be looked at where a person names it.
  inspect: [IF_REJECTED, IF_RETIRED, IF_ADOPTED, IF_IN_MAINTENANCE],
  'write-disks': [IF_LOCKED, IF_REJECTED, IF_NOT_ACCEPTED, IF_RETIRED, IF_ADOPTED, IF_IN_MAINTENANCE],
  'power-on': [IF_REJECTED],
  'power-off': [IF_LOCKED, IF_REJECTED],
  remove: [IF_LOCKED],
};

export function mayDo(action: MachineAction, machine: Machine): Allowed {
  const rule = REFUSALS[action].find(({ when }) => when(machine));
  if (!rule) return { kind: 'allowed' };
  return { kind: 'refused', because: `${named(machine)}: ${rule.because}`, next: rule.next(machine) };
}

/** The machine after an action that only changes what an operator set by hand. Asking again changes nothing. */
export function afterAction(action: SettingAction, machine: Machine): Machine {
  switch (action) {
    case 'accept':
      return {
        ...machine,
        acceptance: 'accepted',
        service: machine.service === 'maintenance' ? 'maintenance' : 'none',
      };
    case 'reject':
      return { ...machine, acceptance: 'rejected' };
    case 'adopt':
      return { ...machine, acceptance: 'accepted', service: 'adopted' };
    case 'lock':
      return { ...machine, locked: true };
    case 'unlock':
      return { ...machine, locked: false };
    case 'maintenance-on':
      return { ...machine, service: 'maintenance' };
    case 'maintenance-off':
      return { ...machine, service: machine.service === 'maintenance' ? 'none' : machine.service };
    case 'retire':
      return { ...machine, service: 'retired' };
    default:
      action satisfies never;
      return machine;
  }
}
