import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changePassword, createAccount, deleteAccount } from '#services/bmc/redfish/accounts.ts';
import { probeRedfish } from '#services/bmc/redfish/probe-redfish.ts';
import { withCode } from './error-code.ts';
import { CREDENTIAL, fromTree, plainTree, scripted, simulatedBmc, soon, TEST_LIMITS } from './rig.ts';

const options = () => ({ signal: soon(), limits: TEST_LIMITS });
const WORKER = { username: 'worker', password: 'Worker-Pass9', role: 'Operator' } as const;

describe('accounts', () => {
  it('are made, get another password, and go', async () => {
    await using rig = await simulatedBmc();
    await createAccount(rig.target, WORKER, options());
    const { accounts } = rig.bmc.board;
    assert.equal(accounts.byName('worker')?.role, 'Operator');
    await changePassword(rig.target, { username: 'worker', password: 'Other-Pass9' }, options());
    assert.equal(accounts.login('worker', 'Other-Pass9').kind, 'in');
    await deleteAccount(rig.target, 'worker', options());
    assert.equal(accounts.byName('worker'), undefined);
  });

  it('change their own password, also when they may do nothing else', async () => {
    await using rig = await simulatedBmc({ faults: ['must-change-password'] });
    await changePassword(rig.target, { password: 'Brand-New-Pass1' }, options());
    const { accounts } = rig.bmc.board;
    assert.equal(accounts.login(CREDENTIAL.username, 'Brand-New-Pass1').kind, 'in');
    await using driver = await rig.open(undefined, {
      credential: { username: CREDENTIAL.username, password: 'Brand-New-Pass1' },
    });
    assert.equal((await driver.status(soon())).power, 'off');
  });

  it('keep to the policy before anything is sent', async () => {
    await using rig = await simulatedBmc();
    await assert.rejects(
      createAccount(rig.target, { ...WORKER, password: 'short' }, options()),
      withCode('refused', /at least 8/),
    );
    await assert.rejects(
      changePassword(rig.target, { password: 'x'.repeat(21) }, options()),
      withCode('refused', /at most 20/),
    );
    assert.equal(rig.bmc.board.accounts.list().length, 1);
  });

  it('are not believed where the BMC lies', async () => {
    await using rig = await simulatedBmc({ faults: ['lies'] });
    await assert.rejects(createAccount(rig.target, WORKER, options()), withCode('not-stored'));
    await assert.rejects(changePassword(rig.target, { password: 'Other-Pass9' }, options()), withCode('not-stored'));
  });

  it('are not taken twice, and not the own one away', async () => {
    await using rig = await simulatedBmc();
    const own = { ...WORKER, username: CREDENTIAL.username };
    await assert.rejects(createAccount(rig.target, own, options()), withCode('refused', /already/));
    await assert.rejects(deleteAccount(rig.target, CREDENTIAL.username, options()), withCode('refused'));
    await assert.rejects(deleteAccount(rig.target, 'nobody', options()), withCode('refused', /no user/));
  });

  it('take a free slot that is not the first where the BMC has slots', async () => {
    const service = '/redfish/v1/AccountService';
    const slots = new Map([
      ['1', { Id: '1', UserName: '' }],
      ['2', { Id: '2', UserName: CREDENTIAL.username }],
      ['3', { Id: '3', UserName: '' }],
    ]);
    const path = (id: string) => `${service}/Accounts/${id}`;
    await using bmc = await scripted(
      fromTree(
        plainTree({
          '/redfish/v1/': {
            AccountService: { '@odata.id': service },
            Links: { Sessions: { '@odata.id': '/redfish/v1/SessionService/Sessions' } },
          },
          [service]: { Accounts: { '@odata.id': `${service}/Accounts` }, MaxPasswordLength: 0 },
          [`${service}/Accounts`]: { Members: [...slots.keys()].map((id) => ({ '@odata.id': path(id) })) },
        }),
        (request) => {
          if (request.method === 'POST' && request.path.endsWith('/Accounts')) return { status: 405 };
          const id = [...slots.keys()].find((slot) => request.path === path(slot));
          if (id === undefined) return undefined;
          if (request.method === 'DELETE') return { status: 405 };
          if (request.method === 'PATCH') {
            const { UserName } = request.body as { readonly UserName: string };
            slots.set(id, { Id: id, UserName });
            return { status: 200 };
          }
          return { body: slots.get(id) };
        },
      ),
    );
    await createAccount(bmc.target, WORKER, options());
    assert.equal(slots.get('3')?.UserName, 'worker');
    const patch = bmc.requests.find(({ method }) => method === 'PATCH');
    assert.deepEqual(patch?.body, { UserName: 'worker', Password: WORKER.password, RoleId: 'Operator', Enabled: true });
    await deleteAccount(bmc.target, 'worker', options());
    assert.equal(slots.get('3')?.UserName, '');
  });
});

describe('discovery', () => {
  it('reads the service root, and sends no credential', async () => {
    const root = {
      Vendor: 'Scripted',
      Product: 'BMC 9000',
      UUID: 'AAAAAAAA-0000-0000-0000-000000000001',
      RedfishVersion: '1.6.0',
    };
    await using bmc = await scripted(fromTree(plainTree({ '/redfish/v1/': root })));
    const found = await probeRedfish(bmc.address, soon(), TEST_LIMITS);
    assert.deepEqual(
      { vendor: found.vendor, product: found.product, uuid: found.uuid, version: found.version },
      { vendor: 'Scripted', product: 'BMC 9000', uuid: root.UUID.toLowerCase(), version: '1.6.0' },
    );
    assert.equal(found.fingerprint, bmc.sha256);
    assert.equal(found.subject, 'CN=bmc.simulated, O=Ingot (simulated)');
    assert.deepEqual(bmc.lines(), ['GET /redfish/v1/']);
    assert.ok(bmc.requests.every(({ headers }) => headers.authorization === undefined));
  });

  it('tells what is no Redfish service', async () => {
    await using web = await scripted(() => ({ body: '<html>' }));
    await assert.rejects(probeRedfish(web.address, soon(), TEST_LIMITS), withCode('malformed'));
    await using nothing = await scripted(() => undefined);
    await assert.rejects(probeRedfish(nothing.address, soon(), TEST_LIMITS), withCode('not-supported'));
    await assert.rejects(probeRedfish('http://127.0.0.1', soon(), TEST_LIMITS), withCode('refused'));
    await assert.rejects(probeRedfish('https://user@127.0.0.1', soon(), TEST_LIMITS), withCode('refused'));
  });
});
