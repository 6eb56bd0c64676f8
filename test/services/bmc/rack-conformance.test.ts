import { BMC_PROFILE_NAMES, type BmcProfileName } from '#machines/rack/bmc/quirks.ts';
import { BMC_VERBS } from '#machines/contract/power.ts';
import { bmcConformance, type ConformanceRig } from './conformance.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { CREDENTIAL, simulatedBmc } from './redfish/rig.ts';

/** As the rack's BMC says it, not as a driver does. */
async function rackRig(type: 'redfish' | 'ipmi', profile: BmcProfileName): Promise<ConformanceRig> {
  const at = await simulatedBmc({ profile });
  const target = { type, address: at.bmc.ipmi, credential: CREDENTIAL };
  return {
    open: () => (type === 'redfish' ? at.open() : openIpmi(target)),
    machine: {
      power: () => (at.backend.stage() === 'off' ? 'off' : 'on'),
      boots: () => at.boots.map((device) => (device === 'none' ? 'own' : device)),
    },
    [Symbol.asyncDispose]: () => at[Symbol.asyncDispose](),
  };
}

for (const profile of BMC_PROFILE_NAMES) {
  bmcConformance(
    `Redfish of ${profile}`,
    { verbs: ['status', 'on', 'off', 'soft', 'reset', 'boot-once', 'identify', 'inventory', 'events'] },
    () => rackRig('redfish', profile),
  );
  bmcConformance(`IPMI of ${profile}`, { verbs: BMC_VERBS }, () => rackRig('ipmi', profile));
}
