import { openMachineApi, type MachineApiClient } from '#services/machine-api/client.ts';
import type { MachineApiDefinition } from '#services/machine-api/definition.ts';
import type { Authority, KeyedCertificate } from '#services/pki/authority.ts';
import type { LiveAgent } from './live-agents.ts';

/** A client's certificate is good for twelve hours; one that is to last a step is not begun near their end. */
const RENEWED_MS = 6 * 3600_000;

/** Opens the machine APIs of agents as `os:admin`, over mutual TLS of the daemon's own CA. */
export function agentApi(parts: {
  readonly authority: Pick<Authority, 'ca' | 'clientCertificate'>;
  readonly definition: MachineApiDefinition;
  readonly now: () => number;
}): (agent: LiveAgent, signal: AbortSignal) => Promise<MachineApiClient> {
  const { authority, definition, now } = parts;
  let own: { readonly made: Promise<KeyedCertificate>; readonly at: number } | undefined;
  return async ({ address, port }, signal) => {
    if (!own || now() - own.at > RENEWED_MS || now() < own.at) {
      const made = authority.clientCertificate(['os:admin']);
      made.catch(() => (own = undefined));
      own = { made, at: now() };
    }
    const { key, certificate } = await own.made;
    return await openMachineApi({
      definition,
      address,
      port,
      trust: { kind: 'mutual', ca: authority.ca, certificate, key },
      signal,
    });
  };
}
