import type { BmcErrorCode, BootDevice } from '#machines/contract/power.ts';

/** What no waiting changes. */
export const GIVEN_UP: ReadonlySet<BmcErrorCode> = new Set([
  'credential',
  'certificate',
  'privilege',
  'licence',
  'not-supported',
  'refused',
]);

/** What a person does about a BMC that did not do what it was asked. */
export function afterRefusal(code: BmcErrorCode, machine: string): string {
  switch (code) {
    case 'unreachable':
    case 'timeout':
      return `is the BMC plugged in and reachable? ingot bmc show ${machine}; some come back only after their own reset`;
    case 'certificate':
      return `if the BMC was replaced or has a new certificate: ingot bmc pin ${machine}`;
    case 'credential':
      return `ingot bmc credentials set NAME, or name another one: ingot bmc set ${machine} --credential NAME`;
    case 'privilege':
      return 'give the BMC’s user the role Operator (IPMI) or Administrator (Redfish)';
    case 'sessions':
      return 'other programs hold its sessions: they end by themselves after half an hour, or with a reset of the BMC';
    case 'licence':
      return 'its maker sells this separately; do it by hand, or with another BMC type (ipmi)';
    case 'not-supported':
      return `its BMC cannot do that: do it by hand`;
    case 'state':
    case 'busy':
      return 'ask again in a minute: it is starting, or updating itself';
    case 'not-stored':
      return `the BMC says yes and keeps something else: choose the boot device by hand; ingot bmc show ${machine}`;
    case 'refused':
    case 'malformed':
      return `ingot bmc events ${machine}; the daemon’s log has what it said`;
    default:
      return code satisfies never;
  }
}

export const bootNext = (machine: string, device: BootDevice): string =>
  `choose ${device} by hand when it starts, and turn it on without --boot; ingot console ${machine} where there is one`;
