/** What can go wrong with a BMC. Each happens on real sockets, and can be turned on and off while it runs. */
export const BMC_FAULTS = [
  'hangs', // takes connections and datagrams, and never answers
  'hangs-mid-session', // lets a client log in, then never answers it again
  'unavailable', // answers everything with 503 and Retry-After, IPMI with "node busy"
  'drops-tcp', // resets each TCP connection as soon as it is made
  'cuts-answers', // closes the connection in the middle of each body
  'malformed', // its bodies are no JSON
  'forgets-once', // keeps a boot override until somebody looks, not until the machine boots
  'lies', // says 200 to each change and stores nothing
  'ignores-power', // says yes to each power action and does nothing
  'stuck-powering-on', // says PoweringOn for ever
  'other-certificate', // shows another certificate than it did before
  'wrong-clock', // believes that it is the first of January 2000
  'password-changed', // somebody set another password
  'must-change-password', // lets its account do nothing but change its own password
  'no-sessions', // others have taken all its sessions and do not log out
  'loses-packets', // one datagram in ten is lost, each way
  'ipmi-off', // answers no IPMI at all
  'fan-failed', // its first fan stands still, and it says so
  'slow', // takes a second over everything
] as const;
export type BmcFault = (typeof BMC_FAULTS)[number];

export function isBmcFault(text: string): text is BmcFault {
  return BMC_FAULTS.some((one) => one === text);
}
