import type { TraceBody } from '../contract/trace.ts';
import { type Evidence, hasReached } from './verdict/evidence.ts';

/** Firmware that starts over, by itself, does so sooner; who is silent for longer was switched off or is busy. */
export const IDLE_MS = 5 * 60_000;
/** Firmware whose loader was refused goes on to its next entry within seconds; a power cycle takes longer. */
const LOADER_RETURN_MS = 60_000;
/** RFC 2131 §4.1: retransmissions are at most 64 seconds apart. */
const RETRANSMIT_MS = 64_000;
/** Firmware that finds nothing may try for ever; its attempts should not grow for ever. */
const FRUITLESS_MS = 30 * 60_000;
/** Nothing is heard for so long: the attempt has ended. */
const END_IDLE_MS = 15 * 60_000;
/** Logs of an installer belong to its boot; those of a machine in service do not. */
const END_RUNNING_MS = 30 * 60_000;
/** A machine that waits at a `hold` script, and whatever else never stops. */
const END_AGE_MS = 6 * 3600_000;

export type Belonging =
  /** To the attempt in progress. */
  | 'continues'
  /** It is the first of a new attempt. */
  | 'begins'
  /** There is no attempt that it could be part of, and it is no beginning. */
  | 'nowhere';

/**
 * Is an event of a machine part of its attempt in progress, or the first of a new one?
 *
 * One power-on is one attempt. Firmware tries several ways in it: OVMF repeats its DISCOVER at 0, 4, 12 and 28 seconds,
 * tries PXE over IPv4, then over IPv6, then HTTP, and iPXE, once loaded, asks for an address anew. What tells a new
 * power-on is that the machine is back at an earlier step than it can go back to by itself.
 *
 * `registered`: the MAC belongs to a machine that we know; others have attempts only as netboot clients.
 */
export function belongs(
  body: TraceBody,
  at: number,
  current: Evidence | undefined,
  { registered }: { readonly registered: boolean },
): Belonging {
  if (!current) return canBegin(body, registered) ? 'begins' : 'nowhere';
  switch (body.kind) {
    case 'dhcp-received':
      if (body.client.kind === 'os') return 'continues';
      if (body.message === 'DECLINE' || body.message === 'RELEASE') return 'continues';
      return isNewBoot(body, at, current) ? 'begins' : 'continues';
    case 'script-rendered':
      // By virtual media or an iPXE on a stick: its DHCP may be another server's.
      return current.running && at - current.lastAt > LOADER_RETURN_MS ? 'begins' : 'continues';
    case 'tftp-asked':
    case 'http-asked':
      return canBegin(body, registered) && at - current.lastAt > IDLE_MS ? 'begins' : 'continues';
    case 'dhcp-answered':
    case 'dhcp-silent':
    case 'other-dhcp':
    case 'tftp-sent':
    case 'tftp-aborted':
    case 'tftp-timeout':
    case 'tftp-refused':
    case 'http-sent':
    case 'grant-spent':
    case 'boot-token':
    case 'log':
    case 'os-dhcp':
    case 'reported':
    case 'dropped':
      return 'continues';
    default:
      return body satisfies never;
  }
}

function canBegin(body: TraceBody, registered: boolean): boolean {
  switch (body.kind) {
    case 'dhcp-received':
      if (body.message === 'DECLINE' || body.message === 'RELEASE') return false;
      // A DISCOVER of a registered machine's system shows a start without netboot; a renewal shows nothing.
      return body.client.kind === 'os' ? registered && body.message === 'DISCOVER' : true;
    case 'script-rendered':
      return true;
    case 'tftp-asked':
    case 'http-asked':
      return registered;
    case 'http-sent':
      return registered && body.status < 400;
    case 'dhcp-answered':
    case 'dhcp-silent':
    case 'other-dhcp':
    case 'tftp-sent':
    case 'tftp-aborted':
    case 'tftp-timeout':
    case 'tftp-refused':
    case 'grant-spent':
    case 'boot-token':
    case 'log':
    case 'os-dhcp':
    case 'reported':
    case 'dropped':
      return false;
    default:
      return body satisfies never;
  }
}

type Received = Extract<TraceBody, { kind: 'dhcp-received' }>;

function isNewBoot(body: Received, at: number, current: Evidence): boolean {
  if (at - current.lastAt > IDLE_MS || current.running) return true;
  if (body.client.kind === 'ipxe') return ipxeBeginsAnew(at, current);
  // Firmware never comes back after iPXE had its script: either iPXE hands over to the next boot entry, which is a boot
  // of its own, or the machine was started again.
  if (hasReached(current, 'script')) return true;
  const { dhcp, loader } = current;
  if (body.xid === dhcp.xid && body.client.kind === dhcp.client?.kind && at - dhcp.xidAt <= RETRANSMIT_MS) return false;
  if (loader.whole) return at - loader.whole.at > LOADER_RETURN_MS;
  return at - current.startedAt > FRUITLESS_MS;
}

/** iPXE asks for an address when it was loaded, when a script says `dhcp`, and as a ROM at every start. */
function ipxeBeginsAnew(at: number, current: Evidence): boolean {
  if (!hasReached(current, 'script')) return false;
  const idle = at - current.lastAt;
  // A machine whose firmware speaks first would have been heard before.
  if (current.dhcp.firmware) return hasReached(current, 'kernel') && idle > LOADER_RETURN_MS;
  if (hasReached(current, 'kernel')) return true;
  const situation = current.script?.rendered?.situation;
  return situation === 'disk' || situation === 'stop' || idle > LOADER_RETURN_MS;
}

/** When the attempt has ended, if nothing more is heard. */
export function endsAt({ startedAt, lastAt, running }: Evidence): number {
  const ends = [lastAt + END_IDLE_MS, startedAt + END_AGE_MS];
  if (running) ends.push(running.at + END_RUNNING_MS);
  return Math.min(...ends);
}

/**
 * Did it come to its kernel, with nothing heard after that? The next attempt was then begun by a machine that starts
 * over, and a few of these in a row are a loop.
 */
export const isFruitless = (evidence: Evidence): boolean =>
  hasReached(evidence, 'kernel') && (!evidence.running || evidence.running.panic !== undefined);
