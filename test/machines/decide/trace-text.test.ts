import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { TraceEvent } from '#machines/contract/trace.ts';
import { eventLine } from '#machines/decide/trace-text.ts';
import { discover, dora, EPOCH, eventsOf, HEALTHY, UEFI, UEFI_LOADER } from './boots.ts';

const textOf = (events: readonly TraceEvent[]): readonly string[] =>
  events.map((event) => {
    const { offset, protocol, text } = eventLine(event, EPOCH);
    return `${offset}  ${protocol} ${text}`;
  });

describe('a trace on a terminal', () => {
  it('tells what happened when', () => {
    assert.deepEqual(textOf(eventsOf(dora(0, UEFI, UEFI_LOADER))), [
      '   +0.00s  DHCP   DISCOVER from UEFI x86_64 (PXE), on eth1, xid 00000c28',
      '   +0.00s  DHCP   OFFER 192.168.77.101, boot file ipxe/x86_64/snponly.efi by 192.168.77.1 to 255.255.255.255:68: profile rescue: machine r1-u12 names it',
      '   +4.00s  DHCP   REQUEST from UEFI x86_64 (PXE), wants 192.168.77.101, of server 192.168.77.1, on eth1, xid 00000c28',
      '   +4.00s  DHCP   ACK 192.168.77.101, boot file ipxe/x86_64/snponly.efi by 192.168.77.1 to 255.255.255.255:68: profile rescue: machine r1-u12 names it',
    ]);
  });

  it('finds no trouble in any healthy boot', () => {
    for (const steps of Object.values(HEALTHY)) {
      assert.deepEqual(
        eventsOf(steps).filter((event) => eventLine(event, EPOCH).trouble),
        [],
      );
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
        for (const text of textOf(events)) assert.doesNotMatch(text, /[\p{C}\u2028\u2029]/u);
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
    assert.deepEqual(textOf([event]), ['   +1.23s  log    warning by json: a\\u001b[31mb']);
  });
});
