import type { Operations } from '../disks/operations.ts';
import type { Events } from '../events.ts';
import type { Hardware } from '../hardware.ts';
import type { HardwareReader } from '../hardware-reader.ts';
import type { Host } from '../host.ts';
import type { KernelLog } from '../kernel-log.ts';
import type { AgentLog } from '../log.ts';
import type { Resources } from '../resources.ts';
import type { Restarts } from '../restarts.ts';
import type { StreamHandlers, UnaryHandlers } from './call.ts';
import { logHandlers } from './log-handlers.ts';
import { machineHandlers } from './machine-handlers.ts';
import { operationHandlers } from './operation-handlers.ts';
import { resourceHandlers } from './resource-handlers.ts';
import { storageHandlers } from './storage-handlers.ts';

/** All that the agent answers. What it does not is told to be not implemented, as Talos' own agent mode does. */
export function agentHandlers(parts: {
  readonly host: Host;
  readonly kernel: KernelLog;
  readonly log: AgentLog;
  readonly events: Events;
  readonly restarts: Restarts;
  readonly hardware: Hardware;
  readonly resources: Resources;
  readonly operations: Operations;
  readonly reader: HardwareReader;
}): { readonly unary: UnaryHandlers; readonly streams: StreamHandlers } {
  const state = resourceHandlers(parts);
  const work = operationHandlers({ ...parts, hardware: parts.reader });
  return {
    unary: { ...machineHandlers(parts), ...storageHandlers(parts), ...state.unary, ...work.unary },
    streams: { ...logHandlers(parts), ...state.streams, ...work.streams },
  };
}
