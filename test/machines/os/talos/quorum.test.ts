import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { whyNotOneLess } from '#machines/os/talos/quorum.ts';

const member = (id: string, is_learner = false) =>
  ({ id, hostname: `m${id}`, peer_urls: [], client_urls: [], is_learner }) as never;
const said = (id: string, { leader = '1', errors = [] }: { leader?: string; errors?: string[] } = {}) => ({
  machine: `m${id}`,
  status: { member_id: id, leader, errors } as never,
});
const silent = (id: string) => ({ machine: `m${id}`, status: undefined });

describe('a control plane', () => {
  for (const [what, members, answers, may] of [
    ['of three that are well', ['1', '2', '3'], [said('1'), said('2'), said('3')], true],
    ['that is down itself, of three', ['1', '2', '3'], [silent('1'), said('2'), said('3')], true],
    ['of three, one of which is silent', ['1', '2', '3'], [said('1'), silent('2'), said('3')], false],
    [
      'of three, one of which has an alarm',
      ['1', '2', '3'],
      [said('1'), said('2', { errors: ['NOSPACE'] }), said('3')],
      false,
    ],
    [
      'of three, one of which has no leader',
      ['1', '2', '3'],
      [said('1'), said('2', { leader: '0' }), said('3')],
      false,
    ],
    [
      'of three who follow different leaders',
      ['1', '2', '3'],
      [said('1'), said('2', { leader: '2' }), said('3')],
      false,
    ],
    ['of three, one of which is no member', ['1', '2', '3'], [said('1'), said('9'), said('3')], false],
    [
      'of five, one of which is silent',
      ['1', '2', '3', '4', '5'],
      [said('1'), said('2'), said('3'), said('4'), silent('5')],
      true,
    ],
    ['of two', ['1', '2'], [said('1'), said('2')], false],
    ['that is the only one', ['1'], [said('1')], true],
  ] as const) {
    it(`${may ? 'may' : 'may not'} go down ${what}`, () => {
      const members_ = members.map((id) => member(id));
      assert.equal(whyNotOneLess({ members: members_, said: answers, leaving: 'm1' }) === undefined, may);
    });
  }

  it('may not go down while a member learns', () => {
    const members = [member('1'), member('2'), member('3'), member('4', true)];
    assert.match(
      whyNotOneLess({ members, said: [said('1'), said('2'), said('3')], leaving: 'm1' }) ?? '',
      /m4 is still/,
    );
  });
});
