import { setTimeout as sleep } from 'node:timers/promises';
import type { IpAddress } from '#machines/values/ip-address.ts';
import type { InheritedSocket } from '../sockets/inherited-sockets.ts';
import { type Task, task } from '../task.ts';
import {
  type Endpoint,
  TFTP_LIMITS,
  type TftpDatagram,
  type TftpEvent,
  type TftpFiles,
  type TftpLimits,
} from './contract.ts';
import { tftpListeners } from './listeners.ts';
import { tftpService } from './service.ts';

/**
 * The TFTP server: read-only (RFC 1350, 2347 to 2349, 7440). Ready with the addresses it really listens on.
 *
 * A wildcard address means every address of this machine, also those that come later; port 0 takes a free one, the same
 * for all of them. `run` rejects if an address cannot be had at the start. `events` is called for everything that
 * happens and must not wait. On abort, running transfers end with an ERROR to their clients.
 *
 * `singlePort` answers from the listening port instead of one port per transfer (RFC 1350 §4 wants the latter): the
 * one way through NAT, Kubernetes services and firewalls that do not follow TFTP.
 */
export function tftpServer({
  listen,
  inherited = [],
  files,
  events,
  datagrams,
  limits = TFTP_LIMITS,
  rollover = 0,
  singlePort = false,
  clock = performance,
  addressPollMs = 5000,
}: {
  readonly listen: readonly { readonly address: IpAddress; readonly port: number }[];
  /** Sockets of a supervisor, each bound to the interface that it is named after. */
  readonly inherited?: readonly InheritedSocket[];
  readonly files: TftpFiles;
  readonly events: (event: TftpEvent) => void;
  /** Shown the first few datagrams of each request, right after the event that it began with. */
  readonly datagrams?: (datagram: TftpDatagram) => void;
  readonly limits?: TftpLimits;
  /** The block number after 65535. */
  readonly rollover?: 0 | 1;
  readonly singlePort?: boolean;
  /** Milliseconds that never go backwards. */
  readonly clock?: { now(): number };
  readonly addressPollMs?: number;
}): Task<readonly Endpoint[]> {
  return task('tftp', async (signal, listening) => {
    const service = tftpService({ files, events, datagrams, limits, rollover, singlePort, clock });
    const listeners = tftpListeners({
      listen,
      inherited,
      received: service.received,
      failed: (listener, error) =>
        events({ kind: 'not-listening', local: listener.local, because: `socket error: ${error.message}` }),
      changed: (kind, local, because) => events({ kind, local, because }),
    });
    try {
      listening(await listeners.open());
      while (!signal.aborted) {
        await sleep(addressPollMs, undefined, { signal }).catch(() => {});
        if (!signal.aborted) await listeners.follow();
      }
    } finally {
      await service.stop();
      await listeners.close();
    }
  });
}
