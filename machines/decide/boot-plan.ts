import type { DISCOVERY, ImageDocument, ProfileDocument } from '../contract/documents.ts';
import type { Grant, Machine } from '../contract/machine.ts';
import { mayDo } from './actions.ts';

export type Discovery = (typeof DISCOVERY)[number];

/** Recorded facts only: the same question has the same answer however often firmware asks. */
export type BootFacts = {
  readonly machine: Machine | undefined;
  readonly discovery: Discovery;
  /** The profile that the machine or its class names; a grant's own profile goes before it. */
  readonly profile: ProfileDocument | undefined;
  /** Why that profile: `machine r1-u12 names it`, `class gpu-nodes (priority 10)`. */
  readonly profileFrom: string;
  /** Unspent, or spent by this attempt within the last 15 minutes. */
  readonly grant: { readonly grant: Grant; readonly profile: ProfileDocument | undefined } | undefined;
  readonly image: (name: string) => ImageDocument | undefined;
  /** The grant is a running job’s whose confirmed plan names the grant’s profile: then it may write (safety rule 1). */
  readonly isPlanned?: boolean;
  /** Can the agent be booted at all? With the profile by which strangers get it. */
  readonly agent:
    | { readonly kind: 'ready'; readonly profile: ProfileDocument }
    | { readonly kind: 'missing'; readonly because: string };
};

export type OwnDiskCode =
  | 'unknown'
  | 'not-accepted'
  | 'rejected'
  | 'adopted'
  | 'maintenance'
  | 'retired'
  | 'no-profile'
  | 'no-grant'
  | 'profile-disk'
  | 'needs-plan'
  | 'broken';

/**
 * What a machine should boot now.
 *
 * `own-disk`: firmware is offered no boot file and goes on to its next device; an iPXE that is already running gets the
 * script for its own disk (safety rule 5). `because` says which rule decided, for `explain`, traces and logs.
 */
export type BootPlan =
  | { readonly kind: 'own-disk'; readonly code: OwnDiskCode; readonly because: string }
  | { readonly kind: 'hold'; readonly because: string }
  | {
      readonly kind: 'netboot';
      readonly profile: ProfileDocument;
      readonly image: ImageDocument | undefined;
      readonly grant: Grant | undefined;
      readonly because: string;
    };

const ownDisk = (code: OwnDiskCode, because: string): BootPlan => ({ kind: 'own-disk', code, because });

export function planBoot(facts: BootFacts): BootPlan {
  const { machine } = facts;
  if (!machine) return planForStranger(facts, 'no machine has this MAC', 'unknown');
  const { name } = machine.document;
  if (facts.grant?.profile?.os === 'agent') {
    const { grant, profile } = facts.grant;
    return planInspection(facts, machine, { grant, profile });
  }
  if (machine.acceptance === 'seen') {
    return planForStranger(facts, `${name} was seen but not accepted`, 'not-accepted');
  }
  const allowed = mayDo('netboot', machine);
  if (allowed.kind === 'refused') return ownDisk(codeOf(machine), allowed.because);
  if (facts.grant) {
    const { grant, profile } = facts.grant;
    if (!profile) return ownDisk('broken', `grant ${grant.id} names profile ${grant.profile}, which does not exist`);
    return planProfile(facts, profile, grant, `grant ${grant.id} by ${grant.by}`);
  }
  if (!facts.profile) return ownDisk('no-profile', `${name} has no grant, and neither it nor a class names a profile`);
  if (facts.profile.when !== 'always' && facts.profile.os !== 'disk') {
    return ownDisk('no-grant', `profile ${facts.profile.name} is booted once, under a grant, and ${name} has none`);
  }
  return planProfile(facts, facts.profile, undefined, facts.profileFrom);
}

/** Under a grant the agent boots on whatever may be looked at: a person, or a confirmed job, named the machine. */
function planInspection(
  { agent }: BootFacts,
  machine: Machine,
  { grant, profile }: { readonly grant: Grant; readonly profile: ProfileDocument },
): BootPlan {
  const because = `profile ${profile.name}: grant ${grant.id} by ${grant.by}`;
  const allowed = mayDo('inspect', machine);
  if (allowed.kind === 'refused') return ownDisk(codeOf(machine), allowed.because);
  if (agent.kind === 'missing') return ownDisk('broken', `${because}; ${agent.because}`);
  return { kind: 'netboot', profile, image: undefined, grant, because };
}

function planForStranger(
  { discovery, agent }: Pick<BootFacts, 'discovery' | 'agent'>,
  what: string,
  code: 'unknown' | 'not-accepted',
): BootPlan {
  switch (discovery) {
    case 'off':
      return ownDisk(code, `${what}, and discovery is off here`);
    case 'hold':
      return { kind: 'hold', because: `${what}, and discovery is hold here` };
    case 'agent':
      // Without an image a stranger waits instead, and its name stands on its screen.
      if (agent.kind === 'missing') {
        return { kind: 'hold', because: `${what}; discovery is agent here, but ${agent.because}` };
      }
      return {
        kind: 'netboot',
        profile: agent.profile,
        image: undefined,
        grant: undefined,
        because: `${what}; discovery is agent here`,
      };
    default:
      return discovery satisfies never;
  }
}

function codeOf(machine: Machine): OwnDiskCode {
  if (machine.acceptance === 'rejected') return 'rejected';
  return machine.service === 'none' ? 'broken' : machine.service;
}

function planProfile(facts: BootFacts, profile: ProfileDocument, grant: Grant | undefined, why: string): BootPlan {
  const because = `profile ${profile.name}: ${why}`;
  if (profile.os === 'agent') {
    if (facts.agent.kind === 'missing') return ownDisk('broken', `${because}; ${facts.agent.because}`);
    return { kind: 'netboot', profile, image: undefined, grant, because };
  }
  if (profile.os === 'disk') return ownDisk('profile-disk', because);
  if (profile.writes === 'planned' && !(grant && facts.isPlanned === true)) {
    return ownDisk('needs-plan', `${because}; it may write disks, so it needs a confirmed plan, not only a grant`);
  }
  const image = profile.image === undefined ? undefined : facts.image(profile.image);
  if (profile.image !== undefined && !image) {
    return ownDisk('broken', `${because}; its image ${profile.image} does not exist`);
  }
  return { kind: 'netboot', profile, image, grant, because };
}
