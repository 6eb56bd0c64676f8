import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseIpv4 } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { readPxeOptions, showPxeOptions, writePxeOptions } from '#server/dhcp4/wire/pxe-options.ts';
import { text } from './datagram.ts';

const server = sure(parseIpv4('192.168.77.1'));

describe('option 43 of PXE', () => {
  test('in its usual form says: no discovery, load the boot file', () => {
    assert.deepEqual([...writePxeOptions({ discoveryControl: 8 })], [6, 1, 8, 255]);
    assert.equal(readPxeOptions(Uint8Array.of(6, 1, 8, 255)).discoveryControl, 8);
  });

  test('for a Raspberry Pi is byte for byte what its ROM looks for', () => {
    const bytes = writePxeOptions({
      discoveryControl: 3,
      prompt: { timeoutSeconds: 0, text: 'PXE' },
      bootMenu: [{ type: 0, text: 'Raspberry Pi Boot' }],
    });
    const wanted = [6, 1, 3, 10, 4, 0, ...text('PXE'), 9, 20, 0, 0, 17, ...text('Raspberry Pi Boot'), 255];
    assert.deepEqual([...bytes], wanted);
  });

  test('with everything in it is read back', () => {
    const options = {
      discoveryControl: 7,
      bootServers: [
        { type: 1, ips: [server, server] },
        { type: 0x8001, ips: [] },
      ],
      prompt: { timeoutSeconds: 255, text: 'Press F8' },
      bootMenu: [
        { type: 0, text: 'Local boot' },
        { type: 1, text: '' },
      ],
      bootItem: { type: 1, layer: 0x8000 },
      others: [{ code: 69, bytes: Uint8Array.of(1, 2, 3) }],
    };
    assert.deepEqual(readPxeOptions(writePxeOptions(options)), options);
    assert.equal(
      showPxeOptions(options),
      'discovery control 7; boot server 1 at 192.168.77.1, 192.168.77.1; boot server 32769 at ; ' +
        'prompt "Press F8" for 255 s; menu item 0 "Local boot"; menu item 1 ""; boot item 1 layer 32768; 69=[01 02 03]',
    );
  });

  test('skips pads, stops at END, and stops at a length that passes the end', () => {
    const { discoveryControl, others } = readPxeOptions(Uint8Array.of(0, 6, 1, 8, 0, 80, 1, 5, 255, 1, 6));
    assert.equal(discoveryControl, 8);
    assert.deepEqual(others, [{ code: 80, bytes: Uint8Array.of(5) }]);
    assert.deepEqual(readPxeOptions(Uint8Array.of(6, 1, 8, 80, 9, 1)).others, []);
  });

  test('keeps the rest when one sub-option is broken', () => {
    const broken = [8, 4, 0, 1, 2, 10, 9, 4, 0, 0, 9, 0x61, 71, 5, 0, 1, 0, 1, 9, 10, 0];
    const options = readPxeOptions(Uint8Array.from([...broken, 6, 1, 8, 255]));
    assert.deepEqual(options, {
      discoveryControl: 8,
      bootServers: undefined,
      prompt: undefined,
      bootMenu: undefined,
      bootItem: undefined,
      others: [],
    });
  });

  test('throws for a menu that passes 255 bytes, which no ROM could read', () => {
    const bootMenu = Array.from({ length: 20 }, () => ({ type: 1, text: 'a long description' }));
    assert.throws(() => writePxeOptions({ bootMenu }), RangeError);
  });
});
