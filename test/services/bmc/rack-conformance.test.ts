import { BMC_PROFILE_NAMES } from '#machines/rack/bmc/quirks.ts';
import { bmcConformance, type ConformanceRig } from './conformance.ts';
import { simulatedBmc } from './redfish/rig.ts';

/** As the rack's BMC says it, not as a driver does. */
async function redfishRig(profile: (typeof BMC_PROFILE_NAMES)[number]): Promise<ConformanceRig> {
  const at = await simulatedBmc({ profile });
  return {
    open: () => at.open(),
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
    () => redfishRig(profile),
  );
}
