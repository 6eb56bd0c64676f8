import { styleText } from 'node:util';
import { type DestinationStream, type Logger, pino } from 'pino';

const LEVELS: Readonly<Record<number, readonly [string, Parameters<typeof styleText>[0]]>> = {
  20: ['debug', 'dim'],
  30: ['info', 'dim'],
  40: ['warn', 'yellow'],
  50: ['error', 'red'],
  60: ['fatal', 'red'],
};

/** Fields that every line has and that nobody reads on a terminal. */
const DULL = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'err']);

/** JSON lines for programs; for a person at a terminal one short line each. Both go to standard error. */
export function openLog(options: { readonly level: string; readonly human: boolean; readonly color: boolean }): Logger {
  const out: DestinationStream = {
    write: (line) => void process.stderr.write(options.human ? humanLine(line, options.color) : line),
  };
  return pino({ level: options.level, base: null }, out);
}

function humanLine(line: string, color: boolean): string {
  const entry = JSON.parse(line) as Record<string, unknown> & { level: number; time: number; msg?: string };
  const [word, style] = LEVELS[entry.level] ?? ['info', 'dim'];
  const time = new Date(entry.time).toISOString().slice(11, 19);
  const fields = Object.entries(entry).flatMap(([key, value]) => (DULL.has(key) ? [] : [`${key}=${printable(value)}`]));
  const text = [`${time} ${word.padEnd(5)}`, printable(entry.msg ?? ''), ...fields, errorText(entry['err'])]
    .filter((part) => part !== '')
    .join(' ');
  return `${color ? styleText(style, text) : text}\n`;
}

/** What a stranger wrote must not steer the terminal. */
function printable(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.replaceAll(/\p{Cc}/gu, (character) => JSON.stringify(character).slice(1, -1));
}

function errorText(err: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const { message = '', code } = err as { message?: string; code?: string };
  return printable(`(${message}${code === undefined || message.includes(code) ? '' : `, ${code}`})`);
}
