import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classDocument, machineDocument, profileDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { conditionProblem, fits, profileOf } from '#machines/decide/classes.ts';

const FITS: readonly (readonly [string, string | number | boolean | undefined, boolean])[] = [
  ['8', 8, true],
  ['8', '8', true],
  ['= 8', 9, false],
  ['>= 8', 8, true],
  ['> 8', 8, false],
  ['<= 8', '7.5', true],
  ['< 8', 8, false],
  ['!= 8', 9, true],
  ['>= 8', 'many', false],
  ['x86_64', 'x86_64', true],
  ['x86_64', 'X86_64', true],
  ['Dell*', 'Dell Inc.', true],
  ['Dell*', 'HPE', false],
  ['!= Dell*', 'HPE', true],
  ['!= Dell*', 'Dell Inc.', false],
  ['true', true, true],
  ['1', true, false],
  ['8', undefined, false],
  ['!= 8', undefined, false],
  ['*', undefined, false],
  ['*', 'anything', true],
  ['', '', true],
  ['~ ^PowerEdge R6[45]0$', 'PowerEdge R640', true],
  ['~ ^poweredge r6', 'PowerEdge R640', true],
  ['~ ^PowerEdge R6[45]0$', 'PowerEdge R6400', false],
  ['~ x86|arm', 'aarch64', false],
  ['~ 0$', 640, true],
  ['~ .', undefined, false],
  ['~ (', '(', false],
];

const machine = (more: object = {}): Machine => ({
  document: machineDocument.parse({ kind: 'Machine', name: 'a', ...more }),
  acceptance: 'accepted',
  service: 'none',
  locked: false,
  identifiers: { macs: [], uuids: [], serials: [] },
  facts: { 'gpu.count': { value: 4, at: 1, source: 'agent' } },
  rev: 1,
});
const one = (name: string, match: object, more: object = {}) =>
  classDocument.parse({ kind: 'Class', name, match, profile: name, ...more });
const profile = (name: string) => profileDocument.parse({ kind: 'Profile', name, os: 'disk' });

describe('classes', () => {
  for (const [condition, value, want] of FITS) {
    it(`${JSON.stringify(condition)} ${want ? 'fits' : 'does not fit'} ${JSON.stringify(value)}`, () =>
      assert.equal(fits(condition, value), want));
  }

  it('a size that is compared with no number is told when the class is written', () => {
    for (const wrong of ['>= many', '<', '> ']) assert.match(conditionProblem(wrong) ?? '', /want a number/, wrong);
    for (const right of ['>= 8', '<1.5', '!= many', 'many', '*', '']) assert.equal(conditionProblem(right), undefined);
  });

  it('an expression that is none, or that a hostile text could make endless, is told when the class is written', () => {
    for (const [wrong, why] of [
      ['~', /want an expression/],
      ['~ (', /unterminated group/i],
      ['~ (a+)+$', /repeated group/],
      ['~ ((a|b)*c){2,}', /repeated group/],
      ['~ (x)\\1', /back reference/],
      ['~ (?=a)b', /ahead or behind/],
      ['~ (a|a)*b', /repeated group/],
      ['~ (a|aa)+$', /repeated group/],
      ['~ ^(?:a?b?)+$', /repeated group/],
      ['~ (a?){40}a{40}', /repeated group/],
      ['~ ((a|b)x){2}', /repeated group/],
      ['~ (?<n>a|b){1,9}', /repeated group/],
      [`~ ${'a?'.repeat(60)}${'a'.repeat(60)}`, /too many ways/],
      [`~ ${'(a|a)'.repeat(30)}b`, /too many ways/],
      ['~ a*b*c{2,90}(d|e|f|g|h|i|j)', /too many ways/],
      ['~ (?<=a)b', /ahead or behind/],
      ['~ (?<n>x)\\k<n>', /back reference/],
      ['~ a*b*c*d*', /at most 3/],
      [`~ ${'a'.repeat(201)}`, /at most 200/],
    ] as const)
      assert.match(conditionProblem(wrong) ?? '', why, wrong);
    for (const right of ['~ ^R6[45]0$', '~ (R640|R650) .*', '~ [*+(]+', '~ \\(R\\)', '~ (ab){2}c+'])
      assert.equal(conditionProblem(right), undefined, right);
  });

  it('the machine’s own profile goes before any class', () => {
    const { profile: found, from } = profileOf(
      machine({ profile: 'own' }),
      [one('gpu', { facts: { 'gpu.count': '>= 1' } })],
      profile,
    );
    assert.equal(found?.name, 'own');
    assert.equal(from, 'machine a names it');
  });

  it('all facts and labels of a class must fit', () => {
    const classes = [one('both', { facts: { 'gpu.count': '>= 1' }, labels: { rack: 'r1' } })];
    assert.equal(profileOf(machine(), classes, profile).profile, undefined);
    assert.equal(profileOf(machine({ labels: { rack: 'r1' } }), classes, profile).profile?.name, 'both');
  });

  it('a class without conditions catches nobody', () => {
    assert.equal(profileOf(machine(), [one('all', {})], profile).profile, undefined);
  });

  it('a fact with the name of something every object has is no fact', () => {
    assert.equal(profileOf(machine(), [one('odd', { facts: { constructor: '!= x' } })], profile).profile, undefined);
    assert.equal(profileOf(machine(), [one('odd', { facts: { constructor: '*' } })], profile).profile, undefined);
  });
});
