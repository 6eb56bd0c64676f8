import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tftpAdmission } from '#server/tftp/decide/admission.ts';

const LIMITS = { transfers: 3, transfersPerPeer: 2, requestsPerSecond: 10, requestBurst: 5 };

test('a burst is admitted, then the rate holds, and the refusal is told once', () => {
  const admission = tftpAdmission(LIMITS);
  const ask = (ms: number) => admission.request('10.0.0.1', ms);
  assert.deepEqual([0, 0, 0, 0, 0, 0, 0].map(ask), [...Array(5).fill('admitted'), 'first-refusal', 'refused']);
  assert.equal(ask(100), 'admitted');
  assert.equal(ask(100), 'first-refusal');
  assert.equal(admission.request('10.0.0.2', 100), 'admitted');
});

test('many forged sources are not all remembered, and a forgotten one starts anew', () => {
  const admission = tftpAdmission(LIMITS);
  for (let index = 0; index < 6; index++) admission.request('victim', 0);
  assert.equal(admission.request('victim', 0), 'refused');
  for (let index = 0; index < 5000; index++) admission.request(`forged ${index}`, 0);
  assert.equal(admission.request('victim', 0), 'admitted');
});

test('transfers are bounded in all and per address, and a place comes back', () => {
  const admission = tftpAdmission(LIMITS);
  assert.equal(admission.enter('a'), 'entered');
  assert.equal(admission.enter('a'), 'entered');
  assert.equal(admission.enter('a'), 'transfer limit of this address');
  assert.equal(admission.enter('b'), 'entered');
  assert.equal(admission.enter('c'), 'transfer limit');
  admission.leave('a');
  assert.equal(admission.enter('c'), 'entered');
  assert.equal(admission.running(), 3);
});
