import { createReadStream } from 'node:fs';
import { BLOCK, decodeTarHeader, encodeTarHeader, END, paddingOf, type TarEntry } from './wire/ustar.ts';

export type ArchiveSource = { readonly path: string; readonly modifiedAt: number } & (
  | { readonly content: Uint8Array }
  /** Its size is given, so that a file which grows meanwhile does not break the archive. */
  | { readonly file: string; readonly size: number }
);

export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
}

/** Files as a tar, in the order given; all are readable by their owner alone. Throws where a file became shorter. */
export async function* writeArchive(
  entries: AsyncIterable<ArchiveSource> | Iterable<ArchiveSource>,
): AsyncGenerator<Uint8Array> {
  for await (const entry of entries) {
    const { path, modifiedAt } = entry;
    const size = 'content' in entry ? entry.content.length : entry.size;
    yield encodeTarHeader({ path, size, mode: 0o600, modifiedAt });
    let rest = size;
    if ('content' in entry) {
      yield entry.content;
      rest = 0;
    } else if (size > 0) {
      for await (const part of createReadStream(entry.file, { end: size - 1, highWaterMark: 1 << 20 })) {
        const bytes: unknown = part;
        if (!(bytes instanceof Uint8Array)) throw new TypeError('a file is read as bytes');
        rest -= bytes.length;
        yield bytes;
      }
    }
    if (rest !== 0) throw new ArchiveError(`${path} became shorter while it was read`);
    yield new Uint8Array(paddingOf(size));
  }
  yield END;
}

/**
 * Reads a tar as it comes. `take` gets each entry with its content, which it must read to the end. Throws an
 * `ArchiveError`; what comes behind the end is read and ignored, so that a stream of authenticated chunks is seen whole.
 */
export async function readArchive(
  source: AsyncIterable<Uint8Array>,
  take: (entry: TarEntry, content: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  const input = byteReader(source);
  for (;;) {
    const block = await input.exactly(BLOCK);
    if (block === undefined) throw new ArchiveError('the archive ends before its end');
    const read = decodeTarHeader(block);
    if (read.kind === 'malformed') throw new ArchiveError(read.because);
    if (read.kind === 'end') break;
    let rest = read.entry.size;
    await take(
      read.entry,
      (async function* () {
        while (rest > 0) {
          const part = await input.atMost(rest);
          if (part === undefined) throw new ArchiveError(`the archive ends within ${read.entry.path}`);
          rest -= part.length;
          yield part;
        }
      })(),
    );
    if (rest !== 0) throw new Error(`${read.entry.path} was not read to its end`);
    const padding = paddingOf(read.entry.size);
    if (padding > 0 && (await input.exactly(padding)) === undefined) {
      throw new ArchiveError(`the archive ends behind ${read.entry.path}`);
    }
  }
  while ((await input.atMost(1 << 20)) !== undefined);
}

function byteReader(source: AsyncIterable<Uint8Array>) {
  const input = source[Symbol.asyncIterator]();
  let held: Uint8Array = new Uint8Array();
  async function atMost(count: number): Promise<Uint8Array | undefined> {
    while (held.length === 0) {
      const next = await input.next();
      if (next.done) return undefined;
      held = next.value;
    }
    const part = held.subarray(0, count);
    held = held.subarray(part.length);
    return part;
  }
  return {
    atMost,
    async exactly(count: number): Promise<Uint8Array | undefined> {
      const parts: Uint8Array[] = [];
      for (let rest = count; rest > 0; ) {
        const part = await atMost(rest);
        if (part === undefined) return undefined;
        parts.push(part);
        rest -= part.length;
      }
      return Buffer.concat(parts);
    },
  };
}
