import type { ImageDocument } from '#machines/contract/documents.ts';
import type { AssetRole } from '#machines/decide/boot-path.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import type { RenderedScript } from './boot-scripts.ts';
import type { BootPlaneParts } from './contract.ts';
import { AGENT_ASSETS } from './agent-delivery.ts';
import { type Deliveries, delivered, isComplete, type Wanted } from './decide/deliveries.ts';

type Netboot = Extract<BootPlan, { kind: 'netboot' }>;

/** Attempts under a grant whose downloads are followed at once; far more than boot at the same time. */
const MAX_ATTEMPTS = 10_000;

/**
 * Spends grants: when kernel and last initrd have been sent whole, or when the script was, if it has nothing of ours to
 * fetch. A daemon that is restarted in between spends the grant at the machine's next fetch, or not at all: then the
 * machine is netbooted once more, which writes no disk.
 */
export function grantSpender({ registry, recorder, log }: Pick<BootPlaneParts, 'registry' | 'recorder' | 'log'>) {
  const following = new Map<string, Deliveries>();

  async function spend(attempt: string, plan: Netboot): Promise<void> {
    const { grant } = plan;
    if (!grant || grant.spentAt !== undefined) return;
    following.delete(attempt);
    try {
      await registry.spendGrant(grant.id, attempt);
      recorder.record({ attempt }, { kind: 'grant-spent', grant: grant.id });
    } catch (error) {
      // The store is gone, and whoever waits for it says so; this machine would be netbooted again.
      log.error({ err: error, attempt, grant: grant.id }, 'the grant could not be spent');
    }
  }

  return {
    /** A script with nothing of ours to fetch has been sent whole. */
    async scriptSent({ attempt, script, plan }: RenderedScript): Promise<void> {
      if (script.spends === 'script' && plan.kind === 'netboot') await spend(attempt, plan);
    },
    /** Bytes `start` to `end` of an asset of `size` bytes have been sent. */
    async assetSent(
      attempt: string,
      plan: Netboot,
      sent: {
        readonly role: AssetRole;
        readonly index: number;
        readonly start: number;
        readonly end: number;
        readonly size: number;
      },
    ): Promise<void> {
      const { grant, image } = plan;
      const wanted = plan.profile.os === 'agent' ? AGENT_ASSETS : image && wantedOf(image);
      if (!grant || grant.spentAt !== undefined || !wanted) return;
      const deliveries = delivered(following.get(attempt) ?? new Map(), sent);
      following.delete(attempt);
      following.set(attempt, deliveries);
      const oldest = following.size > MAX_ATTEMPTS ? following.keys().next() : undefined;
      if (oldest?.done === false) following.delete(oldest.value);
      if (isComplete(deliveries, wanted)) await spend(attempt, plan);
    },
  };
}

function wantedOf({ assets }: ImageDocument): Wanted {
  const count = (role: string) => assets.filter((asset) => asset.role === role).length;
  return { role: count('kernel') > 0 ? 'kernel' : 'efi', initrds: count('initrd') };
}

export type GrantSpender = ReturnType<typeof grantSpender>;
