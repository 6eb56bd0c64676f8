import type { Listen } from '../config/config.ts';
import type { Task } from '../task.ts';
import { logReceiver } from './log-receiver.ts';
import { type LogServerParts, missedText } from './syslog-server.ts';
import { parseJsonLine } from './wire/json-line.ts';

const WARNING = 4;

/**
 * Logs as one JSON object in each line (TCP) or datagram (UDP): what `talos.logging.kernel=` and others send. A line
 * belongs to the machine that has the address it came from.
 */
export function jsonLinesServer({ recorder, ...parts }: LogServerParts): Task<Listen> {
  return logReceiver({
    ...parts,
    name: 'JSON lines',
    framing: 'lines',
    received(address, line) {
      recorder.record({ address }, { kind: 'log', source: 'json', ...parseJsonLine(line) });
    },
    missed(address, count) {
      recorder.record({ address }, { kind: 'log', source: 'json', severity: WARNING, text: missedText(count) });
    },
  });
}
