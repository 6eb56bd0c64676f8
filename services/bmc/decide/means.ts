import { BMC_VERBS, type BmcVerb } from '#machines/contract/power.ts';

/** Who does a verb for a machine: what its BMC lacks falls to its own system's machine API, then to a person. */
export type Means = Readonly<Record<BmcVerb, 'bmc' | 'machine-api' | 'person' | 'nobody'>>;

/** Whatever runs on the machine can do no more than this. */
const BY_MACHINE_API: ReadonlySet<BmcVerb> = new Set(['off', 'soft', 'reset']);
const BY_PERSON: ReadonlySet<BmcVerb> = new Set(['on', 'off', 'reset', 'boot-once']);

export function meansOf(verbs: ReadonlySet<BmcVerb>, hasMachineApi: boolean): Means {
  const of = (verb: BmcVerb): Means[BmcVerb] => {
    if (verbs.has(verb)) return 'bmc';
    if (hasMachineApi && BY_MACHINE_API.has(verb)) return 'machine-api';
    return BY_PERSON.has(verb) ? 'person' : 'nobody';
  };
  return Object.fromEntries(BMC_VERBS.map((verb) => [verb, of(verb)])) as Record<BmcVerb, Means[BmcVerb]>;
}
