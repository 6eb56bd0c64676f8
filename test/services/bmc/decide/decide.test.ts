import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { machineDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';
import { parseUuid, uuidByteSwapped } from '#machines/values/uuid.ts';
import { sure } from '#machines/values/parsed.ts';
import { backoffMs } from '#services/bmc/decide/backoff.ts';
import { admit, afterFailure, CLOSED, type Circuit, FAILURES_TO_OPEN } from '#services/bmc/decide/circuit.ts';
import { meansOf } from '#services/bmc/decide/means.ts';
import { makePassword } from '#services/bmc/decide/password.ts';
import { phaseMs } from '#services/bmc/decide/phases.ts';
import { likenesses, proofOf } from '#services/bmc/decide/proof.ts';
import { learnedByModel, learnedFor } from '#services/bmc/decide/quirks.ts';
import type { BmcRecord } from '#services/store/contract.ts';

const UUID = '12345678-1234-5678-9abc-def012345678';
const OTHER = '22345678-1234-5678-9abc-def012345678';
const ZEROS = '00000000-0000-0000-0000-000000000000';

function machine(
  name: string,
  more: { macs?: string[]; serial?: string },
  seen: { uuids?: string[]; serials?: string[] } = {},
): Machine {
  return {
    document: machineDocument.parse({ kind: 'Machine', name, ...more }),
    acceptance: 'accepted',
    service: 'none',
    locked: false,
    identifiers: {
      macs: [],
      uuids: (seen.uuids ?? []).map((one) => sure(parseUuid(one))),
      serials: seen.serials ?? [],
    },
    facts: {},
    rev: 1,
  };
}

describe('whose BMC is it', () => {
  const swapped = uuidByteSwapped(sure(parseUuid(UUID)));
  const table: readonly [name: string, Parameters<typeof proofOf>[0], Machine, want: string][] = [
    ['the same UUID proves it', { macs: [], uuid: UUID }, machine('a', {}, { uuids: [UUID] }), 'proven'],
    ['in the other byte order as well', { macs: [], uuid: swapped }, machine('a', {}, { uuids: [UUID] }), 'proven'],
    ['the same serial proves it', { macs: [], serial: 'S1' }, machine('a', {}, { serials: ['s1 '] }), 'proven'],
    [
      'a service tag stands in the SKU',
      { macs: [], serial: 'CN7', sku: 'TAG1' },
      machine('a', { serial: 'TAG1' }),
      'proven',
    ],
    [
      'a placeholder proves nothing',
      { macs: [], uuid: ZEROS, serial: 'Default string' },
      machine('a', {}, { uuids: [ZEROS], serials: ['Default string'] }),
      'unknown',
    ],
    ['another UUID contradicts', { macs: [], uuid: OTHER }, machine('a', {}, { uuids: [UUID] }), 'contradicts'],
    [
      'the serial does not outvote the UUID',
      { macs: [], uuid: OTHER, serial: 'S1' },
      machine('a', {}, { uuids: [UUID], serials: ['S1'] }),
      'contradicts',
    ],
    ['another serial contradicts', { macs: [], serial: 'S2' }, machine('a', {}, { serials: ['S1'] }), 'contradicts'],
    [
      'a board serial beside no UUID of the machine says nothing',
      { macs: [], uuid: UUID, serial: 'BOARD' },
      machine('a', {}, { serials: ['S1'] }),
      'unknown',
    ],
    ['a machine that never booted is unknown', { macs: [], uuid: UUID }, machine('a', {}), 'unknown'],
    [
      'MACs alone prove nothing',
      { macs: ['52:54:00:00:00:01'] },
      machine('a', { macs: ['52:54:00:00:00:01'] }),
      'unknown',
    ],
  ];
  for (const [name, identity, of, want] of table) it(name, () => assert.equal(proofOf(identity, of).kind, want));

  it('names the likeliest machine first', () => {
    const found = likenesses({ macs: ['52:54:00:00:00:01', 'no mac'], uuid: UUID }, [
      machine('by-mac', { macs: ['52:54:00:00:00:01'] }),
      machine('by-uuid', {}, { uuids: [UUID] }),
      machine('stranger', { macs: ['52:54:00:00:00:09'] }),
    ]);
    assert.deepEqual(
      found.map(({ machine, by }) => [machine, by]),
      [
        ['by-uuid', [`UUID ${UUID}`]],
        ['by-mac', ['MAC 52:54:00:00:00:01']],
      ],
    );
  });
});

describe('the circuit of a BMC', () => {
  const fail = (circuit: Circuit, code: 'unreachable' | 'credential' | 'busy', now = 0): Circuit =>
    afterFailure(circuit, { code, because: code }, now, 0);
  it('opens after three silences, for ever longer and never more than a quarter of an hour', () => {
    let circuit = CLOSED;
    const waits: number[] = [];
    for (let failures = 0; failures < 12; failures += 1) {
      circuit = fail(circuit, 'unreachable');
      waits.push(circuit.openUntil);
    }
    assert.deepEqual(waits.slice(0, 5), [0, 0, 30_000, 60_000, 120_000]);
    assert.equal(waits.at(-1), 15 * 60_000);
    assert.equal(admit(circuit, 'poll', 0).kind, 'wait');
    assert.equal(admit(circuit, 'command', 0).kind, 'ask', 'a person may try');
    assert.equal(admit(circuit, 'poll', circuit.openUntil).kind, 'ask');
  });
  it('stops at two refused logins, for people too', () => {
    const circuit = fail(fail(CLOSED, 'credential'), 'credential');
    assert.equal(admit(circuit, 'command', Number.MAX_SAFE_INTEGER).kind, 'locked');
  });
  it('is not opened by a BMC that is busy, which is alive', () => {
    let circuit = CLOSED;
    for (let failures = 0; failures < FAILURES_TO_OPEN + 1; failures += 1) circuit = fail(circuit, 'busy');
    assert.equal(admit(circuit, 'poll', 0).kind, 'ask');
  });
});

describe('what is spread', () => {
  it('backs off twice as long each time, with some of it left to chance', () => {
    const backoff = { baseMs: 1000, capMs: 10_000, jitter: 0.25 };
    assert.deepEqual(
      [1, 2, 3, 4, 5, 60].map((n) => backoffMs(backoff, n, 0)),
      [1000, 2000, 4000, 8000, 10_000, 10_000],
    );
    assert.equal(backoffMs(backoff, 1, 1), 750);
  });
  it('lays a thousand polls evenly over their period', () => {
    const seconds = new Map<number, number>();
    for (let n = 0; n < 1000; n += 1) {
      const second = Math.floor(phaseMs(n, 30_000) / 1000);
      seconds.set(second, (seconds.get(second) ?? 0) + 1);
    }
    assert.equal(seconds.size, 30);
    for (const [second, count] of seconds) assert.ok(count >= 31 && count <= 36, `second ${second}: ${count}`);
  });
});

describe('passwords of BMCs', () => {
  const random = (seed: number): Uint8Array =>
    Buffer.concat(Array.from({ length: 32 }, (_, at) => createHash('sha256').update(`${seed} ${at}`).digest()));
  it('fit IPMI, hold each kind of character, and differ', () => {
    const made = Array.from({ length: 500 }, (_, seed) => makePassword(random(seed)));
    assert.equal(new Set(made).size, 500);
    for (const one of made) assert.match(one, /^(?=.*[a-z])(?=.*[A-Z])(?=.*[2-9])[A-Za-z2-9]{16}$/);
  });
  it('keep to the policy of the board', () => {
    assert.equal(makePassword(random(1), { max: 12 }).length, 12);
    assert.equal(makePassword(random(1), { min: 20 }).length, 20);
    assert.throws(() => makePassword(random(1), { max: 4 }), RangeError);
    assert.throws(() => makePassword(new Uint8Array(8)), RangeError);
  });
});

describe('what BMCs have taught', () => {
  const record = (address: string, seenAt: number, learned: Record<string, string>, bmcVersion = '1.0'): BmcRecord => ({
    address,
    type: 'redfish',
    learned,
    seenAt,
    identity: { macs: [], bmcVendor: 'AMI', product: 'X', bmcVersion },
  });
  const records = [
    record('a', 2, { 'boot.way': 'settings' }),
    record('b', 1, { 'boot.way': 'plain', disk: 'hdd' }),
    record('c', 1, { 'boot.way': 'plain' }, '2.0'),
    { address: 'd', type: 'redfish', learned: { 'boot.way': 'odd' } } as const,
  ];
  it('is kept by model and firmware, the latest word counting', () => {
    assert.deepEqual(learnedByModel(records), [
      { vendor: 'AMI', product: 'X', version: '1.0', learned: { 'boot.way': 'settings', disk: 'hdd' }, seenOn: 2 },
      { vendor: 'AMI', product: 'X', version: '2.0', learned: { 'boot.way': 'plain' }, seenOn: 1 },
    ]);
  });
  it('is where another of the model starts', () => {
    const fresh = record('e', 0, {});
    assert.deepEqual(learnedFor(fresh, [...records, fresh]), { 'boot.way': 'settings', disk: 'hdd' });
    const unknown = { address: 'f', type: 'redfish', learned: {} } as const;
    assert.deepEqual(learnedFor(unknown, [...records, unknown]), {});
  });
});

it('what a BMC lacks falls to the machine API, then to a person, or to nobody', () => {
  const means = meansOf(new Set(['on']), true);
  assert.deepEqual(
    [means.on, means.off, means['boot-once'], means.inventory],
    ['bmc', 'machine-api', 'person', 'nobody'],
  );
  assert.equal(meansOf(new Set(['on']), false).off, 'person');
});
