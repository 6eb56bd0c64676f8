/** A record of the kernel's log. */
export type KernelLine = {
  readonly facility: number;
  /** RFC 5424, 0 to 7. */
  readonly severity: number;
  readonly sequence: number;
  /** Milliseconds since power-on. */
  readonly uptimeMs: number;
  readonly text: string;
};

const FACILITIES = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'authpriv',
  'ftp',
];
const SEVERITIES = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];

/**
 * Reads one record of `/dev/kmsg`: `priority,sequence,microseconds,flags[,…];text`, then lines with a blank before them
 * that hold device names (Documentation/ABI/testing/dev-kmsg). Undefined for what is no such record.
 */
export function readKernelRecord(record: string): KernelLine | undefined {
  const match = /^(\d+),(\d+),(\d+),[^;]*;([^\n]*)/.exec(record);
  if (!match) return undefined;
  const [, priority, sequence, microseconds, text = ''] = match;
  return {
    facility: Number(priority) >> 3,
    severity: Number(priority) & 7,
    sequence: Number(sequence),
    uptimeMs: Number(microseconds) / 1000,
    text: plainText(unescaped(text)),
  };
}

/** As the machine API's Dmesg writes it: `kern: info: [2026-01-02T03:04:05.678901Z]: text`. */
export function dmesgLine(line: KernelLine, bootedAtMs: number): string {
  const facility = FACILITIES[line.facility] ?? String(line.facility);
  const time = new Date(bootedAtMs + line.uptimeMs).toISOString();
  return `${facility}: ${SEVERITIES[line.severity] ?? 'info'}: [${time}]: ${line.text}\n`;
}

/** One line of at most 1024 characters without control characters: what the contract and a terminal bear. */
export const plainText = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 1024);

/** The kernel writes what is not printable as `\x1b`. */
function unescaped(text: string): string {
  return text.replaceAll(/(?:\\x[0-9a-f]{2})+/g, (run) =>
    new TextDecoder().decode(Uint8Array.from(run.match(/[0-9a-f]{2}/g) ?? [], (pair) => Number.parseInt(pair, 16))),
  );
}
