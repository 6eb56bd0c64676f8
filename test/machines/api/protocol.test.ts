import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { eventId } from '#machines/api/event-id.ts';
import { labelledKey, readableKey } from '#machines/api/key-label.ts';
import { eventKind, eventTypeUrl } from '#machines/api/messages/streams.ts';
import { mayCall } from '#machines/api/roles.ts';
import { loadMachineApi } from '#services/machine-api/definition.ts';

const definition = loadMachineApi();

/** Bytes written down by hand after the field numbers of the protocol. */
const GOLDEN: readonly (readonly [name: string, message: object, hex: string])[] = [
  ['machine.RebootRequest', { mode: 'FORCE' }, '0802'],
  ['machine.ShutdownRequest', { force: true }, '0801'],
  ['machine.DmesgRequest', { follow: true, tail: true }, '08011001'],
  [
    'machine.LogsRequest',
    { namespace: 'system', id: 'x', follow: true, tail_lines: -1 },
    '0a0673797374656d120178200128ffffffffffffffffff01',
  ],
  ['machine.ApplyConfigurationRequest', { data: Buffer.from('a'), mode: 'NO_REBOOT', dry_run: true }, '0a016120022801'],
  [
    'machine.ResetRequest',
    {
      graceful: true,
      reboot: true,
      system_partitions_to_wipe: [{ label: 'STATE', wipe: true }],
      user_disks_to_wipe: ['/dev/sdb'],
      mode: 'USER_DISKS',
    },
    '080110011a090a055354415445100122082f6465762f7364622802',
  ],
  [
    'storage.BlockDeviceWipeRequest',
    { devices: [{ device: 'sda', method: 'ZEROES', skip_volume_check: true, drop_partition: true }] },
    '0a0b0a03736461100118012001',
  ],
  [
    'machine.LifecycleServiceInstallRequest',
    {
      containerd: { namespace: 'NS_SYSTEM' },
      source: { image_name: 'i' },
      destination: { disk: '/dev/sda' },
    },
    '0a02100112030a01691a0a0a082f6465762f736461',
  ],
  [
    'machine.SequenceEvent',
    { sequence: 'boot', action: 'STOP', error: { code: 'LOCKED', message: 'm' } },
    '0a04626f6f7410021a05080112016d',
  ],
  ['machine.MachineStatusEvent', { stage: 'REBOOTING', status: { ready: true } }, '080512020801'],
  [
    'machine.Event',
    { data: { type_url: 'u', value: Buffer.from([1]) }, id: 'i', actor_id: 'a' },
    '12060a01751201011a0169220161',
  ],
  [
    'cosi.resource.WatchRequest',
    { namespace: 'n', type: 't', id: 'i', options: { bootstrap_contents: true }, api_version: 1 },
    '0a016e1201741a0169220208012801',
  ],
  ['cosi.resource.LabelTerm', { key: 'k', op: 'EQUAL', value: ['v'], invert: true }, '0a016b10011a01762801'],
  ['common.Metadata', { hostname: 'h', error: 'e', status: { code: 14, message: 'm' } }, '0a01681201651a05080e12016d'],
  ['machine.MemInfo', { directmap1g: 1, hardwarecorrupted: 2 }, '980202800301'],
];

describe('the protocol', () => {
  for (const [name, message, hex] of GOLDEN) {
    it(`writes and reads ${name} as its numbers say`, () => {
      const codec = definition.message(name);
      assert.equal(codec.serialize(message).toString('hex'), hex);
      assert.partialDeepStrictEqual(codec.deserialize(Buffer.from(hex, 'hex')), plain(message));
    });
  }

  it('never fails on bytes in another way than by an exception of its own', () => {
    const { responseDeserialize } = definition.methods.get('/machine.MachineService/ServiceList') ?? assert.fail();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          responseDeserialize(Buffer.from(bytes));
        } catch (cause) {
          assert.ok(cause instanceof Error);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('knows an event by its name behind either prefix', () => {
    assert.equal(eventKind('talos/runtime/machine.TaskEvent'), 'machine.TaskEvent');
    assert.equal(eventKind('type.googleapis.com/machine.TaskEvent'), 'machine.TaskEvent');
    assert.equal(eventKind('talos/runtime/machine.FutureEvent'), undefined);
    assert.equal(eventTypeUrl('machine.TaskEvent'), 'talos/runtime/machine.TaskEvent');
  });

  it('gives events ids of 20 characters that sort by time and count', () => {
    const origin = Uint8Array.of(0x60, 0xf4, 0x86, 0xe4, 0x28);
    // The example in the documentation of xid.
    const atMs = 0x4d88e15b * 1000;
    assert.equal(eventId({ atMs, origin, counter: 0x412dc9 }), '9m4e2mr0ui3e8a215n4g');
    assert.ok(eventId({ atMs, origin, counter: 1 }) < eventId({ atMs, origin, counter: 2 }));
    assert.ok(eventId({ atMs, origin, counter: 9 }) < eventId({ atMs: atMs + 1000, origin, counter: 0 }));
  });

  it('lets administrators call what is unlisted, and nobody else', () => {
    assert.ok(mayCall('/machine.MachineService/Future', ['os:admin']));
    assert.ok(!mayCall('/machine.MachineService/Future', ['os:operator', 'os:reader']));
    assert.ok(!mayCall('/machine.MachineService/Version', ['admin', 'os:root']));
  });

  it('writes and reads the label of a key as the stock tools do', () => {
    const pem = '-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n';
    assert.equal(labelledKey(pem), '-----BEGIN ED25519 PRIVATE KEY-----\nAA==\n-----END ED25519 PRIVATE KEY-----\n');
    assert.equal(readableKey(labelledKey(pem)), pem);
  });
});

/** With 64-bit numbers as the text that they are read as. */
function plain(message: object): object {
  return 'directmap1g' in message ? { directmap1g: '1', hardwarecorrupted: '2' } : message;
}
