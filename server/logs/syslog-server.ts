import type { Logger } from 'pino';
import type { Recorder } from '#services/trace/contract.ts';
import type { Listen } from '../config/config.ts';
import type { Task } from '../task.ts';
import type { LogLimits } from './limits.ts';
import { logReceiver } from './log-receiver.ts';
import { parseSyslog } from './wire/syslog.ts';

export type LogServerParts = {
  readonly listen: Listen;
  readonly recorder: Pick<Recorder, 'record'>;
  readonly clock: { now(): number };
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn'>;
  readonly limits?: Partial<LogLimits>;
};

const WARNING = 4;

/** What was refused is told in the trace itself, so that nobody looks for lines that were never there. */
export const missedText = (count: number): string => `${count} log lines came too fast and were dropped`;

/**
 * Syslog of booting machines, over UDP and TCP: RFC 3164, RFC 5424, framed by RFC 6587. A line belongs to the machine
 * that has the address it came from; other lines are thrown away.
 */
export function syslogServer({ recorder, ...parts }: LogServerParts): Task<Listen> {
  return logReceiver({
    ...parts,
    name: 'syslog',
    framing: 'syslog',
    received(address, line) {
      const { severity, app, text } = parseSyslog(line);
      const isIpxe = app?.toLowerCase() === 'ipxe';
      const named = app === undefined || isIpxe ? text : `${app}: ${text}`;
      recorder.record({ address }, { kind: 'log', source: isIpxe ? 'ipxe' : 'syslog', severity, text: named });
    },
    missed(address, count) {
      recorder.record({ address }, { kind: 'log', source: 'syslog', severity: WARNING, text: missedText(count) });
    },
  });
}
