import type { Endpoint, TftpDatagram, TftpParty } from './contract.ts';

/** Enough to see request, options, how the first blocks are acknowledged, and how it ended: 3 KB of each transfer. */
const FIRST = 8;
const ERRORS = 2;

/**
 * Shows `taken` the first datagrams of one client's request, and errors that come later. The bytes are the caller's
 * again when it returns.
 */
export function datagramTap(
  taken: ((datagram: TftpDatagram) => void) | undefined,
  { peer, local, mac }: Pick<TftpParty, 'peer' | 'local' | 'mac'>,
) {
  let left = taken ? FIRST : 0;
  let errors = taken ? ERRORS : 0;
  /** Where our end is: a transfer has a port of its own. */
  let here: Endpoint = local;

  function show(payload: Uint8Array, source: Endpoint, destination: Endpoint): void {
    if (left > 0) left--;
    else if (errors > 0 && payload[0] === 0 && payload[1] === 5) errors--;
    else return;
    taken?.({ peer, ...(mac ? { mac } : {}), source, destination, payload });
  }

  return {
    at(port: number): void {
      here = { address: local.address, port };
    },
    came: (payload: Uint8Array): void => show(payload, peer, here),
    went: (payload: Uint8Array): void => show(payload, here, peer),
  };
}

export type DatagramTap = ReturnType<typeof datagramTap>;
