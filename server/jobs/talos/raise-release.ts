import { isLater, parseTalosVersion } from '#machines/os/talos/version.ts';
import type { Registry } from '#services/registry/contract.ts';

const TRIES = 5;

/**
 * A release that a machine of a cluster was upgraded to is what its machines are installed with from then on, where the
 * document says an older one; a rollback takes nothing back. Gives whether the document is another one now. Rejects where
 * the registry does not take it.
 */
export async function raiseRelease(
  registry: Pick<Registry, 'documents' | 'put'>,
  name: string,
  release: string,
  who: string,
): Promise<boolean> {
  const to = parseTalosVersion(release);
  for (let tries = 1; ; tries++) {
    const found = registry.documents('Cluster').find(({ document }) => document.name === name);
    if (!found || found.document.kind !== 'Cluster' || !to.ok) return false;
    const says = parseTalosVersion(found.document.talos);
    if (!says.ok || !isLater(to.value, says.value)) return false;
    const outcome = await registry.put({ ...found.document, talos: release }, { who, expected: found.rev });
    if (outcome.kind === 'done') return true;
    // Somebody edits it at the same moment.
    if (outcome.kind === 'stale' && tries < TRIES) continue;
    throw new Error(`cluster ${name} still says ${found.document.talos}: ${JSON.stringify(outcome)}`);
  }
}
