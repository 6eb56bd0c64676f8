import type { Operation, Operations } from './disks/operations.ts';
import type { AgentLog } from './log.ts';
import type { StandingBoard } from './standing.ts';

/** In the log, a line for each tenth. */
const STEPS = 10;

/** The same operations, each of which is shown on the board and in the log from its beginning to its end. */
export function shownOperations(
  operations: Operations,
  { standing, log }: { readonly standing: StandingBoard; readonly log: AgentLog },
): Operations {
  function show(begun: Operation): void {
    const logged = new Map<string, string>();
    standing.change({ operation: begun, last: undefined });
    operations.watch(begun.id, (operation) => {
      if (operation.phase !== 'running') {
        const because = operation.because === '' ? '' : `: ${operation.because}`;
        standing.change({ operation: undefined, last: `${operation.id} ${operation.phase}${because}` });
        return;
      }
      standing.change({ operation });
      for (const { name, phase, text, progress } of operation.parts) {
        const step = `${phase} ${Math.floor(progress * STEPS)} ${text}`;
        if (phase !== 'running' || logged.get(name) === step) continue;
        logged.set(name, step);
        log.info(`${operation.id}: ${name}: ${text}, ${Math.floor(progress * 100)} %`);
      }
    });
  }
  return {
    ...operations,
    begin(id, work) {
      const known = operations.get(id) !== undefined;
      const begun = operations.begin(id, work);
      if (begun !== 'busy' && !known) show(begun);
      return begun;
    },
  };
}
