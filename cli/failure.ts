import { EXIT } from '#machines/contract/exit-status.ts';
import type { Problem, ProblemCode } from '#machines/contract/api/problem.ts';
import { terminal } from '#machines/values/escape.ts';

/** A command that did not do what it was asked: lines for standard error, and the exit status for scripts. */
export class CommandFailure extends Error {
  readonly status: number;
  constructor(status: number, ...lines: readonly string[]) {
    super(lines.join('\n'));
    this.name = 'CommandFailure';
    this.status = status;
  }
}

export const badInput = (...lines: readonly string[]): CommandFailure => new CommandFailure(EXIT.badInput, ...lines);

const STATUS_OF: Readonly<Record<ProblemCode, number>> = {
  invalid: EXIT.badInput,
  unauthenticated: EXIT.refused,
  forbidden: EXIT.refused,
  'not-found': EXIT.notFound,
  refused: EXIT.refused,
  exists: EXIT.failed,
  stale: EXIT.failed,
  'too-large': EXIT.badInput,
  'unsupported-type': EXIT.badInput,
  'wrong-host': EXIT.refused,
  'key-reused': EXIT.failed,
  'rev-needed': EXIT.failed,
  'too-many': EXIT.failed,
  internal: EXIT.failed,
  unavailable: EXIT.failed,
};

/** What the daemon refused, with what to do about it. */
export function failureOf(problem: Problem, about = ''): CommandFailure {
  const { title, detail, next, errors = [], code } = problem;
  const first = [about, detail ?? title].filter(Boolean).join(': ');
  const more = errors.slice(1).map(({ path, text }) => `  ${path}: ${text}`);
  const lines = [first, ...more, ...(next === undefined ? [] : [`  next: ${next}`])];
  return new CommandFailure(STATUS_OF[code], ...lines.map(terminal));
}
