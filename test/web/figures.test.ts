import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attempt } from '#machines/contract/api/trace-resource.ts';
import type { VerdictCode } from '#machines/contract/trace.ts';
import { parseIpv4Range } from '#machines/values/cidr.ts';
import { parseIpAddress } from '#machines/values/ip-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { bootsOverTime, failuresByCause } from '../../web/charts/boots.ts';
import { joined } from '../../web/charts/joined.ts';
import { ago, bytes, duration } from '../../web/look/format.ts';
import { poolUse } from '../../web/network/pool-use.ts';

const NOW = Date.UTC(2026, 10, 28, 12, 0, 30);

const boot = (minutesAgo: number, code: VerdictCode) =>
  attempt.parse({
    id: `${minutesAgo} ${code}`,
    site: 'default',
    startedAt: NOW - minutesAgo * 60_000,
    lastAt: NOW,
    stage: 'dhcp',
    verdict: { code, stage: 'dhcp', cause: '', next: '' },
    events: 1,
  });

describe('figures', () => {
  it('are kept for a day, each moment once, however they come', () => {
    const reading = (at: number) => ({ at, seconds: 10, dhcpPerSecond: 0, bytesPerSecond: 0, residentBytes: 0 });
    const day = 86_400_000;
    const known = joined([], [reading(NOW), reading(NOW + 10)]);
    const more = joined(known, [reading(NOW + 10), reading(NOW + 20)]);
    assert.deepEqual(
      more.map(({ at }) => at - NOW),
      [0, 10, 20],
    );
    assert.deepEqual(
      joined(more, [reading(NOW + day + 15)]).map(({ at }) => at - NOW),
      [20, day + 15],
    );
  });

  it('of boots fall into steps as fine as all of them allow', () => {
    const near = bootsOverTime([boot(0, 'booted'), boot(3, 'no-tftp'), boot(3, 'in-progress')], NOW);
    assert.deepEqual([near.length, (near[1]?.at ?? 0) - (near[0]?.at ?? 0)], [24, 60_000]);
    assert.deepEqual(near.at(-1), { at: NOW - 30_000, booted: 1, failed: 0, open: 0 });
    assert.deepEqual(near.at(-4), { at: NOW - 30_000 - 180_000, booted: 0, failed: 1, open: 1 });
    const far = bootsOverTime([boot(0, 'booted'), boot(60 * 20, 'booted')], NOW);
    assert.equal((far[1]?.at ?? 0) - (far[0]?.at ?? 0), 3_600_000);
    assert.equal(
      far.reduce((sum, { booted }) => sum + booted, 0),
      2,
    );
  });

  it('of failures count each cause, the most frequent first', () => {
    const boots = [
      boot(1, 'no-tftp'),
      boot(2, 'booted'),
      boot(3, 'boot-loop'),
      boot(4, 'no-tftp'),
      boot(5, 'in-progress'),
    ];
    assert.deepEqual(failuresByCause(boots), [
      { code: 'no-tftp', count: 2 },
      { code: 'boot-loop', count: 1 },
    ]);
  });

  it('of pools count what is held within them', () => {
    const pools = ['10.0.0.10-10.0.0.19', '10.0.1.0-10.0.1.255'].map((text) => sure(parseIpv4Range(text)));
    const leases = ['10.0.0.10', '10.0.1.255', '10.0.0.9', 'fd00::1'].map((text) => ({
      address: sure(parseIpAddress(text)),
    }));
    assert.deepEqual(poolUse(pools, leases), { size: 266, used: 2 });
  });

  it('are told in few words', () => {
    assert.deepEqual([12, 4200, 61_000, 300_000, 7_500_000, 43_199_000, 400_000_000].map(duration), [
      '12 ms',
      '4.2 s',
      '61 s',
      '5 min',
      '2 h 5 min',
      '12 h 0 min',
      '5 days',
    ]);
    assert.deepEqual([0, 1023, 1536, 8 << 20, 3 * 2 ** 40].map(bytes), ['0 B', '1023 B', '1.5 KiB', '8 MiB', '3 TiB']);
    assert.deepEqual(
      [ago(NOW - 1000, NOW), ago(NOW - 90_000, NOW), ago(NOW + 60_000, NOW)],
      ['just now', '90 s ago', 'in 60 s'],
    );
  });
});
