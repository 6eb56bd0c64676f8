import { messagesOf } from './refusal.ts';
import { read } from './read.ts';
import { task } from './resources.ts';

/** How a task stands. `gone`: the service has forgotten it, or never told of it; only the effect says how it went. */
export type TaskProgress =
  | { readonly kind: 'running' }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly text: string }
  | { readonly kind: 'gone' };

const ENDED_WELL = /^Completed$/;
const ENDED_BADLY = /^(?:Killed|Exception|Cancelled|Interrupted)$/;

/**
 * Of an answer at a task's monitor (DSP0266 "Asynchronous operations": 202 while it runs, then its final answer), or at
 * the task itself, which answers 200 all the time and tells by its state.
 */
export function taskProgress(status: number, body: unknown): TaskProgress {
  if (status === 404 || status === 410) return { kind: 'gone' };
  const told = read(task, body);
  const state = told.ok ? told.value.TaskState : undefined;
  if (state !== undefined && ENDED_BADLY.test(state)) return { kind: 'failed', text: whyOf(body) ?? state };
  if (status >= 400) return { kind: 'failed', text: whyOf(body) ?? `it answered ${status}` };
  if (state !== undefined) return { kind: ENDED_WELL.test(state) ? 'done' : 'running' };
  return { kind: status === 202 ? 'running' : 'done' };
}

function whyOf(body: unknown): string | undefined {
  const told = read(task, body);
  const inTask = told.ok ? told.value.Messages.map(({ Message, MessageId }) => Message ?? MessageId ?? '') : [];
  const said = [...inTask, ...messagesOf(body).map(({ text }) => text)].filter((text) => text !== '');
  return said.length > 0 ? [...new Set(said)].slice(0, 3).join(' ') : undefined;
}
