import { confirm } from '../ask.ts';
import type { Daemon } from '../daemon.ts';
import { badInput, CommandFailure } from '../failure.ts';
import { EXIT } from '#machines/contract/exit-status.ts';
import { nameOf } from '../machine-names.ts';
import { type Format, printDocuments } from '../output/format.ts';
import { pairs } from '../output/table.ts';
import { note, paint, say, type Terminal } from '../terminal.ts';

export type ReplaceOptions = {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly conflicts?: string;
  readonly output: Format;
};

/** Shows what goes over and what stands against it, asks, and does it. Conflicts are seen by a person, or counted out. */
export async function replaceMachine(
  term: Terminal,
  daemon: Daemon,
  oldWord: string,
  newWord: string,
  options: ReplaceOptions,
): Promise<void> {
  const [name, by] = [await nameOf(daemon, oldWord), await nameOf(daemon, newWord)];
  const params = { name };
  const { value: plan } = await daemon.ask('replaceMachine', { params, body: { by, dryRun: true } });
  const { moves, conflicts } = plan;
  if (options.dryRun === true && options.output !== 'table') return printDocuments(term, options.output, plan);
  const numbered = (lines: readonly string[]) => lines.map((line, index) => [String(index + 1), line] as const);
  note(term, paint(term, 'bold', `${by} takes the place of ${name}`), ...pairs(term, numbered(moves)));
  if (conflicts.length > 0) note(term, paint(term, 'red', 'conflicts'), ...pairs(term, numbered(conflicts)));
  if (options.dryRun === true) return;
  await agreed(term, { name, by, conflicts, options });
  const { value } = await daemon.ask('replaceMachine', { params, body: { by, despite: [...conflicts] } });
  if (options.output !== 'table') return printDocuments(term, options.output, value);
  say(term, `${name} is the hardware that was ${by}; no disk is touched by this`);
}

async function agreed(
  term: Terminal,
  {
    name,
    by,
    conflicts,
    options,
  }: {
    readonly name: string;
    readonly by: string;
    readonly conflicts: readonly string[];
    readonly options: ReplaceOptions;
  },
): Promise<void> {
  const { yes, conflicts: counted } = options;
  if (conflicts.length === 0) return await confirm(term, `Put ${by} in the place of ${name}?`, yes);
  if (counted !== undefined) {
    if (!/^\d+$/.test(counted)) throw badInput(`--conflicts: got ${counted}, want how many were shown`);
    if (Number(counted) === conflicts.length) return;
    throw new CommandFailure(
      EXIT.refused,
      `there are ${conflicts.length} conflicts, not ${counted}: look at them again`,
    );
  }
  if (!term.interactive) {
    throw new CommandFailure(
      EXIT.refused,
      `${name} and ${by} do not agree in ${conflicts.length} things: say --conflicts ${conflicts.length} when they have been looked at`,
    );
  }
  await confirm(term, `Go on in spite of ${conflicts.length} conflicts?`, undefined);
}
