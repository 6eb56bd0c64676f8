import type { PowerState } from '#machines/contract/power.ts';

export type PowerVerb = 'on' | 'off' | 'soft' | 'reset';

/**
 * DSP0268 ResetType, the best first. `off` never falls back to a graceful one, nor `reset` to one that asks the system:
 * iDRAC 8 restarted hard on GracefulRestart, and others wait for an operating system that hangs. FullPowerCycle takes
 * the BMC's own power away, so it is no reset.
 */
const RESET_TYPES: Readonly<Record<PowerVerb, readonly string[]>> = {
  on: ['On', 'ForceOn'],
  off: ['ForceOff'],
  soft: ['GracefulShutdown', 'PushPowerButton'],
  reset: ['ForceRestart', 'PowerCycle'],
};

/** What to send. No list of allowed values means that they are unknown: the standard's own word is tried. */
export function resetTypeFor(verb: PowerVerb, allowed: readonly string[] | undefined): string | undefined {
  const [usual] = RESET_TYPES[verb];
  return allowed === undefined ? usual : RESET_TYPES[verb].find((type) => allowed.includes(type));
}

/** `already`: nothing needs to be sent. `off`: what is off cannot be restarted. */
export function resetNeed(verb: PowerVerb, state: PowerState): 'send' | 'already' | 'off' {
  switch (verb) {
    case 'on':
      return state === 'on' || state === 'powering-on' ? 'already' : 'send';
    case 'off':
    case 'soft':
      return state === 'off' || state === 'powering-off' ? 'already' : 'send';
    case 'reset':
      return state === 'off' ? 'off' : 'send';
    default:
      return verb satisfies never;
  }
}
