import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Where a command reads from and writes to, and what it may assume of it. */
export type Terminal = {
  readonly out: Writable;
  readonly error: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** A person reads along: tables may be fitted, questions may be asked. */
  readonly interactive: boolean;
  readonly colour: boolean;
  /** Of a line, for tables; without a terminal as wide as it takes. */
  readonly columns: number | undefined;
  readonly rows?: number | undefined;
  /** Aborts when the person wants it to end. */
  readonly signal: AbortSignal;
  /** The daemon that a command has found, for questions: nobody erases a machine of another one by mistake. */
  asks?(): string | undefined;
  readInput(): Promise<string>;
  /** Each key as it is pressed, until the signal aborts; what is typed is not shown by us. */
  keys?(signal: AbortSignal): AsyncIterable<Uint8Array>;
};

/** https://no-color.org: present and not empty. FORCE_COLOR says the opposite, for pagers. */
export function wantsColour(env: Terminal['env'], isTerminal: boolean): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  if ((env['FORCE_COLOR'] ?? '') !== '' && env['FORCE_COLOR'] !== '0') return true;
  return isTerminal && env['TERM'] !== 'dumb';
}

/** May what was drawn be drawn over? A person reads along, on something that moves its cursor. */
export const redraws = ({ interactive, env }: Pick<Terminal, 'interactive' | 'env'>): boolean =>
  interactive && env['TERM'] !== 'dumb';

export const paint = ({ colour }: Pick<Terminal, 'colour'>, style: Style, text: string): string =>
  colour ? styleText(style, text, { validateStream: false }) : text;

export const say = ({ out }: Pick<Terminal, 'out'>, ...lines: readonly string[]): void => {
  if (lines.length > 0) out.write(`${lines.join('\n')}\n`);
};

export const note = ({ error }: Pick<Terminal, 'error'>, ...lines: readonly string[]): void => {
  if (lines.length > 0) error.write(`${lines.join('\n')}\n`);
};
