import { invalid, notFound, type StreamHandlers } from '#machines/agent/api/call.ts';
import { firstEvent } from '#machines/agent/decide/event-window.ts';
import { dmesgLine, readKernelRecord } from '#machines/agent/decide/kernel-log.ts';
import type { Machine } from '../machine.ts';

/** Events, the kernel's log, and the logs of services, which are what became of them. */
export function logHandlers(machine: Machine): StreamHandlers {
  const { events, kernel, services, bootedAtMs } = machine;
  return {
    async *'/machine.MachineService/Events'(request, { signal }) {
      const { journal } = events;
      const { entries, next } = journal.read(0);
      const first = firstEvent(entries, request, machine.now());
      if (!first.ok) throw invalid(first.because);
      yield { data: { type_url: '', value: Buffer.alloc(0) } };
      for await (const event of journal.follow(next - entries.length + first.index, signal)) {
        if (request.with_actor_id === '' || event.message.actor_id === request.with_actor_id) yield event.message;
      }
    },
    async *'/machine.MachineService/Dmesg'({ follow, tail }, { signal }) {
      const records = follow ? kernel.follow(tail ? kernel.end() : 0, signal) : kernel.read(0).entries;
      for await (const record of records) {
        const line = readKernelRecord(record);
        if (line) yield { bytes: Buffer.from(dmesgLine(line, bootedAtMs)) };
      }
    },
    async *'/machine.MachineService/Logs'({ id, tail_lines: tail }) {
      const service = services.get(id);
      if (!service) throw notFound(`log ${JSON.stringify(id)} was not registered`);
      const lines = service.history.map(
        ({ state, message, atMs }) => `${new Date(atMs).toISOString()} ${state}: ${message}`,
      );
      for (const line of tail > 0 ? lines.slice(-tail) : lines) yield { bytes: Buffer.from(`${line}\n`) };
    },
  };
}
