import type { Job } from '#machines/contract/job.ts';
import type { Grant } from '#machines/contract/machine.ts';
import { planBoot } from '#machines/decide/boot-plan.ts';
import { profileOf } from '#machines/decide/classes.ts';
import type { AgentImageState } from '#services/images/agent-image.ts';
import { AGENT_PROFILE } from '#services/registry/built-in.ts';
import type { Registry } from '#services/registry/contract.ts';
import type { BootPlanner } from '../http/contract.ts';

/** Its own grant, under the plan that was confirmed, for the profile that the plan names. */
const permits = ({ id, state, plan, confirmed }: Job, grant: Grant): boolean =>
  grant.by === `job:${id}` &&
  state === 'running' &&
  plan?.profile === grant.profile &&
  confirmed?.digest === plan.digest;

const NO_MACHINE = { profile: undefined, from: 'there is no machine' } as const;

/** What a machine should boot now, by what is known now. One function answers DHCP, HTTP, TFTP and `explain`. */
export function bootPlanner({
  registry,
  agentImage,
  jobsOf,
  now,
}: {
  readonly registry: Pick<Registry, 'classes' | 'profile' | 'image' | 'grantFor'>;
  /** For a processor, as a machine's facts name it. */
  readonly agentImage: (architecture: string | undefined) => AgentImageState;
  readonly jobsOf: (machine: string) => readonly Job[];
  readonly now: () => number;
}): BootPlanner {
  return ({ machine, attempt, discovery }) => {
    const { profile, from } = machine
      ? profileOf(machine, registry.classes(), (name) => registry.profile(name))
      : NO_MACHINE;
    const grant = machine && registry.grantFor(machine.document.name, attempt, now());
    const arch = machine?.facts['arch']?.value;
    const image = agentImage(typeof arch === 'string' ? arch : undefined);
    return planBoot({
      machine,
      discovery,
      profile,
      profileFrom: from,
      grant: grant && { grant, profile: registry.profile(grant.profile) },
      isPlanned: grant !== undefined && jobsOf(grant.machine).some((job) => permits(job, grant)),
      image: (name) => registry.image(name),
      agent: image.kind === 'missing' ? image : { kind: 'ready', profile: AGENT_PROFILE },
    });
  };
}
