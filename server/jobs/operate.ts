import type { OperateRequest, OperationState } from '#machines/api/messages/agent.ts';
import type { Sendable } from '#machines/api/messages/shape.ts';
import type { StepContext, StepOutcome } from '#services/jobs/contract.ts';
import { MachineApiError } from '#services/machine-api/machine-api-error.ts';
import type { ProvenAgent } from './agent-session.ts';
import type { Agents } from './contract.ts';

const SIGN_MS = 10_000;
const RECONNECT_MS = 2000;

export type Operated =
  | { readonly kind: 'done'; readonly parts: OperationState['parts'] }
  | { readonly kind: 'ended'; readonly outcome: StepOutcome };

/**
 * Has the agent do something that takes long, and waits for its end. The agent knows the operation by its id, so that a
 * daemon that was restarted finds it running, or ended, and begins nothing twice. One that failed may be begun again,
 * under the next number.
 */
export async function operate(parts: {
  readonly context: StepContext;
  readonly session: ProvenAgent;
  readonly agents: Agents;
  readonly step: string;
  readonly work: Omit<Sendable<OperateRequest>, 'id'>;
}): Promise<Operated> {
  const { context, session, agents, step, work } = parts;
  const counter = `${step}-operation`;
  const number = Number(context.job().notes[counter] ?? '1');
  const id = `${context.job().id}-${step}-${number}`;
  let last = 'begins';
  let fraction: number | undefined;
  let gone = new AbortController();
  const sign = setInterval(() => {
    // The agent's own heartbeat is the sign of life: a drive that erases itself says nothing for hours, and a machine
    // without power ends no connection.
    if (agents.of(session.agent.machine)?.attempt === session.agent.attempt) context.progress(last, fraction);
    else gone.abort();
  }, SIGN_MS);
  const callOff = (): void =>
    void session.api.call('/ingot.AgentService/CancelOperation', { id }).catch(() => {
      // It is gone already, or its machine is: then nothing is left to be called off.
    });
  // Only a person calls it off; when the daemon ends, the machine goes on.
  const cancelled = (): void => {
    if (context.job().cancelling) callOff();
  };
  context.signal.addEventListener('abort', cancelled, { once: true });
  try {
    for (;;) {
      gone = new AbortController();
      const until = AbortSignal.any([context.signal, gone.signal]);
      const state = await follow(session, { id, ...work }, until, (now) => {
        fraction = now.parts.reduce((sum, part) => sum + part.progress, 0) / Math.max(1, now.parts.length);
        last = now.parts.map((part) => `${part.name}: ${part.text}`).join('; ');
        context.progress(last, fraction);
      }).catch((error: unknown) => {
        if (gone.signal.aborted && !context.signal.aborted) return 'lost' as const;
        throw error;
      });
      if (state === 'lost') {
        const { agent } = session;
        if (agents.of(agent.machine)?.attempt !== agent.attempt) {
          return ended({
            kind: 'again',
            because: `the agent of ${agent.machine} is gone in the middle of it`,
            afterMs: 1000,
          });
        }
        await context.wait(RECONNECT_MS);
        continue;
      }
      if (state.phase === 'DONE') return { kind: 'done', parts: state.parts };
      await context.note(counter, String(number + 1));
      return ended({
        kind: 'again',
        because: state.because === '' ? 'it was called off' : state.because,
        afterMs: 5000,
      });
    }
  } finally {
    clearInterval(sign);
    context.signal.removeEventListener('abort', cancelled);
  }
}

const ended = (outcome: StepOutcome): Operated => ({ kind: 'ended', outcome });

/** How it ended, or that the connection did. */
async function follow(
  { api }: ProvenAgent,
  request: Sendable<OperateRequest>,
  signal: AbortSignal,
  told: (state: OperationState) => void,
): Promise<OperationState | 'lost'> {
  try {
    let newest: OperationState | undefined;
    for await (const state of api.stream('/ingot.AgentService/Operate', request, { signal })) {
      newest = state;
      told(state);
    }
    return newest && newest.phase !== 'RUNNING' ? newest : 'lost';
  } catch (error) {
    if (error instanceof MachineApiError && (error.code === 'unreachable' || error.code === 'cancelled')) return 'lost';
    throw error;
  }
}
