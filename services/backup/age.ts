import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Random } from '#services/auth/secret.ts';
import { AgeError } from './age-error.ts';
import {
  type AgeIdentity,
  type AgeRecipient,
  FILE_KEY_BYTES,
  headerMac,
  hkdf,
  isEqual,
  unwrapFileKey,
  wrapFileKey,
} from './age-keys.ts';
import { type AgeHeader, decodeAgeHeader, encodeMacLine, encodeSigned } from './wire/age-header.ts';

export const CHUNK_BYTES = 64 * 1024;
const TAG_BYTES = 16;
const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;
const NONCE_BYTES = 16;

/**
 * Writes an age file (age-encryption.org/v1), which stock tools open. Chunks of 64 KiB, each authenticated with its place
 * and with whether it is the last one, so that nothing can be changed, moved or cut off.
 *
 * A passphrase stands alone: age refuses a file that a passphrase or another key opens.
 */
export async function* encryptAge(
  source: AsyncIterable<Uint8Array>,
  { recipients, random }: { readonly recipients: readonly AgeRecipient[]; readonly random: Random },
): AsyncGenerator<Uint8Array> {
  if (recipients.length === 0) throw new Error('got no recipient, want one at least');
  if (recipients.length > 1 && recipients.some(({ kind }) => kind === 'passphrase')) {
    throw new Error('got a passphrase and other recipients, want the passphrase alone');
  }
  const fileKey = random(FILE_KEY_BYTES);
  const signed = encodeSigned(await Promise.all(recipients.map((one) => wrapFileKey(fileKey, one, random))));
  const nonce = random(NONCE_BYTES);
  yield Buffer.concat([signed, encodeMacLine(headerMac(fileKey, signed)), nonce]);
  const key = hkdf(fileKey, nonce, 'payload');
  let count = 0;
  for await (const { bytes, last } of inChunks(source, CHUNK_BYTES)) {
    const cipher = createCipheriv('chacha20-poly1305', key, chunkNonce(count++, last), { authTagLength: TAG_BYTES });
    yield Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  }
}

/**
 * Opens an age file. Throws an `AgeError`. What it gives is authentic, but whether it is whole is known only when it
 * ends without an error.
 */
export async function* decryptAge(
  source: AsyncIterable<Uint8Array>,
  { identities }: { readonly identities: readonly AgeIdentity[] },
): AsyncGenerator<Uint8Array> {
  const input = source[Symbol.asyncIterator]();
  const { header, rest } = await readHeader(input);
  const fileKey = await openHeader(header, identities);
  let begun = rest;
  while (begun.length < NONCE_BYTES) {
    const next = await input.next();
    if (next.done) throw new AgeError('truncated', 'ends right after its header');
    begun = Buffer.concat([begun, next.value]);
  }
  const key = hkdf(fileKey, begun.subarray(0, NONCE_BYTES), 'payload');
  let count = 0;
  for await (const { bytes, last } of inChunks(from(begun.subarray(NONCE_BYTES), input), SEALED_CHUNK_BYTES)) {
    const opened = openChunk(key, count, bytes, last);
    if (opened === undefined) {
      // A chunk that opens as one of the middle, and is the last that is there, was not meant to be the last.
      const cut = last && openChunk(key, count, bytes, false) !== undefined;
      throw cut || bytes.length < TAG_BYTES
        ? new AgeError('truncated', 'is cut off: its end is missing')
        : new AgeError('damaged', `is damaged or cut off, near byte ${count * CHUNK_BYTES} of what is in it`);
    }
    if (opened.length === 0 && count > 0) throw new AgeError('malformed', 'ends with a chunk that holds nothing');
    count += 1;
    yield opened;
  }
}

async function readHeader(
  input: AsyncIterator<Uint8Array>,
): Promise<{ readonly header: AgeHeader; readonly rest: Uint8Array }> {
  let bytes: Uint8Array = new Uint8Array();
  for (;;) {
    const read = decodeAgeHeader(bytes);
    if (read.kind === 'malformed') throw new AgeError('malformed', `is no age file: ${read.because}`);
    if (read.kind === 'header') return { header: read.header, rest: bytes.subarray(read.header.length) };
    const next = await input.next();
    if (next.done) throw new AgeError('truncated', bytes.length === 0 ? 'is empty' : 'ends within its header');
    bytes = Buffer.concat([bytes, next.value]);
  }
}

async function openHeader(header: AgeHeader, identities: readonly AgeIdentity[]): Promise<Uint8Array> {
  const { stanzas } = header;
  const byPassphrase = stanzas.some(({ type }) => type === 'scrypt');
  if (byPassphrase && stanzas.length > 1) {
    throw new AgeError('malformed', 'is no age file: a passphrase and others open it');
  }
  for (const stanza of stanzas) {
    for (const identity of identities) {
      const fileKey = await unwrapFileKey(stanza, identity);
      if (fileKey === undefined) continue;
      if (!isEqual(headerMac(fileKey, header.signed), header.mac)) {
        throw new AgeError('damaged', 'is damaged: its header was changed');
      }
      return fileKey;
    }
  }
  const given = identities.some(({ kind }) => kind === 'passphrase') ? 'passphrase' : 'key';
  const wanted = byPassphrase ? 'passphrase' : 'key';
  throw new AgeError(
    'not-for-us',
    given === wanted ? `is not opened by this ${given}` : `is opened by a ${wanted}, and a ${given} was given`,
  );
}

function openChunk(key: Uint8Array, count: number, sealed: Uint8Array, last: boolean): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  const cipher = createDecipheriv('chacha20-poly1305', key, chunkNonce(count, last), { authTagLength: TAG_BYTES });
  cipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    return Buffer.concat([cipher.update(sealed.subarray(0, -TAG_BYTES)), cipher.final()]);
  } catch {
    return undefined;
  }
}

/** 11 bytes that count, one that says whether it is the last. 2^48 chunks are more than any disk has. */
function chunkNonce(count: number, last: boolean): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeUIntBE(count, 5, 6);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

async function* from(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
}

/** Chunks of one size; the last one, which may be shorter and is empty only where there was nothing, is marked. */
async function* inChunks(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly last: boolean }> {
  let held: Uint8Array[] = [];
  let length = 0;
  for await (const part of source) {
    held.push(part);
    length += part.length;
    if (length <= size) continue;
    const all = Buffer.concat(held);
    let at = 0;
    // One is always kept back: only at the end is it known which was the last.
    for (; all.length - at > size; at += size) yield { bytes: all.subarray(at, at + size), last: false };
    held = [all.subarray(at)];
    length = all.length - at;
  }
  yield { bytes: Buffer.concat(held), last: true };
}
