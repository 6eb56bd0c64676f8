import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { profileDocument } from '#machines/contract/documents.ts';
import type { BootPlan } from '#machines/decide/boot-plan.ts';
import { bootOutcome, type OutcomeFacts } from '../../../../server/api/decide/boot-outcome.ts';

const netboot = (onFailure: 'disk' | 'shell' = 'disk'): BootPlan => ({
  kind: 'netboot',
  profile: profileDocument.parse({ kind: 'Profile', name: 'live', os: 'kernel', image: 'live', onFailure }),
  image: undefined,
  grant: undefined,
  because: 'profile live: r1-u1 names it',
});

const WELL: OutcomeFacts = {
  plan: netboot(),
  loader: { kind: 'loader', name: 'ipxe/undionly.kpxe', because: 'bios on i386' },
  script: { situation: 'kernel', because: 'profile live' },
  missing: [],
};
const NO_KERNEL = [{ file: 'kernel', because: '/x/vmlinuz: there is no such file' }];

const CASES: readonly (readonly [name: string, given: Partial<OutcomeFacts>, kind: string, because: RegExp])[] = [
  ['a plan with all its files is netbooted', {}, 'netboot', /r1-u1 names it/],
  [
    'firmware of which nothing is known yet is taken to come',
    { loader: { kind: 'unknown', because: 'it was not heard from yet' } },
    'netboot',
    /names it/,
  ],
  ['a missing kernel leaves the own disk', { missing: NO_KERNEL }, 'own-disk', /not get its kernel: \/x\/vmlinuz/],
  ['or the shell that its profile wants', { plan: netboot('shell'), missing: NO_KERNEL }, 'shell', /\/x\/vmlinuz/],
  [
    'without a loader firmware is offered nothing',
    { loader: { kind: 'missing', name: 'ipxe/undionly.kpxe', because: 'want ipxe/undionly.kpxe' } },
    'own-disk',
    /no boot file: want ipxe/,
  ],
  [
    'a plan that no script can carry out is the own disk',
    { script: { situation: 'disk', because: 'image live has no kernel' } },
    'own-disk',
    /has no kernel/,
  ],
  ['a stranger whom no agent fits waits', { script: { situation: 'hold', because: 'waits' } }, 'hold', /waits/],
  [
    'what is not to be netbooted is not, whatever is missing',
    { plan: { kind: 'own-disk', code: 'adopted', because: 'it is adopted' }, missing: NO_KERNEL },
    'own-disk',
    /^it is adopted$/,
  ],
];

describe('the outcome of a boot', () => {
  for (const [name, given, kind, because] of CASES) {
    it(name, () => {
      const outcome = bootOutcome({ ...WELL, ...given });
      assert.equal(outcome.kind, kind);
      assert.match(outcome.because, because);
    });
  }
});
