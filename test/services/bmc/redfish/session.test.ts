import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { openRedfish } from '#services/bmc/redfish/open-redfish.ts';
import { withCode } from './error-code.ts';
import {
  CREDENTIAL,
  fromTree,
  plainTree,
  scripted,
  SESSIONS,
  type SimulatedBmc,
  simulatedBmc,
  soon,
  TEST_LIMITS,
} from './rig.ts';

const limits = TEST_LIMITS;

describe('the certificate', () => {
  it('is told at the first visit, and accepted by its pin at the next', async () => {
    await using service = await scripted(fromTree(plainTree()));
    const shown: string[] = [];
    const observer = { pinned: ({ sha256 }: { readonly sha256: string }) => void shown.push(sha256) };
    await using first = await openRedfish(service.target, observer, { limits });
    await first.status(soon());
    assert.deepEqual(shown, [service.sha256]);
    const pin = service.sha256.toUpperCase().replace(/..(?=.)/g, '$&:');
    await using second = await openRedfish({ ...service.target, pin }, observer, { limits });
    await second.status(soon());
    assert.deepEqual(shown, [service.sha256]);
  });

  it('that is another is refused before a byte of HTTP is sent', async () => {
    await using service = await scripted(fromTree(plainTree()));
    await assert.rejects(
      openRedfish({ ...service.target, pin: '00'.repeat(32) }, undefined, { limits }),
      withCode('certificate'),
    );
    assert.deepEqual(service.requests, []);
  });

  it('of firmware with old TLS is accepted only where somebody said so', async () => {
    await using service = await scripted(fromTree(plainTree()), {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    await assert.rejects(openRedfish(service.target, undefined, { limits }), withCode('unreachable', /no TLS/));
    assert.deepEqual(service.requests, []);
    const legacy = { ...service.target, pin: service.sha256, learned: { tls: 'legacy' } };
    await using driver = await openRedfish(legacy, undefined, { limits });
    assert.equal((await driver.status(soon())).power, 'off');
  });

  it('is not gone around by a path that leads out of TLS or elsewhere: the session goes nowhere else', async () => {
    const heard: string[] = [];
    const elsewhere = createServer((asked, answer) => {
      heard.push(`${asked.url} ${String(asked.headers['x-auth-token'])}`);
      answer.end(JSON.stringify({ Id: '1', PowerState: 'On' }));
    }).listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const { port } = elsewhere.address() as AddressInfo;
    try {
      for (const origin of [`http://127.0.0.1:${port}`, `//127.0.0.1:${port}`, `https://127.0.0.1:${port}`]) {
        const Members = [{ '@odata.id': `${origin}/redfish/v1/Systems/1` }];
        await using service = await scripted(fromTree({ ...plainTree(), '/redfish/v1/Systems': { Members } }));
        const opening = openRedfish(service.target, undefined, { limits }).then(async (driver) => {
          await using open = driver;
          return await open.status(soon());
        });
        await assert.rejects(opening, withCode('malformed', /which is not its own/), origin);
      }
      assert.deepEqual(heard, []);
    } finally {
      elsewhere.close();
    }
  });

  it('may not change under a driver that is open, pinned or not', async () => {
    await using rig = await simulatedBmc();
    await using driver = await rig.open();
    rig.bmc.faults.add('other-certificate');
    await assert.rejects(driver.status(soon()), withCode('certificate'));
    rig.bmc.faults.delete('other-certificate');
    assert.equal((await driver.status(soon())).power, 'off');
  });
});

/** What somebody else reads there, by Basic, or deletes. */
async function asAnother(rig: SimulatedBmc, method: 'GET' | 'DELETE', path: string): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const auth = `${CREDENTIAL.username}:${CREDENTIAL.password}`;
  request(`${rig.bmc.url}${path}`, { method, auth, rejectUnauthorized: false, agent: false }, (answer) => {
    text(answer).then((body) => resolve(body === '' ? undefined : JSON.parse(body)), reject);
  })
    .on('error', reject)
    .end();
  return await promise;
}

/** Paths of the sessions that the BMC has now. */
async function sessionsOf(rig: SimulatedBmc): Promise<readonly string[]> {
  const list = z.object({ Members: z.array(z.object({ '@odata.id': z.string() })) });
  const { Members } = list.parse(await asAnother(rig, 'GET', `${SESSIONS}/`));
  return Members.map((member) => member['@odata.id']);
}

describe('a session', () => {
  it('is one for all verbs, and is closed with the driver', async () => {
    await using rig = await simulatedBmc();
    {
      await using driver = await rig.open();
      await driver.status(soon());
      await driver.inventory(soon());
      await driver.events(soon());
      assert.equal((await sessionsOf(rig)).length, 1);
    }
    assert.deepEqual(await sessionsOf(rig), []);
  });

  for (const quirk of ['absolute-location', 'no-session-location', 'redirects-to-slash'] as const) {
    it(`is closed where the BMC has the quirk ${quirk}`, async () => {
      await using rig = await simulatedBmc({ quirks: [quirk] });
      {
        await using driver = await rig.open();
        await driver.status(soon());
      }
      assert.deepEqual(await sessionsOf(rig), []);
    });
  }

  it('is closed when the driver could not be opened', async () => {
    await using rig = await simulatedBmc();
    await assert.rejects(rig.open(undefined, { system: 'not-there' }), withCode('refused'));
    assert.deepEqual(await sessionsOf(rig), []);
  });

  it('that idled away is opened again, once', async () => {
    await using rig = await simulatedBmc();
    await using driver = await rig.open();
    const before = await sessionsOf(rig);
    for (const path of before) await asAnother(rig, 'DELETE', path);
    await driver.power('on', soon());
    const after = await sessionsOf(rig);
    assert.equal(after.length, 1);
    assert.notDeepEqual(after, before);
  });

  it('is not kept by a BMC that hangs: disposing ends', async () => {
    await using rig = await simulatedBmc();
    const driver = await rig.open();
    rig.bmc.faults.add('hangs');
    await driver[Symbol.asyncDispose]();
  });

  it('whose caller gave up while it was opened is closed all the same', async () => {
    const events = new EventEmitter<{ login: [ServerResponse]; closed: [] }>();
    await using service = await scripted(
      fromTree(plainTree(), ({ method, path }) => {
        if (method === 'POST' && path === SESSIONS) return (response) => void events.emit('login', response);
        if (method === 'DELETE') events.emit('closed');
        return undefined;
      }),
    );
    const stop = new AbortController();
    const login = once(events, 'login');
    const opening = openRedfish(service.target, undefined, { limits, signal: stop.signal });
    const [response] = (await login) as [ServerResponse];
    stop.abort(new Error('nobody waits'));
    const closed = once(events, 'closed');
    response.writeHead(201, { 'X-Auth-Token': 'token', Location: `${SESSIONS}/7` }).end('{}');
    await assert.rejects(opening, /nobody waits/);
    await closed;
    assert.equal(service.lines().at(-1), `DELETE ${SESSIONS}/7`);
  });

  it('that is not free is told as such', async () => {
    await using plain = await simulatedBmc({ faults: ['no-sessions'] });
    await assert.rejects(plain.open(), withCode('sessions'));
    await using dell = await simulatedBmc({ profile: 'dell-idrac', faults: ['no-sessions'] });
    await assert.rejects(dell.open(), withCode('sessions'));
  });
});

describe('a password', () => {
  it('that is wrong is sent once', async () => {
    await using service = await scripted(
      fromTree(plainTree(), ({ method }) => (method === 'POST' ? { status: 401 } : undefined)),
    );
    await assert.rejects(openRedfish(service.target, undefined, { limits }), withCode('credential'));
    assert.deepEqual(service.lines(), ['GET /redfish/v1/', `POST ${SESSIONS}`]);
  });

  it('that somebody changed is tried once more, and then never by itself', async () => {
    await using rig = await simulatedBmc();
    await using driver = await rig.open();
    rig.bmc.faults.add('password-changed');
    await assert.rejects(driver.status(soon()), withCode('credential'));
    rig.bmc.faults.delete('password-changed');
    await assert.rejects(driver.status(soon()), withCode('credential'));
  });

  it('stands in no error', async () => {
    await using service = await scripted(
      fromTree(plainTree(), ({ method }) =>
        method === 'POST' ? (response) => void response.socket?.destroy() : undefined,
      ),
    );
    await assert.rejects(openRedfish(service.target, undefined, { limits }), (error) => {
      assert.doesNotMatch(inspect(error, { depth: 20, showHidden: true }), new RegExp(CREDENTIAL.password));
      return true;
    });
  });

  it('goes by Basic where there are no sessions, and that is remembered', async () => {
    await using rig = await simulatedBmc({ quirks: ['basic-only'] });
    let facts: Readonly<Record<string, string>> = {};
    await using driver = await rig.open({ learned: (found) => (facts = found) });
    assert.equal((await driver.status(soon())).power, 'off');
    assert.equal(facts['auth'], 'basic');
  });

  it('never goes by Basic where there were sessions before', async () => {
    await using rig = await simulatedBmc({ quirks: ['basic-only'] });
    await assert.rejects(rig.open(undefined, { learned: { auth: 'session' } }), withCode('not-supported'));
  });

  it('is refused for good where Basic is refused', async () => {
    await using rig = await simulatedBmc({ quirks: ['basic-only', 'no-basic'] });
    await assert.rejects(rig.open(), withCode('credential'));
  });

  it('must be changed first: that is said', async () => {
    await using rig = await simulatedBmc({ faults: ['must-change-password'] });
    await assert.rejects(rig.open(), withCode('credential', /must be changed/));
  });
});

describe('a redirect', () => {
  it('to another address is not followed', async () => {
    await using service = await scripted(({ path }) =>
      path === '/redfish/v1/' ? { status: 308, headers: { Location: 'https://127.0.0.9/redfish/v1/' } } : undefined,
    );
    await assert.rejects(openRedfish(service.target, undefined, { limits }), withCode('refused'));
  });

  it('to plain HTTP is not followed', async () => {
    await using service = await scripted(
      fromTree(plainTree(), ({ method }) =>
        method === 'POST'
          ? { status: 308, headers: { Location: service.address.replace('https', 'http') } }
          : undefined,
      ),
    );
    await assert.rejects(openRedfish(service.target, undefined, { limits }), withCode('refused'));
  });

  it('in a circle ends', async () => {
    await using service = await scripted(() => ({ status: 308, headers: { Location: '/redfish/v1/' } }));
    await assert.rejects(openRedfish(service.target, undefined, { limits }), withCode('malformed'));
    assert.ok(service.requests.length < 6);
  });
});
