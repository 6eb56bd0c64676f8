import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { decodeDhcp4, type Dhcp4Message, encodeDhcp4 } from '#server/dhcp4/wire/message.ts';
import { getOption } from '#server/dhcp4/wire/options.ts';
import { describeDhcp4, summarizeDhcp4 } from '#server/dhcp4/wire/summary.ts';
import { decoded, messageOf, optionBytes } from './datagram.ts';

const GOLDEN = new URL('../../../golden/dhcp4/', import.meta.url);
const CAPTURES = readdirSync(GOLDEN)
  .filter((file) => file.endsWith('.bin'))
  .map((file) => file.slice(0, -'.bin'.length));

const capture = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`${name}.bin`, GOLDEN)));

function goldenText(name: string): string {
  const { message, notes } = decoded(capture(name));
  const lines = notes.map((note) => `note: ${note}\n`);
  return `${summarizeDhcp4(message)}\n\n${describeDhcp4(message)}${lines.join('')}`;
}

const fields = (message: Dhcp4Message) => ({ ...message, chaddr: [...message.chaddr], options: optionBytes(message) });

test('captures of firmware, of three clients, a relay and a server are there', () => {
  const makers = new Set(CAPTURES.map((name) => name.split('-')[0]));
  for (const maker of ['dhclient', 'dhcpcd', 'dhcrelay', 'dnsmasq', 'ipxe', 'ovmf', 'udhcpc']) {
    assert.ok(makers.has(maker), maker);
  }
});

for (const name of CAPTURES) {
  test(`${name} decodes to its checked-in text`, () => {
    const file = new URL(`${name}.txt`, GOLDEN);
    if (process.env['GOLDEN_UPDATE'] === '1') writeFileSync(file, goldenText(name));
    assert.equal(goldenText(name), readFileSync(file, 'utf8'));
  });

  test(`${name} says the same after it was encoded again`, () => {
    const message = messageOf(capture(name));
    assert.deepEqual(fields(messageOf(encodeDhcp4(message))), fields(message));
  });

  test(`${name} cut anywhere is malformed or a message with fewer options, never a crash`, () => {
    const whole = capture(name);
    const options = optionBytes(messageOf(whole));
    for (let length = 0; length < whole.length; length++) {
      const result = decodeDhcp4(whole.subarray(0, length));
      assert.equal(result.kind, length < 240 ? 'malformed' : 'message');
      if (result.kind === 'malformed') continue;
      for (const [code, bytes] of Object.entries(optionBytes(result.message))) {
        assert.deepEqual(bytes, options[Number(code)], `option ${code} at length ${length}`);
      }
    }
  });
}

test('a Buffer from a socket decodes to the same as plain bytes, and to no Buffers', () => {
  const bytes = capture('ipxe-discover');
  const message = messageOf(Buffer.from(bytes));
  assert.deepEqual(fields(message), fields(messageOf(bytes)));
  assert.equal(message.chaddr.constructor, Uint8Array);
  assert.equal(getOption(message.options, 'clientId')?.constructor, Uint8Array);
});
