import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type BmcCredential,
  type BmcDriver,
  BmcError,
  type BmcErrorCode,
  type BmcTarget,
} from '#services/bmc/contract.ts';
import { changePassword } from '#services/bmc/ipmi/accounts.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { startLossyProxy } from '#test/services/bmc/ipmi/lossy-proxy.ts';
import { STEADY } from '#test/services/bmc/ipmi/quick-limits.ts';
import { assertEchoes } from './console-echo.ts';
import { buildGoBmc, GO_KG, GO_PASSWORD } from './go-bmc.ts';

const signal = () => AbortSignal.timeout(20_000);
const code = (want: BmcErrorCode) => (error: unknown) => {
  assert.ok(error instanceof BmcError, String(error));
  assert.equal(error.code, want, error.message);
  return true;
};

test("go-ipmi's BMC, which speaks cipher suite 17", { timeout: 900_000 }, async (t) => {
  const go = await buildGoBmc();
  if (go.kind === 'missing') return t.skip(go.reason);
  t.after(go.remove);

  async function rig(
    at: TestContext,
    options: {
      readonly suites?: string;
      readonly serverKg?: string;
      readonly credential?: Partial<BmcCredential>;
      readonly isLost?: (number: number) => boolean;
    } = {},
  ): Promise<{
    readonly bmc: BmcDriver;
    readonly target: BmcTarget & { readonly credential: BmcCredential };
    readonly learned: Record<string, string>[];
  }> {
    const { suites = '17', isLost } = options;
    if (go.kind === 'missing') throw new Error(go.reason);
    const server = await go.start(suites, options.serverKg);
    at.after(() => server[Symbol.asyncDispose]());
    let { port } = server;
    if (isLost) {
      const proxy = await startLossyProxy(port, isLost);
      at.after(() => proxy[Symbol.asyncDispose]());
      port = proxy.port;
    }
    const learned: Record<string, string>[] = [];
    const credential = { username: 'admin', password: GO_PASSWORD, ...options.credential };
    const target = { type: 'ipmi', address: `127.0.0.1:${port}`, credential } as const;
    const bmc = await openIpmi(target, { learned: (facts) => void learned.push({ ...facts }) }, STEADY);
    at.after(() => bmc[Symbol.asyncDispose]());
    return { bmc, target, learned };
  }

  await t.test('17 is chosen before 3, and power goes on and off', async (at) => {
    const { bmc, learned } = await rig(at, { suites: '3,17' });
    assert.equal((await bmc.status(signal())).power, 'off');
    assert.equal(learned[0]?.['suite'], '17');
    await bmc.power('on', signal());
    assert.equal((await bmc.status(signal())).power, 'on');
    await bmc.power('reset', signal());
    await bmc.power('off', signal());
    assert.equal((await bmc.status(signal())).power, 'off');
  });

  await t.test('the next boot is stored with its mode, and cleared', async (at) => {
    const { bmc } = await rig(at);
    for (const mode of ['uefi', 'bios'] as const) {
      for (const device of ['network', 'disk', 'media', 'setup', 'http', 'none'] as const) {
        await bmc.bootOnce({ device, mode }, signal());
      }
    }
  });

  await t.test('who the machine is, its light, and what is missing', async (at) => {
    const { bmc } = await rig(at);
    const uuid = 'd1b6f5a2-0f3c-4e02-9a7b-112233445566';
    assert.deepEqual(await bmc.identity(signal()), {
      manufacturer: 'Maker',
      product: 'Machine',
      serial: 'SER-0042',
      uuid,
      bmcVendor: 'Intel',
      bmcVersion: '1.02',
      macs: [],
    });
    assert.equal((await bmc.inventory(signal())).system.uuid, uuid);
    await bmc.identify(30, signal());
    await assert.rejects(bmc.events(signal()), code('not-supported'));
  });

  await t.test('an operator may switch, a user may look, and a wrong password neither', async (at) => {
    const operator = await rig(at, { credential: { username: 'oper' } });
    await operator.bmc.power('on', signal());
    const looker = await rig(at, { credential: { username: 'looker' } });
    assert.equal((await looker.bmc.status(signal())).power, 'off');
    await assert.rejects(looker.bmc.power('on', signal()), code('privilege'));
    const wrong = await rig(at, { credential: { password: 'wrong' } });
    await assert.rejects(wrong.bmc.status(signal()), code('credential'));
    const nobody = await rig(at, { credential: { username: 'nobody' } });
    await assert.rejects(nobody.bmc.status(signal()), code('credential'));
  });

  await t.test('a password of sixteen letters is changed, and one of twenty', async (at) => {
    const { target } = await rig(at);
    await changePassword(target, 'aNewPassword0016', signal(), STEADY);
    const renewed = { ...target, credential: { ...target.credential, password: 'aNewPassword0016' } };
    await changePassword(renewed, 'aPasswordOf20Letters', signal(), STEADY);
  });

  await t.test('K_g opens it, and without K_g it stays shut', async (at) => {
    const kg = Buffer.from(GO_KG).toString('hex');
    const right = await rig(at, { serverKg: GO_KG, credential: { kg } });
    assert.equal((await right.bmc.status(signal())).power, 'off');
    const without = await rig(at, { serverKg: GO_KG });
    await assert.rejects(without.bmc.status(signal()), code('credential'));
  });

  for (const [name, isLost] of [
    ['', undefined],
    [' with each ninth datagram lost', (number: number) => number % 9 === 8],
  ] as const) {
    await t.test(`its console gives back what is typed${name}`, async (at) => {
      const { bmc } = await rig(at, isLost ? { isLost } : {});
      await using console = await bmc.console(signal());
      await assertEchoes(console, 40);
    });
  }
});
