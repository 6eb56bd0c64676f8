import { spawn } from 'node:child_process';
import type { Ipv4 } from '#machines/values/ip-address.ts';

/** What asking the network about an address gave. `unknown`: it could not be asked. */
export type Probed = 'silent' | 'in-use' | 'unknown';
export type ConflictProbe = (query: {
  readonly address: Ipv4;
  readonly interface: string | undefined;
}) => Promise<Probed>;

const ANSWERED = 0;
const NO_ANSWER = 1;

/** An ICMP echo by the system's ping: Node has no ICMP. Never rejects, and ends after `timeoutMs`. */
export function pingProbe({ timeoutMs }: { readonly timeoutMs: number }): ConflictProbe {
  return async ({ address, interface: name }) => {
    const on = name === undefined ? [] : ['-I', name];
    const { promise, resolve } = Promise.withResolvers<Probed>();
    const child = spawn('ping', ['-n', '-q', '-c1', '-W1', ...on, address], { stdio: 'ignore' });
    // Whoever is on the link answers within milliseconds.
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      resolve('silent');
    }, timeoutMs);
    child.once('error', () => resolve('unknown'));
    child.once('exit', (status) => {
      resolve(status === ANSWERED ? 'in-use' : status === NO_ANSWER || status === null ? 'silent' : 'unknown');
    });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  };
}
