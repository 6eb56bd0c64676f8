import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseSyslog, type SyslogMessage } from '#server/logs/wire/syslog.ts';

const TABLE: readonly (readonly [name: string, line: string, want: SyslogMessage])[] = [
  [
    'RFC 3164 §5.4, example 1',
    "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
    { facility: 4, severity: 2, app: 'su', text: "'su root' failed for lonvick on /dev/pts/8" },
  ],
  [
    'RFC 3164 §5.4, example 2: no priority, no tag',
    'Use the BFG!',
    { facility: 1, severity: 5, app: undefined, text: 'Use the BFG!' },
  ],
  [
    'RFC 5424 §6.5, example 1, with a byte order mark',
    "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed for lonvick",
    { facility: 4, severity: 2, app: 'su', text: "'su root' failed for lonvick" },
  ],
  [
    'RFC 5424 §6.5, example 3: structured data',
    '<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"] \ufeffAn application event log entry...',
    { facility: 20, severity: 5, app: 'evntslog', text: 'An application event log entry...' },
  ],
  [
    'RFC 5424 §6.5, example 4: no text',
    '<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [a@1 b="]\\"]"][c@2 d="2"]',
    { facility: 20, severity: 5, app: 'evntslog', text: '' },
  ],
  [
    'iPXE, which sends no time',
    '<14>ipxe: net0: 52:54:00:00:00:01 using 82540em\n',
    { facility: 1, severity: 6, app: 'ipxe', text: 'net0: 52:54:00:00:00:01 using 82540em' },
  ],
  [
    'iPXE with a host name',
    '<14>node1 ipxe: http://192.168.77.1/boot.ipxe... ok',
    { facility: 1, severity: 6, app: 'ipxe', text: 'http://192.168.77.1/boot.ipxe... ok' },
  ],
  [
    'busybox, which leaves out the host name',
    '<4>Jan  1 00:00:07 kernel: e1000: eth0 NIC Link is Up',
    { facility: 0, severity: 4, app: 'kernel', text: 'e1000: eth0 NIC Link is Up' },
  ],
  [
    'rsyslog with a process number',
    '<30>Oct 11 22:14:15 node1 systemd[1]: Started sshd.',
    { facility: 3, severity: 6, app: 'systemd', text: 'Started sshd.' },
  ],
  [
    'a device with an ISO time in the old form',
    '<13>2024-01-02T03:04:05.123456+01:00 node1 app: hello',
    { facility: 1, severity: 5, app: 'app', text: 'hello' },
  ],
  ['a priority out of range', '<999>x: y', { facility: 1, severity: 5, app: 'x', text: 'y' }],
  [
    'structured data without an end is text',
    '<34>1 - - - - - [broken',
    { facility: 4, severity: 2, app: undefined, text: '1 - - - - - [broken' },
  ],
  ['nothing', '', { facility: 1, severity: 5, app: undefined, text: '' }],
  ['zeros at the end', '<7>k: x\0\0\n', { facility: 0, severity: 7, app: 'k', text: 'x' }],
];

describe('a syslog message', () => {
  for (const [name, line, want] of TABLE) {
    it(name, () => {
      assert.deepEqual(parseSyslog(line), want);
    });
  }

  it('is never more text than came, whatever came', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.stringMatching(/^<\d{0,4}>1? ?[-[\]"\\ a-zA-Z0-9:.]{0,80}$/),
    );
    fc.assert(
      fc.property(hostile, (line) => {
        const { severity, facility, text, app = '' } = parseSyslog(line);
        assert.ok(severity >= 0 && severity <= 7 && facility >= 0 && facility <= 23);
        assert.ok(line.includes(text) && line.includes(app));
      }),
      { numRuns: 3000 },
    );
  });

  it('of many brackets costs little', () => {
    for (const line of [
      '<1>1 a b c d e '.concat('['.repeat(8000)),
      '<1>1 a b c d e '.concat('[]'.repeat(4000)),
      ' '.repeat(8000),
      'a'.repeat(8000),
    ]) {
      assert.ok(parseSyslog(line));
    }
  });
});
