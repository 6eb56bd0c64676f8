import type { SilenceCode } from '#machines/contract/trace.ts';
import { isLater, type IngotMarker } from './decide/ingot-marker.ts';
import type { FoundServer } from './probe-servers.ts';

/** Why nothing, or nothing new, is answered on an interface. */
export type Restraint = {
  /** `all`: another Ingot was here first. `new-leases`: another DHCP server leases here, or nobody could look. */
  readonly from: 'all' | 'new-leases';
  readonly code: Extract<SilenceCode, 'another-ingot' | 'other-server'>;
  readonly because: string;
};

/**
 * Who else answers DHCP on our interfaces (safety rule 5)? Asked before an interface is served, again every five minutes,
 * and every half minute while we hold back, so that the one that is left goes on alone.
 */
export function rivals({
  modes,
  probe,
  self,
  besideOtherServer,
  againMs,
  changed,
}: {
  readonly modes: ReadonlyMap<string, 'server' | 'proxy'>;
  readonly probe: (name: string, signal: AbortSignal) => Promise<readonly FoundServer[]>;
  readonly self: () => IngotMarker;
  readonly besideOtherServer: boolean;
  readonly againMs: { readonly calm: number; readonly restrained: number };
  readonly changed: (name: string, restraint: Restraint | undefined) => void;
}) {
  const restraints = new Map<string, Restraint>();
  const nextAt = new Map<string, number>();
  const looking = new Set<string>();

  function judge(name: string, servers: readonly FoundServer[]): Restraint | undefined {
    const elder = servers.find(({ marker }) => marker && isLater(self(), marker));
    if (elder) {
      return {
        from: 'all',
        code: 'another-ingot',
        because: `another Ingot answers here since before us: ${elder.serverId}`,
      };
    }
    const foreign = servers.filter(({ ingot }) => !ingot).map(({ serverId }) => serverId);
    if (modes.get(name) !== 'server' || besideOtherServer || foreign.length === 0) return undefined;
    return {
      from: 'new-leases',
      code: 'other-server',
      because: `another DHCP server leases addresses on ${name}: ${foreign.join(', ')}`,
    };
  }

  function set(name: string, restraint: Restraint | undefined): void {
    if (restraints.get(name)?.because === restraint?.because) return;
    if (restraint) restraints.set(name, restraint);
    else restraints.delete(name);
    changed(name, restraint);
  }

  return {
    restraint: (name: string): Restraint | undefined => restraints.get(name),

    /** Someone's REQUEST named another server: look soon. */
    suspect(name: string): void {
      if (modes.get(name) === 'server' && !restraints.has(name)) nextAt.set(name, 0);
    },

    async look(name: string, now: number, signal: AbortSignal): Promise<void> {
      if (looking.has(name)) return;
      looking.add(name);
      try {
        set(name, judge(name, await probe(name, signal)));
      } catch (error) {
        if (signal.aborted) return;
        const text = error instanceof Error ? error.message : String(error);
        const mayNotLease = modes.get(name) === 'server' && !besideOtherServer;
        // Not to have looked is not to have found nobody.
        set(
          name,
          mayNotLease
            ? {
                from: 'new-leases',
                code: 'other-server',
                because: `could not look for other DHCP servers on ${name}: ${text}`,
              }
            : undefined,
        );
      } finally {
        looking.delete(name);
        nextAt.set(name, now + (restraints.has(name) ? againMs.restrained : againMs.calm));
      }
    },

    due: (now: number): readonly string[] => [...nextAt].filter(([, at]) => at <= now).map(([name]) => name),
  };
}
