import { dmesgLine } from '../decide/kernel-log.ts';
import { firstEvent } from '../decide/event-window.ts';
import type { Events } from '../events.ts';
import type { Host } from '../host.ts';
import type { KernelLog } from '../kernel-log.ts';
import { type AgentLog, logText } from '../log.ts';
import { invalid, notFound, type StreamHandlers } from './call.ts';
import { SERVICE } from './machine-handlers.ts';

/** The kernel's log, the agent's, and events. */
export function logHandlers(parts: {
  readonly host: Host;
  readonly kernel: KernelLog;
  readonly log: AgentLog;
  readonly events: Events;
}): StreamHandlers {
  const { host, kernel, log, events } = parts;
  return {
    async *'/machine.MachineService/Dmesg'({ follow, tail }, { signal }) {
      const { journal } = kernel;
      const bootedAtMs = host.now() - host.uptimeMs();
      const lines = follow ? journal.follow(tail ? journal.end() : 0, signal) : journal.read(0).entries;
      for await (const line of lines) yield { bytes: Buffer.from(dmesgLine(line, bootedAtMs)) };
    },
    async *'/machine.MachineService/Logs'({ id, follow, tail_lines }, { signal }) {
      if (id !== SERVICE) throw notFound(`no log ${JSON.stringify(id)}: there is "${SERVICE}"`);
      const { journal } = log;
      // 0 is what is not said, so all, as every number below it is.
      const from = tail_lines > 0 ? Math.max(0, journal.end() - tail_lines) : 0;
      const lines = follow ? journal.follow(from, signal) : journal.read(from).entries;
      for await (const line of lines) yield { bytes: Buffer.from(`${logText(line)}\n`) };
    },
    async *'/machine.MachineService/Events'(request, { signal }) {
      const { journal } = events;
      const { entries, next } = journal.read(0);
      const first = firstEvent(entries, request, host.now());
      if (!first.ok) throw invalid(first.because);
      yield { data: { type_url: '', value: Buffer.alloc(0) } };
      for await (const event of journal.follow(next - entries.length + first.index, signal)) {
        if (request.with_actor_id === '' || event.message.actor_id === request.with_actor_id) yield event.message;
      }
    },
  };
}
