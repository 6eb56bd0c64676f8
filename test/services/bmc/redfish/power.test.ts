import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openRedfish } from '#services/bmc/redfish/open-redfish.ts';
import { withCode } from './error-code.ts';
import { fromTree, plainTree, scripted, simulatedBmc, soon, TEST_LIMITS } from './rig.ts';

const limits = TEST_LIMITS;
const SYSTEM = '/redfish/v1/Systems/1';

describe('power', () => {
  it('verbs are those that the BMC allows, also by its ActionInfo alone', async () => {
    await using rig = await simulatedBmc({ quirks: ['no-force-off', 'action-info-only'] });
    await using driver = await rig.open();
    assert.deepEqual([...driver.verbs].sort(), [
      'boot-once',
      'events',
      'identify',
      'inventory',
      'on',
      'reset',
      'soft',
      'status',
    ]);
    await assert.rejects(driver.power('off', soon()), withCode('not-supported'));
    await assert.rejects(driver.console(soon()), withCode('not-supported'));
  });

  it('is asked for with the standard’s word where nothing tells what is allowed', async () => {
    const sent: unknown[] = [];
    await using service = await scripted(
      fromTree(plainTree(), ({ method, path, body }) => {
        if (method !== 'POST' || !path.endsWith('.Reset')) return undefined;
        sent.push(body);
        return { status: 204 };
      }),
    );
    await using driver = await openRedfish(service.target, undefined, { limits });
    await driver.power('on', soon());
    assert.deepEqual(sent, [{ ResetType: 'On' }]);
    const post = service.requests.find(({ path }) => path.endsWith('.Reset'));
    assert.equal(post?.headers['if-match'], undefined);
  });

  it('that is on its way is asked for once', async () => {
    await using rig = await simulatedBmc({ profile: 'dell-idrac', powerMs: 100 });
    await using driver = await rig.open();
    await driver.power('on', soon());
    await driver.power('on', soon());
    await rig.bmc.board.power.settled();
    assert.equal(rig.boots.length, 1);
  });

  it('that is there already is not asked for: a button pressed twice turns it off again', async () => {
    const system = {
      PowerState: 'On',
      Actions: {
        '#ComputerSystem.Reset': {
          target: `${SYSTEM}/Actions/ComputerSystem.Reset`,
          'ResetType@Redfish.AllowableValues': ['On', 'ForceOff', 'PushPowerButton'],
        },
      },
    };
    await using service = await scripted(fromTree(plainTree({ [SYSTEM]: system })));
    await using driver = await openRedfish(service.target, undefined, { limits });
    await driver.power('on', soon());
    assert.ok(!service.lines().some((line) => line.includes('/Actions/')));
  });

  it('409 is success only where the state is the wanted one', async () => {
    let state = 'Off';
    let after = 'On';
    await using service = await scripted(
      fromTree(plainTree(), ({ method, path }) => {
        if (path === SYSTEM) return { body: { PowerState: state, Actions: plainActions() } };
        if (method !== 'POST' || !path.endsWith('.Reset')) return undefined;
        state = after;
        return { status: 409 };
      }),
    );
    await using driver = await openRedfish(service.target, undefined, { limits });
    await driver.power('on', soon());
    state = 'Off';
    after = 'Off';
    await assert.rejects(driver.power('on', soon()), withCode('state'));
  });

  it('off cannot be reset, and a system shuts down when it is asked to', async () => {
    await using rig = await simulatedBmc();
    await using driver = await rig.open();
    await assert.rejects(driver.power('reset', soon()), withCode('state'));
    await driver.power('on', soon());
    await rig.bmc.board.power.settled();
    const gone = new Promise<void>((resolve) => {
      const stop = rig.backend.onStage((stage) => {
        if (stage !== 'off') return;
        stop();
        resolve();
      });
    });
    await driver.power('soft', soon());
    await gone;
    assert.equal((await driver.status(soon())).power, 'off');
  });

  it('as a task is done when the task is', async () => {
    await using rig = await simulatedBmc({ quirks: ['reset-is-task', 'jobs-appear-late'] });
    await using driver = await rig.open();
    await driver.power('on', soon());
    assert.equal((await driver.status(soon())).power, 'on');
  });

  it('of a user who may only look is refused as such', async () => {
    await using service = await scripted(
      fromTree(plainTree(), ({ method, path }) =>
        method === 'POST' && path.endsWith('.Reset') ? { status: 403 } : undefined,
      ),
    );
    await using driver = await openRedfish(service.target, undefined, { limits });
    await assert.rejects(driver.power('on', soon()), withCode('privilege'));
  });
});

describe('the light', () => {
  it('is lit where it cannot blink, and is the chassis’ where the system has none', async () => {
    const box = '/redfish/v1/Chassis/1';
    let led = 'Off';
    await using service = await scripted(
      fromTree(plainTree({ [SYSTEM]: { PowerState: 'On', Links: { Chassis: [{ '@odata.id': box }] } } }), (request) => {
        if (request.path !== box) return undefined;
        const wanted = (request.body as { readonly IndicatorLED?: string } | undefined)?.IndicatorLED;
        if (wanted === 'Blinking') return { status: 400 };
        led = wanted ?? led;
        return request.method === 'PATCH' ? { status: 204 } : { body: { IndicatorLED: led } };
      }),
    );
    await using driver = await openRedfish(service.target, undefined, { limits });
    assert.ok(driver.verbs.has('identify'));
    await driver.identify(30, soon());
    assert.equal(led, 'Lit');
    await driver.identify(0, soon());
    assert.equal(led, 'Off');
  });
});

const plainActions = () => ({ '#ComputerSystem.Reset': { target: `${SYSTEM}/Actions/ComputerSystem.Reset` } });
