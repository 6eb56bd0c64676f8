import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { imageDocument, profileDocument } from '#machines/contract/documents.ts';
import type { Grant, Machine } from '#machines/contract/machine.ts';
import { type BootFacts, type BootPlan, planBoot } from '#machines/decide/boot-plan.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';

const machine = (differences: Partial<Machine> = {}): Machine =>
  sampleMachine({ name: 'r1-u12', macs: ['52:54:00:00:00:01'] }, differences);

const profile = (differences: Record<string, unknown> = {}) =>
  profileDocument.parse({
    kind: 'Profile',
    name: 'rescue',
    os: 'kernel',
    when: 'always',
    writes: 'none',
    image: 'rescue',
    ...differences,
  });

const image = imageDocument.parse({
  kind: 'Image',
  name: 'rescue',
  arch: 'x86_64',
  assets: [{ role: 'kernel', path: '/srv/vmlinuz' }],
});
const AGENT = profile({ name: 'agent', os: 'agent', when: 'once', image: undefined });
const NO_AGENT = { kind: 'missing', because: 'no agent image is in data/agent' } as const;
const grant: Grant = { id: 'g1', machine: 'r1-u12', profile: 'rescue', createdAt: 1, by: 'operator' };

const facts = (differences: Partial<BootFacts> = {}): BootFacts => ({
  machine: machine(),
  discovery: 'off',
  profile: undefined,
  profileFrom: 'machine r1-u12 names it',
  grant: undefined,
  image: (name) => (name === 'rescue' ? image : undefined),
  agent: { kind: 'ready', profile: AGENT },
  ...differences,
});

const TABLE: readonly {
  readonly name: string;
  readonly given: BootFacts;
  readonly want: BootPlan['kind'];
  readonly code?: string;
  readonly because?: RegExp;
}[] = [
  {
    name: 'a stranger boots its own disk where discovery is off',
    given: facts({ machine: undefined }),
    want: 'own-disk',
    code: 'unknown',
  },
  {
    name: 'a stranger waits where discovery is hold',
    given: facts({ machine: undefined, discovery: 'hold' }),
    want: 'hold',
  },
  {
    name: 'a stranger gets the agent where discovery is agent',
    given: facts({ machine: undefined, discovery: 'agent' }),
    want: 'netboot',
    because: /no machine has this MAC; discovery is agent here/,
  },
  {
    name: 'a stranger waits where discovery is agent and no image was built, and the plan says why',
    given: facts({ machine: undefined, discovery: 'agent', agent: NO_AGENT }),
    want: 'hold',
    because: /no agent image is in data\/agent/,
  },
  {
    name: 'a machine only seen is looked at where a person asked for it, although discovery is off',
    given: facts({ machine: machine({ acceptance: 'seen' }), grant: { grant, profile: AGENT } }),
    want: 'netboot',
    because: /profile agent: grant g1 by operator/,
  },
  {
    name: 'an accepted machine is looked at under a grant',
    given: facts({ profile: profile(), grant: { grant, profile: AGENT } }),
    want: 'netboot',
    because: /profile agent: grant g1/,
  },
  {
    name: 'an accepted machine does not get the agent by discovery',
    given: facts({ discovery: 'agent' }),
    want: 'own-disk',
    code: 'no-profile',
  },
  {
    name: 'a rejected machine does not get the agent',
    given: facts({
      machine: machine({ acceptance: 'rejected' }),
      grant: { grant, profile: AGENT },
      discovery: 'agent',
    }),
    want: 'own-disk',
    code: 'rejected',
  },
  {
    name: 'an adopted machine does not get the agent, not even under a grant',
    given: facts({ machine: machine({ service: 'adopted' }), grant: { grant, profile: AGENT } }),
    want: 'own-disk',
    code: 'adopted',
  },
  {
    name: 'without an image a grant of the agent leads to the machine’s own disk',
    given: facts({ grant: { grant, profile: AGENT }, agent: NO_AGENT }),
    want: 'own-disk',
    code: 'broken',
    because: /no agent image is in data\/agent/,
  },
  {
    name: 'a machine only seen is a stranger, whatever profile a class has for it',
    given: facts({ machine: machine({ acceptance: 'seen' }), profile: profile() }),
    want: 'own-disk',
    code: 'not-accepted',
  },
  {
    name: 'a rejected machine boots its own disk even where discovery is hold',
    given: facts({ machine: machine({ acceptance: 'rejected' }), discovery: 'hold', profile: profile() }),
    want: 'own-disk',
    code: 'rejected',
  },
  {
    name: 'an adopted machine is never netbooted, not even under a grant',
    given: facts({ machine: machine({ service: 'adopted' }), grant: { grant, profile: profile() } }),
    want: 'own-disk',
    code: 'adopted',
  },
  {
    name: 'a machine in maintenance is left alone',
    given: facts({ machine: machine({ service: 'maintenance' }), profile: profile() }),
    want: 'own-disk',
    code: 'maintenance',
  },
  {
    name: 'a retired machine is left alone',
    given: facts({ machine: machine({ service: 'retired' }), profile: profile() }),
    want: 'own-disk',
    code: 'retired',
  },
  {
    name: 'an accepted machine without a profile boots its own disk',
    given: facts(),
    want: 'own-disk',
    code: 'no-profile',
  },
  {
    name: 'a profile that is booted once does nothing without a grant',
    given: facts({ profile: profile({ when: 'once' }) }),
    want: 'own-disk',
    code: 'no-grant',
  },
  {
    name: 'a live system is booted on every start',
    given: facts({ profile: profile() }),
    want: 'netboot',
    because: /profile rescue: machine r1-u12 names it/,
  },
  {
    name: 'a grant goes before the machine’s own profile',
    given: facts({
      profile: profile({ name: 'other', os: 'disk' }),
      grant: { grant, profile: profile({ when: 'once' }) },
    }),
    want: 'netboot',
    because: /grant g1 by operator/,
  },
  {
    name: 'what could write disks does not boot under a grant alone',
    given: facts({ grant: { grant, profile: profile({ writes: 'planned' }) } }),
    want: 'own-disk',
    code: 'needs-plan',
  },
  {
    name: 'under a grant of a job whose confirmed plan names the profile, it boots',
    given: facts({ grant: { grant, profile: profile({ writes: 'planned' }) }, isPlanned: true }),
    want: 'netboot',
  },
  {
    name: 'a plan without a grant boots nothing that could write',
    given: facts({ profile: profile({ writes: 'planned' }), isPlanned: true }),
    want: 'own-disk',
    code: 'needs-plan',
  },
  {
    name: 'a grant for a profile that is gone leads nowhere',
    given: facts({ grant: { grant, profile: undefined } }),
    want: 'own-disk',
    code: 'broken',
    because: /profile rescue, which does not exist/,
  },
  {
    name: 'a profile whose image is gone leads nowhere',
    given: facts({ profile: profile({ image: 'lost' }) }),
    want: 'own-disk',
    code: 'broken',
    because: /image lost does not exist/,
  },
  {
    name: 'the profile disk is the machine’s own disk',
    given: facts({ profile: profile({ name: 'disk', os: 'disk', image: undefined }) }),
    want: 'own-disk',
    code: 'profile-disk',
  },
  {
    name: 'a lock keeps nobody from booting',
    given: facts({ machine: machine({ locked: true }), profile: profile() }),
    want: 'netboot',
  },
];

describe('boot plan', () => {
  for (const { name, given, want, code, because } of TABLE) {
    it(name, () => {
      const plan = planBoot(given);
      assert.equal(plan.kind, want, plan.because);
      if (code !== undefined) assert.equal(plan.kind === 'own-disk' ? plan.code : undefined, code);
      if (because) assert.match(plan.because, because);
      assert.deepEqual(planBoot(given), plan, 'asking again gives the same answer');
    });
  }
});
