import { doingOf, type Standing } from './standing.ts';

export type ScreenSize = { readonly columns: number; readonly rows: number };

/**
 * What stands on the machine's screen: exactly `rows` lines of at most `columns` printable ASCII characters. The log
 * fills what the rest leaves.
 */
export function screenLines(
  standing: Standing,
  parts: {
    readonly version: string;
    readonly uptimeMs: number;
    readonly log: readonly string[];
    readonly size: ScreenSize;
  },
): readonly string[] {
  const { columns, rows } = parts.size;
  const doing = doingOf(standing);
  const { machine, bootMac, addresses, macs, daemon, pin, fingerprint, notice, trouble, operation, last } = standing;
  const others = macs.filter((mac) => mac !== bootMac);
  const known: readonly (readonly [string, string | undefined])[] = [
    ['machine', machine ?? 'not named yet'],
    ['booted from', bootMac],
    ['other NICs', others.length === 0 ? undefined : others.join(' ')],
    ['address', addresses.length === 0 ? 'none yet' : addresses.join(', ')],
    ['fingerprint', fingerprint],
    ['daemon', daemon],
    ['its key', pin],
    ['stage', `${doing.stage}: ${operation ? operation.id : doing.text}`],
  ];
  const head = [
    bothEnds(`Ingot agent ${parts.version}`, `up ${uptime(parts.uptimeMs)}`, columns),
    '-'.repeat(columns),
    ...known.flatMap(([name, value]) => (value === undefined ? [] : wrapped(name, value, columns))),
    ...(operation?.parts ?? []).map(({ name, text, progress }) => `  ${name.padEnd(10)} ${bar(progress)} ${text}`),
    ...(operation || last === undefined ? [] : wrapped('last', last, columns)),
    ...(trouble === undefined ? [] : ['', ...wrapped('TROUBLE', trouble, columns)]),
    ...(notice === undefined || notice === '' ? [] : ['', ...wrapped('', notice, columns)]),
    '-'.repeat(columns),
  ].slice(0, rows);
  const room = rows - head.length;
  const tail = room > 0 ? parts.log.slice(-room) : [];
  const lines = [...head, ...tail].map((line) => printable(line).slice(0, columns));
  return [...lines, ...Array.from({ length: rows - lines.length }, () => '')];
}

const LABEL = 13;

/** Text under its name, on as many lines as it takes, three at most. */
function wrapped(name: string, value: string, columns: number): string[] {
  const width = Math.max(8, columns - LABEL);
  const text = printable(value);
  const pieces: string[] = [];
  for (let rest = text; rest !== '' && pieces.length < 3; ) {
    const cut = rest.length <= width ? rest.length : Math.max(rest.lastIndexOf(' ', width), 0) || width;
    pieces.push(rest.slice(0, cut));
    rest = rest.slice(cut).trimStart();
  }
  return pieces.map((piece, index) => `${(index === 0 ? name : '').padEnd(LABEL)}${piece}`);
}

const bothEnds = (left: string, right: string, columns: number): string =>
  `${left}${' '.repeat(Math.max(1, columns - left.length - right.length))}${right}`;

/** `[####------]  40 %` */
function bar(progress: number): string {
  const share = Math.min(1, Math.max(0, progress));
  const full = Math.floor(share * 20);
  return `[${'#'.repeat(full)}${'-'.repeat(20 - full)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
}

function uptime(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** Names of hardware and hosts are hostile, and the console's font has little beyond ASCII. */
export const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e]/gu, '?');
