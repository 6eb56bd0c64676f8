import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { BmcError } from '#services/bmc/contract.ts';
import { openRedfish } from '#services/bmc/redfish/open-redfish.ts';
import { withCode } from './error-code.ts';
import { fromTree, plainTree, scripted, simulatedBmc, soon, TEST_LIMITS } from './rig.ts';

const limits = TEST_LIMITS;
/** For what never answers. */
const SHORT_MS = 200;

describe('a BMC that is broken', () => {
  it('and never answers times out by the signal, and works again afterwards', async () => {
    await using rig = await simulatedBmc();
    await using driver = await rig.open();
    rig.bmc.faults.add('hangs');
    await assert.rejects(driver.status(AbortSignal.timeout(SHORT_MS)), withCode('timeout'));
    const stop = new AbortController();
    const asked = driver.status(stop.signal);
    stop.abort(new Error('the operator gave up'));
    await assert.rejects(asked, /the operator gave up/);
    rig.bmc.faults.delete('hangs');
    assert.equal((await driver.status(soon())).power, 'off');
  });

  it('and hangs after the login times out by its own limit', async () => {
    await using rig = await simulatedBmc({ faults: ['hangs-mid-session'] });
    await assert.rejects(rig.open(undefined, {}, { answerMs: SHORT_MS }), withCode('timeout'));
    await assert.rejects(rig.open(undefined, {}, { openMs: SHORT_MS }), withCode('timeout'));
  });

  it('says when to come again', async () => {
    await using rig = await simulatedBmc();
    await using driver = await rig.open();
    rig.bmc.faults.add('unavailable');
    await assert.rejects(driver.status(soon()), (error) => {
      withCode('busy', /Try again in 5 seconds/)(error);
      return error instanceof BmcError && error.retryAfterMs === 5000;
    });
  });

  it('and resets connections, or is not there, is unreachable', async () => {
    await using rig = await simulatedBmc();
    await using driver = await rig.open();
    rig.bmc.faults.add('drops-tcp');
    await assert.rejects(driver.status(soon()), withCode('unreachable'));
    const socket = createServer().listen(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address() as AddressInfo;
    socket.close();
    await once(socket, 'close');
    const target = { ...rig.target, address: `https://127.0.0.1:${port}` };
    await assert.rejects(openRedfish(target, undefined, { limits }), withCode('unreachable'));
  });

  it('and takes connections without a word of TLS is unreachable', async () => {
    const server = createServer((socket) => void socket.on('error', () => {}).resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const target = { type: 'redfish', address: `127.0.0.1:${port}` } as const;
    const short = { ...limits, connectMs: SHORT_MS };
    await assert.rejects(openRedfish(target, undefined, { limits: short }), withCode('unreachable', /within 0.2 s/));
    const signal = AbortSignal.timeout(SHORT_MS);
    await assert.rejects(openRedfish(target, undefined, { limits, signal }), withCode('unreachable'));
    server.close();
  });

  it('and speaks something else is told as such', async () => {
    const server = createServer((socket) => void socket.on('error', () => {}).end('SSH-2.0-OpenSSH_9.2\r\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const target = { type: 'redfish', address: `https://127.0.0.1:${port}` } as const;
    await assert.rejects(openRedfish(target, undefined, { limits }), withCode('unreachable', /no TLS|closed/));
    server.close();
  });

  it('and cuts its answers, or sends no JSON, makes no success', async () => {
    await using rig = await simulatedBmc();
    await using driver = await rig.open();
    rig.bmc.faults.add('cuts-answers');
    await assert.rejects(driver.status(soon()), withCode('timeout', /connection was lost/));
    rig.bmc.faults.delete('cuts-answers');
    rig.bmc.faults.add('malformed');
    await assert.rejects(driver.status(soon()), withCode('malformed', /no JSON/));
    rig.bmc.faults.delete('malformed');
    assert.equal((await driver.status(soon())).power, 'off');
  });

  it('and lies is caught where there is something to read back', async () => {
    await using rig = await simulatedBmc({ faults: ['lies'] });
    await using driver = await rig.open();
    await assert.rejects(
      driver.bootOnce({ device: 'network', mode: 'uefi' }, soon()),
      withCode('not-stored', /Pxe \/ Once \/ UEFI.*None \/ Disabled/),
    );
    // What power does is proven by effect, by who asked for it.
    await driver.power('on', soon());
    assert.equal((await driver.status(soon())).power, 'off');
  });

  it('and is slow, or powers on for ever, is still heard', async () => {
    await using rig = await simulatedBmc({ faults: ['stuck-powering-on'] });
    await using driver = await rig.open();
    await driver.power('on', soon());
    await driver.power('on', soon());
    assert.equal((await driver.status(soon())).power, 'powering-on');
    rig.bmc.faults.add('slow');
    assert.equal((await driver.status(soon())).power, 'powering-on');
  });
});

describe('a service that answers', () => {
  it('more than is bearable is cut off', async () => {
    const body = { Members: 'x'.repeat(1 << 20) };
    await using service = await scripted(fromTree(plainTree({ '/redfish/v1/Systems': body })));
    const short = { ...limits, bodyBytes: 1 << 16 };
    await assert.rejects(
      openRedfish(service.target, undefined, { limits: short }),
      withCode('malformed', /longer than/),
    );
  });

  it('with pages without end is asked no more than so often', async () => {
    await using service = await scripted((request) => {
      const page = /^\/redfish\/v1\/Systems\/1\/Memory\?\$skip=(\d+)$/.exec(request.path);
      const next = Number(page?.[1] ?? 0) + 1;
      const isMemory = request.path === '/redfish/v1/Systems/1/Memory' || page;
      const collection = { Members: [], 'Members@odata.nextLink': `/redfish/v1/Systems/1/Memory?$skip=${next}` };
      return isMemory ? { body: collection } : fromTree(withMemory())(request);
    });
    await using driver = await openRedfish(service.target, undefined, { limits: { ...limits, requests: 30 } });
    const { gaps } = await driver.inventory(soon());
    assert.ok(
      gaps.some((gap) => /Memory.*too many requests/.test(gap)),
      gaps.join('\n'),
    );
    assert.ok(service.requests.length < 60);
  });

  it('with pages in a circle is asked once for each', async () => {
    const memory = { Members: [], 'Members@odata.nextLink': '/redfish/v1/Systems/1/Memory' };
    await using service = await scripted(fromTree(withMemory({ '/redfish/v1/Systems/1/Memory': memory })));
    await using driver = await openRedfish(service.target, undefined, { limits });
    assert.match((await driver.inventory(soon())).gaps.join(), /circle/);
  });

  it('with a broken part tells the rest, and names the hole', async () => {
    const part = (id: number) => `/redfish/v1/Systems/1/Memory/${id}`;
    await using service = await scripted(
      fromTree(
        withMemory({
          '/redfish/v1/Systems/1/Memory': {
            Members: [1, 2, 3, 4].map((id) => ({ '@odata.id': part(id) })).concat({} as never),
          },
          [part(1)]: { CapacityMiB: 1024, DeviceLocator: 'A1', SerialNumber: 12345 },
          [part(2)]: { CapacityMiB: { much: true } },
          [part(3)]: '<html>',
        }),
      ),
    );
    await using driver = await openRedfish(service.target, undefined, { limits });
    const told = await driver.inventory(soon());
    assert.deepEqual(
      told.memory?.modules.map(({ slot, serial }) => [slot, serial]),
      [['A1', '12345']],
    );
    assert.equal(told.gaps.length, 3, told.gaps.join('\n'));
    assert.match(told.gaps[0] ?? '', /Memory\/2: CapacityMiB: want a number/);
  });

  it('with references that lead to somebody else is not believed', async () => {
    const systems = { Members: [{ '@odata.id': 'https://127.0.0.9/redfish/v1/Systems/1' }] };
    await using service = await scripted(fromTree(plainTree({ '/redfish/v1/Systems': systems })));
    await assert.rejects(openRedfish(service.target, undefined, { limits }), withCode('malformed', /not its own/));
    assert.doesNotMatch(service.lines().join('\n'), /127\.0\.0\.9/);
  });

  it('with the wrong types says which property it is', async () => {
    const system = { Boot: { BootSourceOverrideTarget: 7 }, PowerState: ['On'] };
    await using service = await scripted(fromTree(plainTree({ '/redfish/v1/Systems/1': system })));
    await assert.rejects(
      openRedfish(service.target, undefined, { limits }),
      withCode('malformed', /Systems\/1: PowerState: want text/),
    );
  });

  it('with a hint that cannot be read is read without it', async () => {
    const root = plainTree()['/redfish/v1/'];
    assert.ok(typeof root === 'object');
    const hints = { ...root, ProtocolFeaturesSupported: { ExpandQuery: false } };
    await using service = await scripted(fromTree(plainTree({ '/redfish/v1/': hints })));
    await using driver = await openRedfish(service.target, undefined, { limits });
    assert.equal((await driver.status(soon())).power, 'off');
  });

  it('in XHTML is still understood by its status', async () => {
    await using rig = await simulatedBmc({ quirks: ['html-errors'] });
    await using driver = await rig.open();
    rig.bmc.faults.add('unavailable');
    await assert.rejects(driver.status(soon()), withCode('busy', /503/));
  });

  it('with several systems wants one to be named', async () => {
    await using rig = await simulatedBmc({ quirks: ['second-system'] });
    await assert.rejects(rig.open(), withCode('refused', /HGX_Baseboard_0, 1/));
    await using driver = await rig.open(undefined, { system: '1' });
    assert.equal((await driver.status(soon())).power, 'off');
  });

  it('a read with 500 is asked once more, and a change is not', async () => {
    let reads = 0;
    let changes = 0;
    const reset = '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset';
    await using service = await scripted(
      fromTree(plainTree(), ({ method, path }) => {
        if (path === reset) {
          changes++;
          return { status: 500 };
        }
        const isFirst = method === 'GET' && path === '/redfish/v1/Systems/1' && reads++ === 0;
        return isFirst ? { status: 502, body: 'Bad Gateway' } : undefined;
      }),
    );
    await using driver = await openRedfish(service.target, undefined, { limits });
    await assert.rejects(driver.power('on', soon()), withCode('refused'));
    assert.equal(changes, 1);
  });

  it('a change whose connection is lost is never sent again', async () => {
    const reset = '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset';
    await using service = await scripted(
      fromTree(plainTree(), ({ path }) => (path === reset ? (response) => void response.socket?.destroy() : undefined)),
    );
    await using driver = await openRedfish(service.target, undefined, { limits });
    await assert.rejects(driver.power('on', soon()), withCode('timeout', /connection was lost/));
    assert.equal(service.lines().filter((line) => line === `POST ${reset}`).length, 1);
  });
});

function withMemory(more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  const system = plainTree()['/redfish/v1/Systems/1'];
  assert.ok(typeof system === 'object');
  const memory = { '@odata.id': '/redfish/v1/Systems/1/Memory' };
  return plainTree({ '/redfish/v1/Systems/1': { ...system, Memory: memory }, ...more });
}
