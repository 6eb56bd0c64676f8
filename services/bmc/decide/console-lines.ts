/** A line that never ends is cut here: what a trace keeps of a text (services/trace). */
const MAX_LINE = 250;
const ESC = 0x1b;
const BEL = 0x07;

type State = 'text' | 'escape' | 'csi' | 'string' | 'string-escape';

export type ConsoleLines = {
  /** The lines that are whole now. */
  take(bytes: Uint8Array): readonly string[];
  /** What has no end yet. */
  rest(): readonly string[];
};

/**
 * Cuts what a serial console sends into lines that may be shown anywhere. Firmware draws screens: a jump of the cursor
 * to another place and a cleared screen end a line; colours and other sequences (ECMA-48) are left out, and so is every
 * control character. A carriage return alone begins the line again, as it does on a screen. Empty lines, and those that
 * only repeat the one before, are left out. Sequences and characters may be cut between two calls anywhere.
 */
export function consoleLines(): ConsoleLines {
  const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });
  let state: State = 'text';
  let line = '';
  let returned = false;
  let before = '';

  function ended(found: string[]): void {
    const text = line.trimEnd();
    line = '';
    returned = false;
    if (text.trim() === '' || text === before) return;
    before = text;
    found.push(text);
  }

  function put(character: string, found: string[]): void {
    if (returned) {
      line = '';
      returned = false;
    }
    line += character;
    if (line.length >= MAX_LINE) ended(found);
  }

  function step(character: string, found: string[]): void {
    const code = character.codePointAt(0) ?? 0;
    switch (state) {
      case 'text':
        if (code === ESC) state = 'escape';
        // The C1 form of CSI is none in UTF-8 streams of firmware, and no printable character either.
        else if (character === '\n') ended(found);
        else if (character === '\r') returned = true;
        else if (character === '\t') put(' ', found);
        else if (code >= 0x20 && !(code >= 0x7f && code < 0xa0) && !UNSEEN.test(character)) put(character, found);
        return;
      case 'escape':
        if (character === '[') state = 'csi';
        else if (']PX^_'.includes(character)) state = 'string';
        else if (code === ESC) state = 'escape';
        // Intermediate bytes go before the final one: `ESC ( B`.
        else if (code < 0x20 || code > 0x2f) state = 'text';
        return;
      case 'csi':
        if (code === ESC) state = 'escape';
        else if (code >= 0x40 && code <= 0x7e) {
          if (MOVES.has(character)) ended(found);
          state = 'text';
        } else if (code < 0x20 || code > 0x7e) state = 'text';
        return;
      case 'string':
        if (code === BEL) state = 'text';
        else if (code === ESC) state = 'string-escape';
        // A string that nobody ends swallows no more than its line.
        else if (character === '\n') state = 'text';
        return;
      case 'string-escape':
        state = character === '\\' ? 'text' : 'escape';
        if (state === 'escape') step(character, found);
        return;
      default:
        state satisfies never;
    }
  }

  function taken(text: string): readonly string[] {
    const found: string[] = [];
    for (const character of text) step(character, found);
    return found;
  }

  return {
    take: (bytes) => taken(decoder.decode(bytes, { stream: true })),
    rest() {
      const found = [...taken(decoder.decode())];
      ended(found);
      return found;
    },
  };
}

/** Cursor position, line position, erase in display, next and previous line. */
const MOVES: ReadonlySet<string> = new Set(['H', 'f', 'd', 'J', 'E', 'F']);
/** What turns text around, joins it or cannot be seen. */
const UNSEEN = /[\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/u;
