/** What a line of JSON says that a program wrote as its log. */
export type JsonLogLine = {
  /** 0 emergency to 7 debug, as syslog has it. */
  readonly severity: number;
  readonly text: string;
};

const NOTICE = 5;
const MESSAGES = ['msg', 'message', 'MESSAGE', 'log', 'text'];
const LEVELS = ['talos-level', 'level', 'severity', 'priority', 'PRIORITY', 'lvl'];
const WRITERS = ['talos-service', 'service', 'facility', 'logger', 'SYSLOG_IDENTIFIER'];

const SEVERITIES: ReadonlyMap<string, number> = new Map([
  ['emerg', 0],
  ['panic', 0],
  ['alert', 1],
  ['crit', 2],
  ['critical', 2],
  ['fatal', 2],
  ['err', 3],
  ['error', 3],
  ['warn', 4],
  ['warning', 4],
  ['notice', 5],
  ['info', 6],
  ['debug', 7],
  ['trace', 7],
]);

/**
 * Talos sends `msg`, `talos-level` and `talos-service` (of the kernel: `facility`, `priority`); others have names of
 * their own. A line that is no JSON object is its own text.
 */
export function parseJsonLine(line: string): JsonLogLine {
  const clean = line.replace(/[\0\r\n]+$/, '');
  const value = objectIn(clean);
  if (!value) return { severity: NOTICE, text: clean };
  const writer = textAt(value, WRITERS);
  // Without a message the whole object is what there is to read.
  const message = textAt(value, MESSAGES) ?? clean;
  return { severity: severityOf(value), text: writer === undefined ? message : `${writer}: ${message}` };
}

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function textAt(value: Readonly<Record<string, unknown>>, names: readonly string[]): string | undefined {
  for (const name of names) {
    const found = Object.hasOwn(value, name) ? value[name] : undefined;
    if (typeof found === 'string' && found !== '') return found.replace(/[\r\n]+$/, '');
  }
  return undefined;
}

function severityOf(value: Readonly<Record<string, unknown>>): number {
  for (const name of LEVELS) {
    const found = Object.hasOwn(value, name) ? value[name] : undefined;
    if (typeof found === 'string') {
      const known = SEVERITIES.get(found.toLowerCase()) ?? (/^[0-7]$/.test(found) ? Number(found) : undefined);
      if (known !== undefined) return known;
    }
    if (typeof found === 'number') return severityOfNumber(found);
  }
  return NOTICE;
}

/** Small numbers are syslog's; pino and bunyan count upwards from 10 (trace) to 60 (fatal). */
function severityOfNumber(level: number): number {
  if (level >= 0 && level <= 7) return Math.floor(level);
  if (level >= 60) return 2;
  if (level >= 50) return 3;
  if (level >= 40) return 4;
  return level >= 30 ? 6 : 7;
}
