import type { PowerState } from '#machines/contract/power.ts';
import type { System } from './resources.ts';

export type Health = 'ok' | 'warning' | 'critical';

/** ComputerSystem.PowerState. Paused and asleep machines have power; null and unknown words say nothing. */
export function powerStateOf(state: string | undefined): PowerState {
  switch (state) {
    case 'On':
    case 'Paused':
    case 'Sleeping':
    case 'Hibernating':
      return 'on';
    case 'Off':
      return 'off';
    case 'PoweringOn':
      return 'powering-on';
    case 'PoweringOff':
      return 'powering-off';
    default:
      return 'unknown';
  }
}

/** The worse one of a resource's own health and that of what it holds. */
export function healthOf(status: System['Status']): Health | undefined {
  const order = ['ok', 'warning', 'critical'] as const;
  const all = [healthWord(status?.HealthRollup), healthWord(status?.Health)].filter((one) => one !== undefined);
  return order.findLast((one) => all.includes(one));
}

export function healthWord(text: string | undefined): Health | undefined {
  switch (text?.toLowerCase()) {
    case 'ok':
      return 'ok';
    case 'warning':
      return 'warning';
    case 'critical':
      return 'critical';
    default:
      return undefined;
  }
}

/** BootProgress.LastState; a vendor's own word stands beside `OEM`. */
export function bootProgressOf(progress: System['BootProgress']): string | undefined {
  const state = progress?.LastState;
  return state === 'OEM' ? (progress?.OemLastState ?? state) : state;
}

/**
 * The locate light. Undefined where the resource has none, or cannot tell: `Lit` is how a Dell's looks all day, and how
 * one that cannot blink looks when it is asked for.
 */
export function lightOf(resource: Pick<System, 'LocationIndicatorActive' | 'IndicatorLED'>): boolean | undefined {
  if (resource.LocationIndicatorActive !== undefined) return resource.LocationIndicatorActive;
  switch (resource.IndicatorLED) {
    case 'Blinking':
      return true;
    case 'Off':
      return false;
    default:
      return undefined;
  }
}

/** What to PATCH for it, in the order to be tried: not every board can blink. Empty where there is no light. */
export function lightBodies(
  resource: Pick<System, 'LocationIndicatorActive' | 'IndicatorLED'>,
  on: boolean,
): readonly Readonly<Record<string, unknown>>[] {
  if (resource.LocationIndicatorActive !== undefined) return [{ LocationIndicatorActive: on }];
  if (resource.IndicatorLED === undefined) return [];
  return on ? [{ IndicatorLED: 'Blinking' }, { IndicatorLED: 'Lit' }] : [{ IndicatorLED: 'Off' }];
}
