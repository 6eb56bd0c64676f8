import type { NetworkIntent } from '#machines/contract/network.ts';
import { renderAlpine } from '../network/alpine.ts';
import { renderBottlerocket } from '../network/bottlerocket.ts';
import type { Refusal } from '../network/devices.ts';
import { renderKickstart } from '../network/kickstart.ts';
import { renderNetplan } from '../network/netplan.ts';
import { renderNetworkManager } from '../network/network-manager.ts';
import { renderNetworkd } from '../network/networkd.ts';
import { renderPreseed } from '../network/preseed.ts';
import { renderTalosDocuments, renderTalosLegacy } from '../network/talos.ts';

/** What stands against an intent, target by target. */
export function refusalsOf(
  intent: NetworkIntent,
  hostname: string,
): readonly (Refusal & { readonly target: string })[] {
  const targets = {
    'Talos up to 1.13': renderTalosLegacy(intent),
    'Talos from 1.14': renderTalosDocuments(intent),
    Bottlerocket: renderBottlerocket(intent),
    'cloud-init': renderNetplan(intent),
    'systemd-networkd': renderNetworkd(intent),
    NetworkManager: renderNetworkManager(intent),
    kickstart: renderKickstart(intent, hostname),
    preseed: renderPreseed(intent, hostname),
    Alpine: renderAlpine(intent),
  };
  return Object.entries(targets).flatMap(([target, result]) =>
    result.kind === 'refused' ? result.refusals.map((one) => ({ target, ...one })) : [],
  );
}
