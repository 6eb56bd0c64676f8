/**
 * The header of an age file, age-encryption.org/v1: lines of text that end with LF, one stanza for each way to the file's
 * key, and a MAC over all of it. https://age-encryption.org/v1
 */
export type Stanza = {
  readonly type: string;
  readonly args: readonly string[];
  readonly body: Uint8Array;
};

export type AgeHeader = {
  readonly stanzas: readonly Stanza[];
  readonly mac: Uint8Array;
  /** What the MAC is of: all up to and with `---`. */
  readonly signed: Uint8Array;
  /** How many bytes the header has; the payload follows. */
  readonly length: number;
};

export type AgeHeaderResult =
  | { readonly kind: 'header'; readonly header: AgeHeader }
  /** More bytes are needed. */
  | { readonly kind: 'more' }
  | { readonly kind: 'malformed'; readonly because: string };

const VERSION_LINE = 'age-encryption.org/v1';
const COLUMNS = 64;
/** Some hundred recipients. The file comes from outside, and all of its header is held in memory. */
export const MAX_HEADER_BYTES = 64 * 1024;
export const MAC_BYTES = 32;

/** What the MAC is made of. */
export function encodeSigned(stanzas: readonly Stanza[]): Uint8Array {
  const lines = [VERSION_LINE, ...stanzas.flatMap(stanzaLines), '---'];
  return new TextEncoder().encode(lines.join('\n'));
}

export const encodeMacLine = (mac: Uint8Array): Uint8Array => new TextEncoder().encode(` ${encodeUnpadded(mac)}\n`);

/** The last line of a body is shorter than 64 characters, and empty if need be: that is how its end is known. */
function stanzaLines({ type, args, body }: Stanza): readonly string[] {
  const text = encodeUnpadded(body);
  const lines = Array.from({ length: Math.floor(text.length / COLUMNS) + 1 }, (_, index) =>
    text.slice(index * COLUMNS, (index + 1) * COLUMNS),
  );
  return [`-> ${[type, ...args].join(' ')}`, ...lines];
}

export function decodeAgeHeader(bytes: Uint8Array): AgeHeaderResult {
  const lines = openLines(bytes);
  const stanzas: Stanza[] = [];
  const first = lines.next();
  if (first === undefined) return unfinished(bytes);
  if (first !== VERSION_LINE) return malformed(`it begins with ${shown(first)}, want ${VERSION_LINE}`);
  for (;;) {
    const line = lines.next();
    if (line === undefined) return unfinished(bytes);
    if (line.startsWith('---')) {
      const mac = /^--- ([A-Za-z0-9+/]{43})$/.exec(line)?.[1];
      const value = mac === undefined ? undefined : decodeUnpadded(mac);
      if (value?.length !== MAC_BYTES) return malformed('its MAC is no MAC');
      if (stanzas.length === 0) return malformed('it names nobody who could open it');
      const signed = bytes.slice(0, lines.offset() - line.length - 1 + 3);
      return { kind: 'header', header: { stanzas, mac: value, signed, length: lines.offset() } };
    }
    const words = line.split(' ');
    const [arrow, type, ...args] = words;
    if (arrow !== '->' || type === undefined || words.some((word) => !/^[\x21-\x7e]+$/.test(word))) {
      return malformed(`got the line ${shown(line)}, want a stanza`);
    }
    let text = '';
    for (;;) {
      const part = lines.next();
      if (part === undefined) return unfinished(bytes);
      if (part.length > COLUMNS) return malformed('a line of a stanza has more than 64 characters');
      text += part;
      if (part.length < COLUMNS) break;
    }
    const body = decodeUnpadded(text);
    if (body === undefined) return malformed(`the stanza ${shown(type)} is no base64`);
    stanzas.push({ type, args, body });
  }
}

const malformed = (because: string): AgeHeaderResult => ({ kind: 'malformed', because });
const unfinished = (bytes: Uint8Array): AgeHeaderResult =>
  bytes.length >= MAX_HEADER_BYTES ? malformed('its header does not end') : { kind: 'more' };
const shown = (text: string): string => JSON.stringify(text.slice(0, 40));

function openLines(bytes: Uint8Array) {
  let at = 0;
  return {
    offset: () => at,
    next(): string | undefined {
      const end = bytes.indexOf(0x0a, at);
      if (end < 0 || end >= MAX_HEADER_BYTES) return undefined;
      const line = Array.from(bytes.subarray(at, end), (byte) => String.fromCharCode(byte)).join('');
      at = end + 1;
      return line;
    },
  };
}

export const encodeUnpadded = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')).replace(/=+$/, '');

/** Strict: no padding, and no bits that say nothing, so that one value has one text. */
export function decodeUnpadded(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]*$/.test(text)) return undefined;
  if (text.length % 4 === 1) return undefined;
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return encodeUnpadded(bytes) === text ? bytes : undefined;
}
