const LF = 0x0a;
const NUL = 0x00;
const SPACE = 0x20;
const ZERO = 0x30;
const NINE = 0x39;

export type Framing = 'lines' | 'syslog';

/**
 * Cuts a byte stream into messages. `lines`: each ends with LF. `syslog` is RFC 6587: a message is announced by its
 * length (§3.4.1, `123 <34>…`) or ends with LF, or with NUL, as some devices write (§3.4.2); which of the two is told
 * by its first byte, since a message of the second kind begins with `<`.
 *
 * A message keeps its first `maxBytes` bytes; what follows in it is thrown away, so memory is bounded whatever comes.
 */
export function splitMessages({ framing, maxBytes }: { readonly framing: Framing; readonly maxBytes: number }) {
  const buffer = new Uint8Array(maxBytes);
  let length = 0;
  /** Bytes of an announced message that are still to come; undefined in a message that ends with LF. */
  let announced: number | undefined;
  let atStart = true;

  function take(): Uint8Array {
    const message = buffer.slice(0, length);
    length = 0;
    atStart = true;
    announced = undefined;
    return message;
  }

  function keep(bytes: Uint8Array): void {
    const room = bytes.subarray(0, maxBytes - length);
    buffer.set(room, length);
    length += room.length;
  }

  /** The number in front of an announced message is complete: up to six digits and a space. */
  function announcement(): number | undefined {
    if (framing !== 'syslog' || buffer[length - 1] !== SPACE || length < 2 || length > 7) return undefined;
    let number = 0;
    for (const digit of buffer.subarray(0, length - 1)) {
      if (digit < ZERO || digit > NINE) return undefined;
      number = number * 10 + digit - ZERO;
    }
    return buffer[0] === ZERO || number === 0 ? undefined : number;
  }

  /** Where the message that is not announced ends, at or after `from`. */
  function endIn(chunk: Uint8Array, from: number): number {
    for (let index = from; index < chunk.length; index++) {
      if (chunk[index] === LF || (framing === 'syslog' && chunk[index] === NUL)) return index;
    }
    return -1;
  }

  return {
    push(chunk: Uint8Array): readonly Uint8Array[] {
      const messages: Uint8Array[] = [];
      let index = 0;
      while (index < chunk.length) {
        if (announced !== undefined) {
          const part = chunk.subarray(index, index + announced);
          keep(part);
          index += part.length;
          announced -= part.length;
          if (announced === 0) messages.push(take());
          continue;
        }
        const byte = chunk[index] as number;
        const maybeNumber =
          atStart && framing === 'syslog' && length < 7 && ((byte >= ZERO && byte <= NINE) || byte === SPACE);
        if (maybeNumber) {
          keep(chunk.subarray(index, ++index));
          const number = announcement();
          if (number !== undefined) {
            length = 0;
            announced = number;
          }
          // A space that ends no number, or begins the message: then it is text.
          if (byte === SPACE) atStart = false;
          continue;
        }
        atStart = false;
        const end = endIn(chunk, index);
        keep(chunk.subarray(index, end < 0 ? chunk.length : end));
        if (end < 0) return messages;
        index = end + 1;
        if (length > 0) messages.push(take());
        else atStart = true;
      }
      return messages;
    },
    /** The last one, when the stream has ended without a line end. */
    end: (): Uint8Array | undefined => (length > 0 ? take() : undefined),
  };
}
