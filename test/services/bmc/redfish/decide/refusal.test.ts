import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { messagesOf, refusalOf, retryAfterMs } from '#services/bmc/redfish/decide/refusal.ts';

const info = (id: string, more: Readonly<Record<string, unknown>> = {}) => ({
  error: { code: 'Base.1.0.GeneralError', message: 'See', '@Message.ExtendedInfo': [{ MessageId: id, ...more }] },
});

const CASES: readonly (readonly [string, number, unknown, string])[] = [
  ['a session limit by DMTF', 503, info('Base.1.18.SessionLimitExceeded'), 'sessions'],
  ['a session limit by iDRAC', 503, info('IDRAC.2.8.RAC0218'), 'sessions'],
  ['a service that is not ready', 503, info('Base.1.5.ServiceTemporarilyUnavailable'), 'busy'],
  ['503 without a word', 503, undefined, 'busy'],
  ['429', 429, undefined, 'busy'],
  ['502 of a web server in front', 502, undefined, 'busy'],
  ['iLO while the machine tests itself', 400, info('iLO.2.14.UnableToModifyDuringSystemPOST'), 'state'],
  ['iLO in the wrong state', 400, info('iLO.2.14.InvalidOperationForSystemState'), 'state'],
  ['iDRAC whose manager is not ready', 400, info('IDRAC.2.8.SYS518'), 'state'],
  ['iDRAC 10 right after off', 409, info('Base.1.12.ActionParameterValueConflict'), 'state'],
  ['409 without a word', 409, undefined, 'state'],
  ['iLO without its licence', 403, info('iLO.2.14.LicenseKeyRequired'), 'licence'],
  ['iDRAC without its licence', 400, info('IDRAC.2.8.LIC501'), 'licence'],
  [
    'Supermicro without its licence',
    403,
    info('Base.1.0.GeneralError', { Message: 'Not licensed to do this' }),
    'licence',
  ],
  ['a password that must be changed', 403, info('Base.1.18.PasswordChangeRequired'), 'credential'],
  ['a user who may not', 403, info('Base.1.18.InsufficientPrivilege'), 'privilege'],
  ['401', 401, undefined, 'credential'],
  ['a value that is not in the list', 400, info('Base.1.18.PropertyValueNotInList'), 'refused'],
  ['a method that is not there', 405, undefined, 'not-supported'],
  ['a query that is not there', 501, info('Base.1.18.QueryNotSupported'), 'not-supported'],
  ['500', 500, undefined, 'refused'],
];

describe('what a refusal means', () => {
  for (const [name, status, body, code] of CASES) {
    it(`${name}: ${code}`, () => assert.equal(refusalOf({ status, body, now: 0 }).code, code));
  }

  it('is told in the BMC’s own words, with their arguments', () => {
    const body = info('Base.1.18.PropertyUnknown', {
      Message: 'The property %1 is\nnot known.',
      MessageArgs: ['Mode'],
    });
    assert.equal(refusalOf({ status: 400, body, now: 0 }).text, 'it answered 400: The property Mode is not known.');
  });

  it('is read also where the list is one object, and where there is none', () => {
    const one = { error: { '@Message.ExtendedInfo': { MessageId: 'IDRAC.2.8.SYS518', Message: 'not ready' } } };
    assert.deepEqual(
      messagesOf(one).map(({ key, text }) => [key, text]),
      [['SYS518', 'not ready']],
    );
    assert.deepEqual(
      messagesOf({ error: { code: 'Base.1.0.Oops', message: 'oops' } }).map(({ key }) => key),
      ['Oops'],
    );
    assert.deepEqual(messagesOf('<html>'), []);
  });

  it('stands beside single properties as well', () => {
    const body = { 'Boot@Message.ExtendedInfo': [{ MessageId: 'Base.1.0.PropertyNotWritable', Severity: 'Warning' }] };
    assert.deepEqual(
      messagesOf(body).map(({ key, isOk }) => [key, isOk]),
      [['PropertyNotWritable', false]],
    );
  });

  it('says when to come again in seconds or by a date, within an hour', () => {
    assert.equal(retryAfterMs('5', 0), 5000);
    assert.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:10 GMT', 4000), 6000);
    assert.equal(retryAfterMs('Thu, 01 Jan 1970 00:00:00 GMT', 4000), 0);
    assert.equal(retryAfterMs('9999999', 0), 3_600_000);
    assert.equal(retryAfterMs('later', 0), undefined);
    assert.equal(retryAfterMs('', 0), undefined);
    assert.equal(retryAfterMs(undefined, 0), undefined);
  });

  it('never fails on any JSON, and is one line', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 400, max: 599 }), fc.jsonValue(), (inner, status, outer) => {
        for (const body of [outer, { error: inner }, { error: { '@Message.ExtendedInfo': inner } }]) {
          const { text } = refusalOf({ status, body, now: 0 });
          assert.match(text, /^it answered \d{3}[^\p{Cc}]*$/u);
          assert.ok(text.length <= 255);
        }
      }),
      { numRuns: 300 },
    );
  });
});
