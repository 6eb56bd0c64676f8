import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type BmcDriver, BmcError, type BmcErrorCode } from '#services/bmc/contract.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { pingRmcp } from '#services/bmc/ipmi/ping-rmcp.ts';
import { need } from '#test/lab/need.ts';
import { startLossyProxy } from '#test/services/bmc/ipmi/lossy-proxy.ts';
import { LOSSY, STEADY } from '#test/services/bmc/ipmi/quick-limits.ts';
import { assertEchoes } from './console-echo.ts';
import { FAKE_USER, startFakeBmc } from './fakebmc.ts';

const signal = () => AbortSignal.timeout(20_000);
const code = (want: BmcErrorCode) => (error: unknown) => {
  assert.ok(error instanceof BmcError, String(error));
  assert.equal(error.code, want, error.message);
  return true;
};

async function rig(
  t: TestContext,
  isLost: ((number: number, direction: 'in' | 'out') => boolean) | undefined,
): Promise<(BmcDriver & { readonly address: string }) | undefined> {
  if (!need(t, ['pyghmi'])) return undefined;
  const fake = await startFakeBmc();
  t.after(() => fake[Symbol.asyncDispose]());
  let { port } = fake;
  if (isLost) {
    const proxy = await startLossyProxy(port, isLost);
    t.after(() => proxy[Symbol.asyncDispose]());
    port = proxy.port;
  }
  const address = `127.0.0.1:${port}`;
  const bmc = await openIpmi({ type: 'ipmi', address, credential: FAKE_USER }, {}, isLost ? LOSSY : STEADY);
  t.after(() => bmc[Symbol.asyncDispose]());
  return { ...bmc, address };
}

test("pyghmi's BMC: power, and a boot device that is stored but for its mode", async (t) => {
  const bmc = await rig(t, undefined);
  if (!bmc) return;
  // It knows no ping: it is found all the same.
  assert.equal((await pingRmcp(bmc.address, signal())).kind, 'speaks');
  await bmc.bootOnce({ device: 'network', mode: 'bios' }, signal());
  await bmc.bootOnce({ device: 'disk' }, signal());
  await assert.rejects(bmc.bootOnce({ device: 'network', mode: 'uefi' }, signal()), code('not-stored'));
  await bmc.power('on', signal());
  assert.equal((await bmc.status(signal())).power, 'on');
  await bmc.power('soft', signal());
  assert.equal((await bmc.status(signal())).power, 'off');
});

test("pyghmi's BMC lacks verbs, and each says so", async (t) => {
  const bmc = await rig(t, undefined);
  if (!bmc) return;
  await assert.rejects(bmc.identify(10, signal()), code('not-supported'));
  await assert.rejects(bmc.events(signal()), code('not-supported'));
  // The console of a machine that is off is disabled there.
  await assert.rejects(bmc.console(signal()), code('not-supported'));
  // Told to who logs in.
  const uuid = 'd1b6f5a2-0f3c-4e02-9a7b-112233445566';
  assert.deepEqual(await bmc.identity(signal()), { uuid, bmcVersion: '1.00', macs: [] });
  const { gaps } = await bmc.inventory(signal());
  assert.ok(gaps.includes('reading its FRU: it does not know the command'), gaps.join('\n'));
});

for (const [name, isLost] of [
  ['', undefined],
  [', with each seventh datagram lost', (number: number) => number % 7 === 6],
] as const) {
  test(`what is typed into the console of pyghmi's BMC comes back${name}`, async (t) => {
    const bmc = await rig(t, isLost);
    if (!bmc) return;
    await bmc.power('on', signal()).catch((error: unknown) => assert.ok(code('timeout')(error)));
    await using console = await bmc.console(signal());
    const output = await assertEchoes(console, 40);
    // Who stops reading ends it, and it is free for the next one. (With losses pyghmi talks to the old one for seconds.)
    await output.return?.();
    if (isLost) return;
    await using again = await bmc.console(signal());
    await again.write(new TextEncoder().encode('x'));
  });
}

test('a console that is open is busy for others, and ends with its signal', async (t) => {
  const bmc = await rig(t, undefined);
  if (!bmc) return;
  await bmc.power('on', signal());
  const stop = new AbortController();
  const console = await bmc.console(stop.signal);
  await assert.rejects(bmc.console(signal()), code('busy'));
  const reading = Array.fromAsync(console.output);
  stop.abort();
  assert.deepEqual(await reading, []);
  await assert.rejects(console.write(Uint8Array.of(1)), code('refused'));
});
