import { status } from '@grpc/grpc-js';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OperationPhase, OperationState } from '../../api/messages/agent.ts';
import type { Sendable } from '../../api/messages/shape.ts';
import { workOf } from '../decide/asked-work.ts';
import type { Operation, Operations, Phase } from '../disks/operations.ts';
import type { HardwareReader } from '../hardware-reader.ts';
import type { Restarts } from '../restarts.ts';
import { CallRefusal, invalid, notFound, type StreamHandlers, type UnaryHandlers } from './call.ts';

/** Progress comes with every few MiB; a reader wants the newest, and not more often. */
const TELL_MS = 200;

const PHASES: Readonly<Record<Phase, OperationPhase>> = {
  running: 'RUNNING',
  done: 'DONE',
  failed: 'FAILED',
  cancelled: 'CANCELLED',
};

/** The work of jobs, and the hardware as it is now. Who may ask for what stands in machines/api/roles.ts. */
export function operationHandlers(parts: {
  readonly operations: Operations;
  readonly hardware: HardwareReader;
  readonly restarts: Pick<Restarts, 'running'>;
}): { readonly unary: UnaryHandlers; readonly streams: StreamHandlers } {
  const { operations, restarts } = parts;
  const known = (id: string, operation: Operation | undefined): Operation => {
    if (!operation) throw notFound(`no operation ${JSON.stringify(id)} in this boot`);
    return operation;
  };
  return {
    unary: {
      '/ingot.AgentService/Operation': ({ id }) => stateOf(known(id, operations.get(id))),
      '/ingot.AgentService/CancelOperation': ({ id }) => stateOf(known(id, operations.cancel(id))),
      '/ingot.AgentService/Inventory': async () => ({
        json: Buffer.from(JSON.stringify(await parts.hardware.read())),
      }),
    },
    streams: {
      async *'/ingot.AgentService/Operate'(request, { signal }) {
        const asked = workOf(request);
        if (!asked.ok) throw invalid(asked.because);
        if (restarts.running()) throw new CallRefusal(status.FAILED_PRECONDITION, 'the machine is being restarted');
        const begun = operations.begin(request.id, asked.work);
        if (begun === 'busy') {
          const other = operations.running()?.id ?? 'another one';
          throw new CallRefusal(status.FAILED_PRECONDITION, `the operation ${other} is under way`);
        }
        yield* progressOf(operations, begun, signal);
      },
    },
  };
}

/** How it stands now and after each change, until it is over. */
async function* progressOf(
  operations: Operations,
  begun: Operation,
  signal: AbortSignal,
): AsyncGenerator<Sendable<OperationState>> {
  let newest = begun;
  let changed = Promise.withResolvers<void>();
  const wake = () => changed.resolve();
  signal.addEventListener('abort', wake);
  const leave = operations.watch(begun.id, (operation) => {
    newest = operation;
    changed.resolve();
  });
  try {
    // It may have ended before anybody watched.
    newest = operations.get(begun.id) ?? newest;
    for (;;) {
      const told = newest;
      yield stateOf(told);
      if (told.phase !== 'running' || signal.aborted) return;
      if (told === newest) await changed.promise;
      changed = Promise.withResolvers();
      if (newest.phase === 'running') await sleep(TELL_MS, undefined, { signal }).catch(() => {});
    }
  } finally {
    leave();
    signal.removeEventListener('abort', wake);
  }
}

const stateOf = (operation: Operation): Sendable<OperationState> => ({
  id: operation.id,
  phase: PHASES[operation.phase],
  because: operation.because,
  parts: operation.parts.map(({ name, phase, text, progress, result }) => ({
    name,
    phase: PHASES[phase],
    text,
    progress,
    ...(result === undefined ? {} : { result: Buffer.from(JSON.stringify(result)) }),
  })),
});
