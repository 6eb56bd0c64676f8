import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeDhcp4 } from '#server/dhcp4/wire/message.ts';
import {
  getOption,
  makeOptions,
  NO_OPTIONS,
  rawOption,
  withEchoed,
  withRawOption,
} from '#server/dhcp4/wire/options.ts';
import { datagram, END, messageOf, text } from './datagram.ts';

const read = (...bytes: readonly number[]) =>
  getOption(withRawOption(NO_OPTIONS, 82, Uint8Array.from(bytes)), 'relayInformation');

describe('option 82', () => {
  test('tells circuit, device, subnet, subscriber, and how to answer', () => {
    const subs = [
      [1, 2, ...text('p7')],
      [2, 2, ...text('s1')],
      [5, 4, 10, 1, 0, 0],
      [6, 2, ...text('me')],
      [10, 1, 0x80],
      [11, 4, 10, 1, 0, 1],
      [12, 1, 9],
      [19, 0],
      [151, 2, 0, 5],
      [152, 0],
    ];
    const view = read(...subs.flat());
    assert.ok(view);
    const { raw: _, subOptions, ...known } = view;
    assert.deepEqual(known, {
      circuitId: Uint8Array.from(text('p7')),
      remoteId: Uint8Array.from(text('s1')),
      linkSelection: '10.1.0.0',
      subscriberId: Uint8Array.from(text('me')),
      unicast: true,
      serverIdOverride: '10.1.0.1',
      relayId: Uint8Array.of(9),
      sourcePort: true,
      virtualSubnet: Uint8Array.of(0, 5),
      virtualSubnetControl: true,
    });
    assert.equal(subOptions.length, 10);
  });

  test("takes Cisco's 150 for link selection only where 5 is missing", () => {
    assert.equal(read(150, 4, 10, 2, 0, 0)?.linkSelection, '10.2.0.0');
    assert.equal(read(150, 4, 10, 2, 0, 0, 5, 4, 10, 1, 0, 0)?.linkSelection, '10.1.0.0');
  });

  test('reads what comes before a broken sub-option, and not one of the wrong size', () => {
    const view = read(1, 1, 7, 5, 3, 10, 1, 0, 2, 9, 1);
    assert.deepEqual(view?.circuitId, Uint8Array.of(7));
    assert.equal(view?.linkSelection, undefined);
    assert.equal(view?.remoteId, undefined);
  });

  test('knows neither pad nor END: both are codes like any other', () => {
    const view = read(0, 1, 7, 255, 1, 8, 1, 1, 9);
    assert.deepEqual(
      view?.subOptions.map(({ code }) => code),
      [0, 255, 1],
    );
  });

  test('goes back byte for byte and last, whatever is in it', () => {
    const inside = [1, 3, 0, 255, 82, 77, 200, 1];
    const request = messageOf(datagram({ options: [82, inside.length, ...inside, 53, 1, 1, END] }));
    const options = withEchoed(makeOptions({ domainName: 'lab' }), request.options, ['relayInformation']);
    const bytes = encodeDhcp4({ ...request, op: 2, options: [...options, ...makeOptions({ messageType: 'NAK' })] });
    assert.deepEqual(
      [...bytes.subarray(240, 240 + 3 + 5 + 2 + inside.length + 1)],
      [53, 1, 6, 15, 3, ...text('lab'), 82, inside.length, ...inside, END],
    );
  });

  test('longer than 255 bytes goes back whole', () => {
    const long = Uint8Array.from({ length: 400 }, (_, index) => index);
    const options = withEchoed(makeOptions({ messageType: 'ACK' }), withRawOption(NO_OPTIONS, 82, long), [
      'relayInformation',
    ]);
    const bytes = encodeDhcp4({ ...messageOf(datagram({})), options }, { maxBytes: 1472 });
    assert.deepEqual(rawOption(messageOf(bytes).options, 82), long);
  });

  test('is written as the raw bytes given', () => {
    const view = read(1, 1, 7);
    assert.deepEqual(rawOption(makeOptions({ relayInformation: view }), 82), Uint8Array.of(1, 1, 7));
  });
});
