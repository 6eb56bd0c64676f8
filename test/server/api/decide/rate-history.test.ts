import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countedIn, FINE_MS, rateHistory } from '#server/api/decide/rate-history.ts';

const START = Date.UTC(2026, 10, 28);
const counted = (at: number, dhcpPackets: number, more = {}) => ({
  at,
  dhcpPackets,
  bytes: 0,
  bmcAnswers: 0,
  bmcSeconds: 0,
  residentBytes: 1e8,
  ...more,
});

describe('the history of rates', () => {
  it('begins with the second reading, and tells those after a moment', () => {
    const history = rateHistory();
    history.add(counted(START, 100));
    assert.deepEqual(history.readings(0), []);
    history.add(counted(START + FINE_MS, 150, { bytes: 20_480, bmcAnswers: 2, bmcSeconds: 0.3 }));
    const [one, ...others] = history.readings(0);
    assert.deepEqual(others, []);
    assert.deepEqual(one, {
      at: START + FINE_MS,
      seconds: 10,
      dhcpPerSecond: 5,
      bytesPerSecond: 2048,
      bmcMs: 150,
      residentBytes: 1e8,
    });
    assert.deepEqual(history.readings(START + FINE_MS), []);
  });

  it('is fine for a quarter of an hour, a minute each for a day, and no longer', () => {
    const history = rateHistory();
    const steps = (25 * 3600 * 1000) / FINE_MS;
    for (let step = 0; step <= steps; step += 1) history.add(counted(START + step * FINE_MS, step * 10));
    const all = history.readings(0);
    const end = START + steps * FINE_MS;
    assert.equal(all.at(-1)?.at, end);
    assert.equal(all.filter(({ seconds }) => seconds === 10).length, 90);
    const coarse = all.filter(({ seconds }) => seconds === 60);
    assert.ok(coarse.length > 1420 && coarse.length <= 1440, `${coarse.length} minutes`);
    assert.ok((all[0]?.at ?? 0) >= end - 24 * 3600 * 1000);
    assert.ok(all.every(({ dhcpPerSecond }) => dhcpPerSecond === 1));
    assert.ok(all.every(({ at }, index) => index === 0 || at > (all[index - 1]?.at ?? 0)));
  });

  it('is never negative: a part may count anew, and a clock may go back', () => {
    const history = rateHistory();
    history.add(counted(START, 1000));
    history.add(counted(START + FINE_MS, 30));
    assert.equal(history.readings(0)[0]?.dhcpPerSecond, 3);
    history.add(counted(START, 60));
    assert.equal(history.readings(0).length, 1);
  });

  it('counts by the names of /metrics, whatever their labels', () => {
    const metric = (name: string, ...values: readonly number[]) => ({
      name,
      help: '',
      type: 'counter' as const,
      samples: values.map((value, index) => ({ labels: { type: String(index) }, value })),
    });
    const read = countedIn(
      [
        metric('ingot_dhcp4_received_total', 3, 4),
        metric('ingot_tftp_sent_bytes_total', 5),
        metric('ingot_boot_http_sent_bytes_total', 6, 1),
        metric('ingot_bmc_polls_answer_seconds_total', 1.5),
        metric('other_total', 99),
      ],
      START,
      7,
    );
    assert.deepEqual(read, { ...counted(START, 7), bytes: 12, bmcSeconds: 1.5, residentBytes: 7 });
  });
});
