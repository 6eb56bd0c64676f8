/** One message of RFC 5424 or RFC 3164, or what devices send in their stead. */
export type SyslogMessage = {
  /** 0 emergency to 7 debug. */
  readonly severity: number;
  readonly facility: number;
  /** Who wrote it, by its own words: `kernel`, `ipxe`, `systemd`. */
  readonly app: string | undefined;
  readonly text: string;
};

/** RFC 3164 §4.3.3: without a priority it is user-level, notice. */
const NO_PRIORITY = 13;
const NILVALUE = '-';

/** Any text is a message: what cannot be told apart stays in `text`. */
export function parseSyslog(line: string): SyslogMessage {
  const clean = line.replace(/[\0\r\n]+$/, '');
  const priority = /^<(\d{1,3})>/.exec(clean);
  const number = priority ? Number(priority[1]) : NO_PRIORITY;
  // 23 facilities of 8 severities each.
  const known = number <= 191 ? number : NO_PRIORITY;
  const head = { severity: known % 8, facility: Math.floor(known / 8) };
  const rest = priority ? clean.slice(priority[0].length) : clean;
  return { ...head, ...(parse5424(rest) ?? parse3164(rest)) };
}

type Rest = Pick<SyslogMessage, 'app' | 'text'>;

/** RFC 5424 §6: `1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]`. */
function parse5424(rest: string): Rest | undefined {
  const head = /^1 (\S{1,64}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) /.exec(rest);
  if (!head) return undefined;
  const after = skipStructuredData(rest.slice(head[0].length));
  if (after === undefined) return undefined;
  const app = head[3] === NILVALUE ? undefined : head[3];
  return { app, text: after.replace(/^ /, '').replace(/^\ufeff/, '') };
}

/** §6.3: `-` or elements in brackets, in which a quoted value may hold an escaped bracket. */
function skipStructuredData(text: string): string | undefined {
  if (text.startsWith(NILVALUE)) return text.slice(1);
  let index = 0;
  while (text[index] === '[') {
    let quoted = false;
    for (index++; index < text.length; index++) {
      const character = text[index];
      if (quoted && character === '\\') index++;
      else if (character === '"') quoted = !quoted;
      else if (!quoted && character === ']') break;
    }
    // No end: not structured data.
    if (index >= text.length) return undefined;
    index++;
  }
  return index === 0 ? undefined : text.slice(index);
}

const TIMESTAMP = /^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:?\d\d)) /;
const TAG = /^([A-Za-z0-9_./-]{1,32})(?:\[[^\]]{0,32}\])?: ?/;

/**
 * RFC 3164 §4.1: `TIMESTAMP HOSTNAME TAG: text`. busybox leaves out the host name; iPXE sends neither time nor, if it
 * has none, a host name.
 */
function parse3164(rest: string): Rest {
  const timed = rest.replace(TIMESTAMP, '');
  const tag = TAG.exec(timed);
  if (tag) return { app: tag[1], text: timed.slice(tag[0].length) };
  const host = /^[A-Za-z0-9_.:-]{1,255} /.exec(timed);
  const named = host ? timed.slice(host[0].length) : timed;
  const later = host ? TAG.exec(named) : null;
  if (later) return { app: later[1], text: named.slice(later[0].length) };
  return { app: undefined, text: timed };
}
