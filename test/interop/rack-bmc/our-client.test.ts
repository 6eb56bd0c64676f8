import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BmcCredential, BmcError, type BmcErrorCode } from '#services/bmc/contract.ts';
import { openIpmi } from '#services/bmc/ipmi/open-ipmi.ts';
import { type RackBmc, rackBmc, USER } from '#test/machines/rack/bmc/rig.ts';
import { QUICK } from '#test/services/bmc/ipmi/quick-limits.ts';

// Client and BMC share no code: each is the other's test. Conformance, maker by maker, is in test/services/bmc/ipmi.

const signal = () => AbortSignal.timeout(20_000);
const clientOf = ({ bmc }: RackBmc, credential: BmcCredential = USER) =>
  openIpmi({ type: 'ipmi', address: bmc.ipmi, credential }, {}, QUICK);
const code = (want: BmcErrorCode) => (error: unknown) => {
  assert.ok(error instanceof BmcError, String(error));
  assert.equal(error.code, want, error.message);
  return true;
};

test('K_g opens a BMC that has one, and the password alone does not', async () => {
  const kg = new TextEncoder().encode('key-of-this-one-here');
  await using at = await rackBmc({ kg });
  await using right = await clientOf(at, { ...USER, kg: Buffer.from(kg).toString('hex') });
  assert.equal((await right.status(signal())).power, 'off');
  await using without = await clientOf(at);
  await assert.rejects(without.status(signal()), code('credential'));
});

for (const quirk of ['no-suite-17', 'hides-cipher-suites', 'offers-suite-0'] as const) {
  test(`a BMC with the quirk ${quirk} is spoken to`, async () => {
    await using at = await rackBmc({ quirks: [quirk] });
    await using client = await clientOf(at);
    assert.equal((await client.status(signal())).power, 'off');
  });
}

test('the boot is the one that was set, by device and mode', async () => {
  await using at = await rackBmc();
  await using client = await clientOf(at);
  const wanted = [
    ['network', 'uefi'],
    ['disk', 'uefi'],
    ['network', 'bios'],
    ['media', 'uefi'],
    ['setup', 'uefi'],
  ] as const;
  for (const [device, mode] of wanted) {
    await client.bootOnce({ device, mode }, signal());
    await client.power('on', signal());
    await at.bmc.board.power.settled();
    await client.power('off', signal());
    await at.bmc.board.power.settled();
  }
  assert.deepEqual(
    at.boots,
    wanted.map((pair) => pair.join(' ')),
  );
});

test('what is typed comes back by the console, and what the machine says comes whole', async () => {
  await using at = await rackBmc();
  await using client = await clientOf(at);
  await client.power('on', signal());
  await at.bmc.board.power.settled();
  const console = await client.console(signal());
  await console.write(new TextEncoder().encode('hello\r'));
  let text = '';
  for await (const bytes of console.output) {
    text += new TextDecoder().decode(bytes);
    if (text.includes('-sh: hello: not found')) break;
  }
  assert.match(text, /^hello\r\n-sh: hello: not found/);
});

for (const [fault, want] of [
  ['hangs', 'unreachable'],
  ['hangs-mid-session', 'timeout'],
  ['unavailable', 'busy'],
  ['must-change-password', 'privilege'],
] as const) {
  test(`a BMC that ${fault} is ${want}, and well again when it is`, async () => {
    await using at = await rackBmc({ faults: [fault] });
    await using client = await clientOf(at);
    await assert.rejects(client.status(signal()), code(want));
    at.bmc.faults.delete(fault);
    await using again = await clientOf(at);
    assert.equal((await again.status(signal())).power, 'off');
  });
}

test('a BMC that begins again has lost the session, and takes a new one', async () => {
  await using at = await rackBmc({ times: { restartMs: 0 } });
  await using client = await clientOf(at);
  assert.equal((await client.status(signal())).power, 'off');
  at.bmc.board.restart();
  assert.equal((await client.status(signal())).power, 'off');
});
