import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { POWER_STATES } from '#machines/contract/power.ts';
import { passwordProblem } from '#services/bmc/redfish/decide/account.ts';
import { bootPlan, bootStored } from '#services/bmc/redfish/decide/boot-override.ts';
import { etagTries } from '#services/bmc/redfish/decide/etag.ts';
import { inOrder } from '#services/bmc/redfish/decide/event.ts';
import { resetNeed, resetTypeFor } from '#services/bmc/redfish/decide/reset.ts';
import { healthOf, lightBodies, lightOf, powerStateOf } from '#services/bmc/redfish/decide/state.ts';
import { taskProgress } from '#services/bmc/redfish/decide/task.ts';

const ways = (etag: string | undefined, learned?: 'any' | 'none' | 'strong') =>
  etagTries(etag, learned).map(({ way, ifMatch }) => `${way} ${ifMatch ?? '-'}`);

describe('If-Match', () => {
  it('is the ETag, then its other form, then any, then left out', () => {
    assert.deepEqual(ways('"a"'), ['exact "a"', 'weak W/"a"', 'any *', 'none -']);
    assert.deepEqual(ways('W/"a"'), ['exact W/"a"', 'strong "a"', 'any *', 'none -']);
  });
  it('is left out first where there is no ETag, or an empty one', () => {
    for (const etag of [undefined, '', '""', ' ']) assert.deepEqual(ways(etag), ['none -', 'any *']);
  });
  it('is first what worked before', () => {
    assert.deepEqual(ways('W/"a"', 'strong'), ['strong "a"', 'exact W/"a"', 'any *', 'none -']);
    assert.deepEqual(ways('"a"', 'strong'), ['exact "a"', 'weak W/"a"', 'any *', 'none -']);
    assert.deepEqual(ways('"a"', 'any')[0], 'any *');
  });
});

describe('a boot plan', () => {
  const forms = (options: Parameters<typeof bootPlan>[0]) => {
    const plan = bootPlan(options);
    return plan.ok ? plan.tries.map(({ form, boot }) => [form, boot] as const) : plan.because;
  };
  const network = { device: 'network', mode: 'uefi' } as const;

  it('sends the mode along where it can be read, and not first where it cannot', () => {
    const readable = forms({ wanted: network, changes: { BootSourceOverrideMode: 'Legacy' }, current: {} });
    const base = { BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'Pxe' };
    const full = { ...base, BootSourceOverrideMode: 'UEFI' };
    assert.deepEqual(readable, [
      ['full', full],
      ['no-mode', base],
    ]);
    assert.deepEqual(forms({ wanted: network, changes: {}, current: {} }), [
      ['no-mode', base],
      ['full', full],
    ]);
    assert.deepEqual(forms({ wanted: network, changes: {}, current: {}, learned: 'full' })[0], ['full', full]);
  });

  it('keeps the mode that is there where none is asked for', () => {
    const [first] = forms({ wanted: { device: 'disk' }, changes: {}, current: { BootSourceOverrideMode: 'Legacy' } });
    assert.deepEqual(first, [
      'full',
      { BootSourceOverrideEnabled: 'Once', BootSourceOverrideTarget: 'Hdd', BootSourceOverrideMode: 'Legacy' },
    ]);
  });

  it('takes Supermicro’s word for its virtual drive, and the network where there is no HTTP boot', () => {
    const allowed = { 'BootSourceOverrideTarget@Redfish.AllowableValues': ['Pxe', 'UsbCd'] };
    const target = (device: 'media' | 'http' | 'disk') => {
      const plan = bootPlan({ wanted: { device }, changes: {}, current: allowed });
      return plan.ok ? plan.wanted.target : plan.because;
    };
    assert.equal(target('media'), 'UsbCd');
    const both = { 'BootSourceOverrideTarget@Redfish.AllowableValues': ['Cd', 'UsbCd'] };
    const plan = bootPlan({ wanted: { device: 'media' }, changes: {}, current: both });
    assert.equal(plan.ok && plan.wanted.target, 'UsbCd');
    const unknown = bootPlan({ wanted: { device: 'media' }, changes: {}, current: {} });
    assert.equal(unknown.ok && unknown.wanted.target, 'Cd');
    assert.equal(target('http'), 'Pxe');
    assert.equal(target('disk'), 'no Hdd among Pxe, UsbCd');
  });

  it('clears a URI that somebody left, so that the one of DHCP holds', () => {
    const [first] = forms({
      wanted: { device: 'http' },
      changes: { HttpBootUri: 'http://old.example/x.efi', BootSourceOverrideMode: 'UEFI' },
      current: {},
    });
    assert.deepEqual(first?.[1], {
      BootSourceOverrideEnabled: 'Once',
      BootSourceOverrideTarget: 'UefiHttp',
      HttpBootUri: null,
      BootSourceOverrideMode: 'UEFI',
    });
  });

  it('is no plan where the BMC knows no Once', () => {
    const changes = { 'BootSourceOverrideEnabled@Redfish.AllowableValues': ['Disabled', 'Continuous'] };
    assert.equal(forms({ wanted: network, changes, current: {} }), 'no Once among Disabled, Continuous');
  });

  it('is stored only as it was wanted', () => {
    const wanted = { target: 'Pxe', enabled: 'Once', mode: 'UEFI' } as const;
    const boot = { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once', BootSourceOverrideMode: 'UEFI' };
    assert.ok(bootStored(boot, wanted).ok);
    assert.ok(bootStored({ ...boot, BootSourceOverrideMode: undefined }, wanted).ok);
    for (const wrong of [
      { ...boot, BootSourceOverrideTarget: 'Hdd' },
      { ...boot, BootSourceOverrideEnabled: 'Disabled' },
      { ...boot, BootSourceOverrideEnabled: 'Continuous' },
      { ...boot, BootSourceOverrideMode: 'Legacy' },
      {},
      undefined,
    ]) {
      assert.ok(!bootStored(wrong, wanted).ok, JSON.stringify(wrong));
    }
    assert.ok(
      bootStored(
        { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Disabled' },
        { target: 'None', enabled: 'Disabled' },
      ).ok,
    );
  });
});

describe('power', () => {
  it('never falls back from forced to graceful', () => {
    assert.equal(resetTypeFor('off', ['On', 'GracefulShutdown', 'PushPowerButton']), undefined);
    assert.equal(resetTypeFor('reset', ['GracefulRestart']), undefined);
    assert.equal(resetTypeFor('reset', ['GracefulRestart', 'PowerCycle']), 'PowerCycle');
    assert.equal(resetTypeFor('on', ['ForceOn']), 'ForceOn');
    assert.equal(resetTypeFor('soft', undefined), 'GracefulShutdown');
    assert.equal(resetTypeFor('soft', []), undefined);
  });

  it('needs nothing where the machine is there or on its way', () => {
    const needs = (verb: 'on' | 'off' | 'soft' | 'reset') =>
      POWER_STATES.map((state) => resetNeed(verb, state)).join(' ');
    assert.equal(POWER_STATES.join(' '), 'on off powering-on powering-off unknown');
    assert.equal(needs('on'), 'already send already send send');
    assert.equal(needs('off'), 'send already send already send');
    assert.equal(needs('soft'), 'send already send already send');
    assert.equal(needs('reset'), 'send off send send send');
  });

  it('state is unknown where it is null or a new word', () => {
    assert.deepEqual(['On', 'Off', 'PoweringOn', 'PoweringOff', 'Paused', 'Floating', undefined].map(powerStateOf), [
      'on',
      'off',
      'powering-on',
      'powering-off',
      'on',
      'unknown',
      'unknown',
    ]);
  });
});

describe('health and light', () => {
  it('is the worst of both', () => {
    const status = { State: undefined, Health: 'OK', HealthRollup: 'Critical' };
    assert.equal(healthOf(status), 'critical');
    assert.equal(healthOf({ ...status, HealthRollup: undefined }), 'ok');
    assert.equal(healthOf(undefined), undefined);
  });
  it('is the newer property where there are both', () => {
    const both = { LocationIndicatorActive: true, IndicatorLED: 'Off' };
    assert.equal(lightOf(both), true);
    assert.deepEqual(lightBodies(both, false), [{ LocationIndicatorActive: false }]);
    assert.deepEqual(lightBodies({ LocationIndicatorActive: undefined, IndicatorLED: undefined }, true), []);
  });
});

describe('a task', () => {
  for (const [status, body, kind] of [
    [202, undefined, 'running'],
    [202, { TaskState: 'New' }, 'running'],
    [200, { TaskState: 'Running' }, 'running'],
    [200, { TaskState: 'Suspended' }, 'running'],
    [200, { TaskState: 'Completed' }, 'done'],
    [200, {}, 'done'],
    [204, undefined, 'done'],
    [200, { TaskState: 'Exception' }, 'failed'],
    [202, { TaskState: 'Killed' }, 'failed'],
    [400, { error: { code: 'x.y', message: 'no' } }, 'failed'],
    [404, undefined, 'gone'],
    [410, undefined, 'gone'],
  ] as const) {
    it(`with ${status} and ${JSON.stringify(body)} is ${kind}`, () =>
      assert.equal(taskProgress(status, body).kind, kind));
  }
});

describe('events', () => {
  it('are newest last, whichever end the BMC begins at', () => {
    const event = (id: string, at?: number) =>
      ({ id, severity: 'ok', text: id, ...(at === undefined ? {} : { at }) }) as const;
    assert.deepEqual(
      inOrder([event('c', 3), event('b', 2), event('a', 1)]).map(({ id }) => id),
      ['a', 'b', 'c'],
    );
    assert.deepEqual(
      inOrder([event('a', 1), event('b', 1), event('c', 3)]).map(({ id }) => id),
      ['a', 'b', 'c'],
    );
  });
});

describe('a password', () => {
  it('is measured by the policy, where there is one', () => {
    const policy = { MinPasswordLength: 8, MaxPasswordLength: 20 };
    assert.equal(passwordProblem('12345678', policy), undefined);
    assert.match(passwordProblem('1234567', policy) ?? '', /at least 8/);
    assert.match(passwordProblem('x'.repeat(21), policy) ?? '', /at most 20/);
    assert.match(passwordProblem('pässword', policy) ?? '', /ASCII/);
    assert.equal(passwordProblem('x'.repeat(40), { MaxPasswordLength: 0 }), undefined);
  });
});
