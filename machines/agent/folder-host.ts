import { randomBytes } from 'node:crypto';
import type { Host, HostAddress, ToolResult } from './host.ts';
import type { Journal } from './journal.ts';

/**
 * A simulated machine in a folder, under which its `/proc`, `/sys` and `/etc` stand. Nothing outside of the folder is
 * changed, and no program is run.
 */
export function folderHost(parts: {
  readonly root: string;
  readonly addresses: () => readonly HostAddress[];
  /** Records of `/dev/kmsg`. */
  readonly kernel: Journal<string>;
  /** When it was powered on, by `performance.now()`. */
  readonly poweredOnAt: number;
  readonly restart: (how: 'reboot' | 'shutdown') => Promise<void>;
  /** Answers for its tools; it has none where left out. */
  readonly run?: (tool: string, args: readonly string[]) => Promise<ToolResult>;
}): Host {
  let offsetMs = 0;
  let name = '(none)';
  return {
    root: parts.root,
    now: () => Date.now() + offsetMs,
    uptimeMs: () => performance.now() - parts.poweredOnAt,
    randomBytes,
    async setClock(ms) {
      offsetMs = ms - Date.now();
    },
    run:
      parts.run ??
      (async (tool) => ({ status: 127, stdout: '', stderr: `${tool}: a simulated machine has no such program` })),
    addresses: parts.addresses,
    hostname: () => name,
    async setHostname(wanted) {
      name = wanted;
    },
    kernelLog: (signal) => parts.kernel.follow(0, signal),
    space: async () => undefined,
    restart: parts.restart,
  };
}
