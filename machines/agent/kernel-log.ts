import { type KernelLine, readKernelRecord } from './decide/kernel-log.ts';
import type { Host } from './host.ts';
import { type Journal, openJournal } from './journal.ts';

/** A boot of a large server writes some 3000 lines. */
const LINES = 16_384;

/** The kernel's log, read once for all who want it. It ends, and `run` with it, when the signal aborts. */
export type KernelLog = { readonly journal: Journal<KernelLine>; run(signal: AbortSignal): Promise<void> };

export function openKernelLog(parts: { readonly host: Host }): KernelLog {
  const journal = openJournal<KernelLine>(LINES);
  return {
    journal,
    async run(signal) {
      for await (const record of parts.host.kernelLog(signal)) {
        const line = readKernelRecord(record);
        if (line) journal.push(line);
      }
    },
  };
}
