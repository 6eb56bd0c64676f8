import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Attempt, TraceEvent } from '#machines/contract/trace.ts';
import { eventLine, traceText } from '#machines/decide/trace-text.ts';
import { verdictOf } from '#machines/decide/verdict.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import { ADDRESS, ATTEMPT, atSecond, discover, dora, EPOCH, eventsOf, HEALTHY, UEFI, UEFI_LOADER } from './boots.ts';

function attempt(events: readonly TraceEvent[], now: number): Attempt {
  const verdict = verdictOf(events, now);
  return {
    id: ATTEMPT,
    machine: 'r1-u12',
    mac: '52:54:00:00:00:01' as MacAddress,
    address: ADDRESS,
    site: 'default',
    startedAt: EPOCH,
    lastAt: events.at(-1)?.at ?? EPOCH,
    stage: verdict.stage,
    verdict,
    events: events.length,
  };
}

describe('a trace on a terminal', () => {
  it('has the verdict first, and then what happened when', () => {
    const events = eventsOf(dora(0, UEFI, UEFI_LOADER));
    assert.equal(
      traceText(attempt(events, atSecond(30)), events),
      [
        'r1-u12 (52:54:00:00:00:01, 192.168.77.101), attempt AAAAAAAAAAAAAAAAAAAAAA',
        'began 2025-06-15T15:06:40.000Z, in progress',
        'no-tftp (came as far as dhcp)',
        '  It got 192.168.77.101 and the boot file "ipxe/x86_64/snponly.efi" from 192.168.77.1, but no TFTP request arrived within 20 seconds.',
        '  Next: Open UDP port 69 from the machine’s network to 192.168.77.1 (firewall, router ACL), and check that a machine there can reach 192.168.77.1. The screen shows PXE-E32 or PXE-E11.',
        '',
        '   +0.00s  DHCP   DISCOVER from UEFI x86_64 (PXE), on eth1, xid 00000c28',
        '   +0.00s  DHCP   OFFER 192.168.77.101, boot file ipxe/x86_64/snponly.efi by 192.168.77.1 to 255.255.255.255:68: profile rescue: machine r1-u12 names it',
        '   +4.00s  DHCP   REQUEST from UEFI x86_64 (PXE), wants 192.168.77.101, of server 192.168.77.1, on eth1, xid 00000c28',
        '   +4.00s  DHCP   ACK 192.168.77.101, boot file ipxe/x86_64/snponly.efi by 192.168.77.1 to 255.255.255.255:68: profile rescue: machine r1-u12 names it',
      ].join('\n'),
    );
  });

  it('has one line for each event of every boot', () => {
    for (const steps of Object.values(HEALTHY)) {
      const events = eventsOf(steps);
      assert.equal(traceText(attempt(events, atSecond(9999)), events).split('\n').length, 6 + events.length);
    }
  });

  it('shows what clients claim, and lets none of it do anything', () => {
    const hostile = fc.string({ unit: 'binary', maxLength: 60 });
    fc.assert(
      fc.property(hostile, (claim) => {
        const events: readonly TraceEvent[] = [
          { seq: 1, at: EPOCH, ...discover({ ...UEFI, kind: 'os', vendorClass: claim }) },
          { seq: 2, at: EPOCH, kind: 'tftp-asked', file: claim, options: claim },
          { seq: 3, at: EPOCH, kind: 'log', source: 'syslog', severity: 3, text: claim },
          {
            seq: 4,
            at: EPOCH,
            kind: 'http-sent',
            method: 'GET',
            path: claim,
            role: 'other',
            status: 200,
            bytes: 1,
            size: 1,
            ms: 1,
            userAgent: claim,
          },
          { seq: 5, at: EPOCH, kind: 'os-dhcp', vendorClass: claim, hostname: claim },
        ];
        const text = traceText(attempt(events, EPOCH), events);
        assert.equal(text.split('\n').length, 6 + events.length);
        assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{C}\u2028\u2029]/u);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps what a claim says readable', () => {
    const event: TraceEvent = {
      seq: 1,
      at: EPOCH + 1234,
      kind: 'log',
      source: 'json',
      severity: 4,
      text: 'a\u001b[31mb',
    };
    assert.equal(eventLine(event, EPOCH), '   +1.23s  log    warning by json: a\\u001b[31mb');
  });
});
