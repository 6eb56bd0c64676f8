import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { connect } from 'node:tls';
import { waitFor } from '#test/lab/wait.ts';
import { OPERATOR, type RackBmc, rackBmc, READER, USER } from '../rig.ts';
import { ask, errorOf, type Told } from './ask.ts';

const SYSTEM = '/redfish/v1/Systems/1';
const RESET = `${SYSTEM}/Actions/ComputerSystem.Reset`;
const SESSIONS = '/redfish/v1/SessionService/Sessions';
const BIOS = `${SYSTEM}/Bios`;
const TAG = { AssetTag: 'rack 7' };

const logIn = (at: RackBmc, user: { readonly username: string; readonly password: string } = USER): Promise<Told> =>
  ask(at, 'POST', SESSIONS, { login: 'none', body: { UserName: user.username, Password: user.password } });
const withToken = (told: Told) => ({ headers: { 'x-auth-token': String(told.headers['x-auth-token']) } });

describe('ETags', () => {
  const patch = (at: RackBmc, ifMatch?: string) =>
    ask(at, 'PATCH', SYSTEM, { body: TAG, headers: ifMatch === undefined ? {} : { 'if-match': ifMatch } });

  it('change with the resource: the old one is 412', async () => {
    await using at = await rackBmc();
    const first = await ask(at, 'GET', SYSTEM);
    const etag = String(first.headers.etag);
    assert.equal(first.body['@odata.etag'], etag);
    assert.equal((await patch(at, etag)).status, 204);
    await ask(at, 'PATCH', SYSTEM, { body: { LocationIndicatorActive: true } });
    const late = await patch(at, etag);
    assert.deepEqual([late.status, errorOf(late).key], [412, 'PreconditionFailed']);
    assert.equal((await patch(at, '*')).status, 204);
    assert.equal((await patch(at, `"x", ${String((await ask(at, 'GET', SYSTEM)).headers.etag)}`)).status, 204);
  });

  it('are wanted by some: 428 without', async () => {
    await using at = await rackBmc({ quirks: ['wants-if-match'] });
    const without = await patch(at);
    assert.deepEqual([without.status, errorOf(without).key], [428, 'PreconditionRequired']);
    assert.equal((await patch(at, String((await ask(at, 'GET', SYSTEM)).headers.etag))).status, 204);
  });

  it('that are weak are refused in that form, and taken without their mark', async () => {
    await using at = await rackBmc({ quirks: ['weak-etags'] });
    const etag = String((await ask(at, 'GET', SYSTEM)).headers.etag);
    assert.match(etag, /^W\/"/);
    assert.equal((await patch(at, etag)).status, 412);
    assert.equal((await patch(at, etag.slice(2))).status, 204);
  });

  it('mean nothing to an action, or make iDRAC refuse it', async () => {
    await using calm = await rackBmc();
    await using strict = await rackBmc({ quirks: ['no-if-match-on-actions'] });
    const on = { body: { ResetType: 'On' }, headers: { 'if-match': '"x"' } };
    assert.equal((await ask(calm, 'POST', RESET, on)).status, 204);
    assert.equal((await ask(strict, 'POST', RESET, on)).status, 412);
  });
});

describe('sessions', () => {
  it('are as many as there are, and one that ends makes room', async () => {
    await using at = await rackBmc({ profile: 'dell-idrac', change: { sessions: 2 } });
    const first = await logIn(at);
    assert.equal(first.status, 201);
    assert.equal((await logIn(at)).status, 201);
    const full = await logIn(at);
    assert.equal(full.status, 503);
    assert.match(full.text, /RAC0218/);
    const path = String(first.headers.location);
    assert.equal((await ask(at, 'DELETE', path, withToken(first))).status, 204);
    assert.equal((await ask(at, 'GET', '/redfish/v1/Systems', withToken(first))).status, 401);
    assert.equal((await logIn(at)).status, 201);
  });

  it('idle away, and each use counts', async () => {
    let time = Date.now();
    await using at = await rackBmc({ change: { sessionSeconds: 60 }, now: () => time });
    const told = await logIn(at);
    for (let use = 0; use < 3; use++) {
      time += 59_000;
      assert.equal((await ask(at, 'GET', SYSTEM, withToken(told))).status, 200);
    }
    time += 61_000;
    assert.equal((await ask(at, 'GET', SYSTEM, withToken(told))).status, 401);
  });

  it('end with the password that opened them', async () => {
    await using at = await rackBmc();
    const told = await logIn(at);
    const change = await ask(at, 'PATCH', '/redfish/v1/AccountService/Accounts/2', {
      body: { Password: 'another-Pass9' },
      ...withToken(told),
    });
    assert.equal(change.status, 204);
    assert.equal((await ask(at, 'GET', SYSTEM, withToken(told))).status, 401);
    assert.equal((await logIn(at)).status, 401);
    assert.equal((await logIn(at, { ...USER, password: 'another-Pass9' })).status, 201);
  });

  it('of one who guesses five times are locked for a minute, also for the right password and by IPMI', async () => {
    let time = Date.now();
    await using at = await rackBmc({ now: () => time });
    for (let guess = 0; guess < 5; guess++) {
      assert.equal((await logIn(at, { ...USER, password: `guess-${guess}` })).status, 401);
    }
    assert.equal((await logIn(at)).status, 401);
    assert.equal(at.bmc.board.accounts.isLocked(USER.username), true);
    time += 60_001;
    assert.equal((await logIn(at)).status, 201);
  });

  it('are not there where Basic is all, and the other way round', async () => {
    await using basic = await rackBmc({ quirks: ['basic-only'] });
    const refused = await logIn(basic);
    assert.deepEqual([refused.status, refused.headers.allow], [405, 'GET, HEAD']);
    assert.equal((await ask(basic, 'GET', SYSTEM)).status, 200);
    await using token = await rackBmc({ quirks: ['no-basic'] });
    assert.equal((await ask(token, 'GET', SYSTEM)).status, 401);
    assert.equal((await ask(token, 'GET', SYSTEM, withToken(await logIn(token)))).status, 200);
  });
});

describe('who may what', () => {
  for (const [user, power, account] of [
    [USER, 204, 201],
    [OPERATOR, 204, 403],
    [READER, 403, 403],
  ] as const) {
    it(`${user.username}: power ${power}, a new account ${account}`, async () => {
      await using at = await rackBmc();
      const body = { UserName: 'newcomer', Password: 'nine-Password9', RoleId: 'Administrator' };
      assert.equal((await ask(at, 'POST', RESET, { body: { ResetType: 'On' }, login: user })).status, power);
      assert.equal(
        (await ask(at, 'POST', '/redfish/v1/AccountService/Accounts', { body, login: user })).status,
        account,
      );
    });
  }

  it('an operator changes his own password, and neither another’s nor his role', async () => {
    await using at = await rackBmc();
    const accounts = '/redfish/v1/AccountService/Accounts';
    const patch = (slot: number, body: unknown) => ask(at, 'PATCH', `${accounts}/${slot}`, { body, login: OPERATOR });
    assert.equal((await patch(2, { Password: 'taken-Over99' })).status, 403);
    assert.equal((await patch(3, { RoleId: 'Administrator' })).status, 403);
    assert.equal((await patch(3, { Password: 'fresh-Pass99' })).status, 204);
    assert.equal((await ask(at, 'GET', SYSTEM)).status, 200);
  });

  it('nobody sees more than the root without a login', async () => {
    await using at = await rackBmc();
    for (const [path, status] of [
      ['/redfish', 200],
      ['/redfish/v1/', 200],
      ['/redfish/v1/odata', 200],
      ['/redfish/v1/$metadata', 200],
      [SYSTEM, 401],
      ['/redfish/v1/Nowhere', 401],
    ] as const) {
      assert.equal((await ask(at, 'GET', path, { login: 'none' })).status, status, path);
    }
    assert.equal((await ask(at, 'GET', '/redfish/v1/Nowhere')).status, 404);
  });
});

describe('tasks', () => {
  it('go on after 202: the monitor says so, then the end, then nothing', async () => {
    await using at = await rackBmc();
    const told = await ask(at, 'PATCH', `${BIOS}/Settings`, { body: { Attributes: { NumLock: 'Off' } } });
    assert.equal(told.status, 202);
    const monitor = String(told.headers.location);
    assert.equal(told.headers['retry-after'], '1');
    const waiting = await ask(at, 'GET', monitor);
    assert.deepEqual([waiting.status, waiting.body['TaskState']], [202, 'Running']);
    assert.match((await ask(at, 'GET', BIOS)).text, /"NumLock":"On"/);
    assert.match((await ask(at, 'GET', `${BIOS}/Settings`)).text, /"NumLock":"Off"/);
    await ask(at, 'POST', RESET, { body: { ResetType: 'On' } });
    const done = await waitFor(
      'the settings to be applied',
      async () => {
        const now = await ask(at, 'GET', monitor);
        return now.status !== 202 && now;
      },
      10_000,
    );
    assert.deepEqual([done.status, done.body['TaskState']], [200, 'Completed']);
    assert.equal((await ask(at, 'GET', monitor)).status, 404);
    assert.match((await ask(at, 'GET', BIOS)).text, /"NumLock":"Off"/);
    assert.match((await ask(at, 'GET', '/redfish/v1/TaskService/Tasks')).text, /"Members@odata.count":1/);
  });

  it('of iDRAC are 404 at first, and want to be told when to apply', async () => {
    let time = Date.now();
    await using at = await rackBmc({ profile: 'dell-idrac', times: { onMs: 500 }, now: () => time });
    const settings = '/redfish/v1/Systems/System.Embedded.1/Bios/Settings';
    const attributes = { Attributes: { NumLock: 'Off' } };
    assert.equal((await ask(at, 'PATCH', settings, { body: attributes })).status, 204);
    assert.match((await ask(at, 'GET', settings)).text, /"NumLock":"On"/);
    const body = { ...attributes, '@Redfish.SettingsApplyTime': { ApplyTime: 'OnReset' } };
    const told = await ask(at, 'PATCH', settings, { body });
    assert.deepEqual([told.status, told.body['TaskState']], [202, 'New']);
    const monitor = String(told.headers.location);
    assert.equal((await ask(at, 'GET', monitor)).status, 404);
    time += 500;
    assert.equal((await ask(at, 'GET', monitor)).status, 202);
  });
});

describe('answers', () => {
  it('of iDRAC hold one message instead of a list, of others none but XHTML', async () => {
    await using idrac = await rackBmc({ quirks: ['extended-info-object'] });
    const { body } = await ask(idrac, 'GET', '/redfish/v1/Nowhere');
    assert.match(JSON.stringify(body), /"@Message.ExtendedInfo":\{/);
    await using web = await rackBmc({ quirks: ['html-errors'] });
    const page = await ask(web, 'GET', '/redfish/v1/Nowhere');
    assert.deepEqual([page.status, page.headers['content-type']], [404, 'application/xhtml+xml']);
    assert.match(page.text, /^<html/);
  });

  it('of methods that are not there name those that are', async () => {
    await using at = await rackBmc();
    const told = await ask(at, 'DELETE', SYSTEM);
    assert.deepEqual([told.status, told.headers.allow], [405, 'GET, HEAD, PATCH']);
    assert.equal((await ask(at, 'HEAD', SYSTEM)).text, '');
  });

  it('come by pages, expanded or selected, as the root has promised', async () => {
    await using at = await rackBmc();
    const memory = `${SYSTEM}/Memory`;
    const page = await ask(at, 'GET', `${memory}?$top=3`);
    assert.equal((page.body['Members'] as readonly unknown[]).length, 3);
    assert.match((await ask(at, 'GET', `${memory}?$expand=.`)).text, /"CapacityMiB":16384/);
    assert.deepEqual(
      Object.keys((await ask(at, 'GET', `${SYSTEM}?$select=PowerState`)).body).filter((name) => !name.startsWith('@')),
      ['PowerState'],
    );
    assert.equal((await ask(at, 'GET', `${memory}?$filter=x`)).status, 501);
    await using paged = await rackBmc({ quirks: ['pages', 'no-expand'] });
    const first = await ask(paged, 'GET', memory);
    const next = String(first.body['Members@odata.nextLink']);
    const rest = (await ask(paged, 'GET', next)).body;
    assert.equal((rest['Members'] as readonly unknown[]).length, 1);
    assert.equal(rest['Members@odata.nextLink'], undefined);
    assert.equal((await ask(paged, 'GET', `${memory}?$expand=.`)).status, 501);
  });

  it('redirect to the slash, or name whole addresses, where firmware does', async () => {
    await using at = await rackBmc({ quirks: ['redirects-to-slash', 'absolute-location'] });
    const told = await ask(at, 'PATCH', SYSTEM, { body: TAG });
    assert.deepEqual([told.status, told.headers.location], [308, `${at.bmc.url}${SYSTEM}/`]);
    assert.equal((await ask(at, 'PATCH', `${SYSTEM}/`, { body: TAG })).status, 204);
  });

  it('of the manager say where IPMI is spoken', async () => {
    await using at = await rackBmc();
    const { body } = await ask(at, 'GET', '/redfish/v1/Managers/1/NetworkProtocol');
    assert.deepEqual(body['IPMI'], { ProtocolEnabled: true, Port: at.port.ipmi });
    assert.deepEqual(body['HTTPS'], { ProtocolEnabled: true, Port: at.port.redfish });
  });

  it('to a body without end are 413', async () => {
    await using at = await rackBmc();
    assert.equal((await ask(at, 'PATCH', SYSTEM, { body: { AssetTag: 'x'.repeat(1 << 20) } })).status, 413);
  });
});

describe('a BMC that is not well', () => {
  for (const [fault, status] of [
    ['unavailable', 503],
    ['no-sessions', 503],
    ['password-changed', 401],
  ] as const) {
    it(`${fault}: a login is ${status}`, async () => {
      await using at = await rackBmc({ faults: [fault] });
      assert.equal((await logIn(at)).status, status);
    });
  }

  it('hangs: takes the request and never answers, until it is well again', async () => {
    await using at = await rackBmc({ faults: ['hangs'] });
    await assert.rejects(ask(at, 'GET', SYSTEM, { signal: AbortSignal.timeout(200) }), { name: 'AbortError' });
    at.bmc.faults.delete('hangs');
    assert.equal((await ask(at, 'GET', SYSTEM)).status, 200);
  });

  it('that hangs mid-session lets a client log in, and no more', async () => {
    await using at = await rackBmc({ faults: ['hangs-mid-session'] });
    const told = await logIn(at);
    assert.equal(told.status, 201);
    const signal = AbortSignal.timeout(200);
    await assert.rejects(ask(at, 'GET', SYSTEM, { ...withToken(told), signal }), { name: 'AbortError' });
  });

  it('that begins again is away, has lost sessions and Once, and comes back', async () => {
    let time = Date.now();
    await using at = await rackBmc({ times: { restartMs: 3000 }, now: () => time });
    const told = await logIn(at);
    await ask(at, 'PATCH', SYSTEM, {
      body: { Boot: { BootSourceOverrideTarget: 'Pxe', BootSourceOverrideEnabled: 'Once' } },
    });
    const restarted = new Promise<void>((resolve) => at.bmc.board.onRestart(resolve));
    const reset = { body: { ResetType: 'ForceRestart' } };
    assert.equal((await ask(at, 'POST', '/redfish/v1/Managers/1/Actions/Manager.Reset', reset)).status, 204);
    await restarted;
    await assert.rejects(ask(at, 'GET', SYSTEM));
    time += 3000;
    assert.equal((await ask(at, 'GET', SYSTEM, withToken(told))).status, 401);
    assert.match((await ask(at, 'GET', SYSTEM)).text, /"BootSourceOverrideEnabled":"Disabled"/);
  });

  it('resets connections, cuts its answers, or says no JSON', async () => {
    await using at = await rackBmc({ faults: ['drops-tcp'] });
    await assert.rejects(ask(at, 'GET', SYSTEM));
    at.bmc.faults.delete('drops-tcp');
    at.bmc.faults.add('cuts-answers');
    await assert.rejects(ask(at, 'GET', SYSTEM), { code: 'ECONNRESET' });
    at.bmc.faults.delete('cuts-answers');
    at.bmc.faults.add('malformed');
    assert.equal((await ask(at, 'GET', SYSTEM)).text, '{"@odata.id": ');
  });

  it('lies: says yes to each change, and is as before', async () => {
    await using at = await rackBmc({ faults: ['lies'] });
    assert.equal((await ask(at, 'POST', RESET, { body: { ResetType: 'On' } })).status, 204);
    assert.equal((await ask(at, 'PATCH', SYSTEM, { body: { LocationIndicatorActive: true } })).status, 204);
    await at.bmc.board.power.settled();
    assert.deepEqual([at.backend.stage(), at.bmc.board.identifying()], ['off', false]);
  });

  it('shows another certificate than before', async () => {
    await using at = await rackBmc();
    const fingerprint = async (): Promise<string> => {
      const socket = connect({ host: '127.0.0.1', port: at.port.redfish, rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { raw } = socket.getPeerCertificate();
      socket.destroy();
      return createHash('sha256').update(raw).digest('hex');
    };
    const before = await fingerprint();
    assert.equal(await fingerprint(), before);
    at.bmc.faults.add('other-certificate');
    assert.notEqual(await fingerprint(), before);
  });

  it('believes that it is the year 2000', async () => {
    await using at = await rackBmc({ faults: ['wrong-clock'] });
    assert.match(String((await ask(at, 'GET', '/redfish/v1/Managers/1')).body['DateTime']), /^2000-01-01T/);
  });

  it('wants a new password before anything else', async () => {
    await using at = await rackBmc({ faults: ['must-change-password'] });
    const told = await logIn(at);
    assert.match(told.text, /PasswordChangeRequired/);
    const refused = await ask(at, 'GET', SYSTEM, withToken(told));
    assert.deepEqual([refused.status, errorOf(refused).key], [403, 'PasswordChangeRequired']);
    const body = { Password: 'another-Pass9' };
    const account = '/redfish/v1/AccountService/Accounts/2';
    assert.equal((await ask(at, 'PATCH', account, { body, ...withToken(told) })).status, 204);
    const again = await logIn(at, { ...USER, password: body.Password });
    assert.equal((await ask(at, 'GET', SYSTEM, withToken(again))).status, 200);
  });
});
