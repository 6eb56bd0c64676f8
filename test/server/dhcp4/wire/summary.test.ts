import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EMPTY_DHCP4 } from '#server/dhcp4/wire/message.ts';
import { makeOptions, withRawOption } from '#server/dhcp4/wire/options.ts';
import { describeDhcp4, summarizeDhcp4 } from '#server/dhcp4/wire/summary.ts';

const HOSTILE = 'a"b\\c\n\u001b[31m\u202eé\ud800 \u{1f4a3}';
const SHOWN = String.raw`"a\"b\\c\x0a\x1b[31m\u{202e}\xe9\u{fffd} \u{1f4a3}"`;

describe('text for people', () => {
  test('escapes whatever could move a terminal, in one line and in many', () => {
    const options = makeOptions({
      messageType: 'DISCOVER',
      vendorClass: HOSTILE,
      userClass: { form: 'list', classes: [HOSTILE] },
      hostName: HOSTILE,
      bootFileName: HOSTILE,
    });
    const message = { ...EMPTY_DHCP4, file: HOSTILE, sname: HOSTILE, options };
    for (const text of [summarizeDhcp4(message), describeDhcp4(message)]) {
      assert.match(text, /^[ -~\n]*$/);
      assert.ok(text.includes(SHOWN), text);
    }
    assert.equal(summarizeDhcp4(message).includes('\n'), false);
  });

  test('cuts a long text and says how long it was', () => {
    const message = { ...EMPTY_DHCP4, options: makeOptions({ vendorClass: 'x'.repeat(1000) }) };
    assert.ok(summarizeDhcp4(message).includes(`"${'x'.repeat(255)}"… (1000 characters)`));
  });

  test('names messages without a type, and with one that is not ours', () => {
    assert.match(summarizeDhcp4(EMPTY_DHCP4), /^BOOTREQUEST /);
    assert.match(summarizeDhcp4({ ...EMPTY_DHCP4, op: 2 }), /^BOOTREPLY /);
    const leaseQuery = { ...EMPTY_DHCP4, options: withRawOption([], 53, Uint8Array.of(10)) };
    assert.match(summarizeDhcp4(leaseQuery), /^message type \[0a\] /);
  });

  test('tells a client that is not on Ethernet by its client id', () => {
    const options = makeOptions({ clientId: Uint8Array.of(0xff, 1, 2) });
    const infiniband = { ...EMPTY_DHCP4, htype: 32, hlen: 0, options };
    assert.match(summarizeDhcp4(infiniband), /htype 32 client id ff 01 02/);
  });

  test('reads option 43 as PXE only under a PXE vendor class', () => {
    const vendorInformation = Uint8Array.of(6, 1, 8, 255);
    const under = (vendorClass: string) =>
      describeDhcp4({ ...EMPTY_DHCP4, options: makeOptions({ vendorInformation, vendorClass }) });
    assert.match(under('PXEClient:Arch:00007'), /43 vendorInformation: discovery control 8\n/);
    assert.match(under('MSFT 5.0'), /43 vendorInformation: 06 01 08 ff\n/);
  });

  test('shows bytes of options that cannot be read', () => {
    const options = [
      ...withRawOption([], 121, Uint8Array.of(77, 1, 2, 3, 4)),
      ...withRawOption([], 51, Uint8Array.of(1)),
    ];
    const text = describeDhcp4({ ...EMPTY_DHCP4, options });
    assert.match(text, /121 classlessRoutes: unreadable \[4d 01 02 03 04\]/);
    assert.match(text, /51 leaseSeconds: wrong size \[01\]/);
  });
});
