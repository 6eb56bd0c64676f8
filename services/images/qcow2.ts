import { type FileHandle, open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants, createZstdDecompress, inflateRaw } from 'node:zlib';
import { clusterOf, l2OffsetOf, parseQcow2Header, QCOW2_HEADER_BYTES, type Qcow2Header } from './wire/qcow2.ts';

const inflate = promisify(inflateRaw);

/** The bytes of the disk in a qcow2 file, holes as zeros. Rejects with the file's name and what is wrong with it. */
export async function* qcow2Bytes(path: string, told: (read: number) => void): AsyncGenerator<Uint8Array> {
  await using file = await open(path);
  const size = (await file.stat()).size;
  const parsed = parseQcow2Header(await readUpTo(file, 0, QCOW2_HEADER_BYTES));
  if (!parsed.ok) throw new Error(`${path}: ${parsed.because}`);
  const { header } = parsed;
  const { clusterBytes, bytes } = header;
  const zeros = new Uint8Array(clusterBytes);
  const perTable = clusterBytes / 8;
  const l1 = await read(file, header.l1Offset, header.l1Entries * 8, path);
  for (let index = 0; index < header.l1Entries; index += 1) {
    const l2Offset = l2OffsetOf(entryOf(l1, index));
    const l2 = l2Offset === 0 ? undefined : await read(file, l2Offset, clusterBytes, path);
    for (let slot = 0; slot < perTable; slot += 1) {
      const position = (index * perTable + slot) * clusterBytes;
      if (position >= bytes) break;
      const cluster = l2 ? clusterOf(entryOf(l2, slot), clusterBytes) : ({ kind: 'zero' } as const);
      const data =
        cluster.kind === 'zero'
          ? zeros
          : cluster.kind === 'plain'
            ? await read(file, cluster.offset, Math.min(clusterBytes, bytes - position), path)
            : await decompress(file, cluster, header, path);
      yield data.subarray(0, Math.min(clusterBytes, bytes - position));
    }
    told(Math.round((size * (index + 1)) / header.l1Entries));
  }
}

const entryOf = (table: Uint8Array, index: number): bigint =>
  new DataView(table.buffer, table.byteOffset, table.byteLength).getBigUint64(index * 8);

async function decompress(
  file: FileHandle,
  cluster: { readonly offset: number; readonly maxBytes: number },
  { compression, clusterBytes }: Qcow2Header,
  path: string,
): Promise<Uint8Array> {
  const packed = await readUpTo(file, cluster.offset, cluster.maxBytes);
  try {
    // What follows the stream in its last sector belongs to the next cluster.
    const data =
      compression === 'zstd'
        ? await unzstd(packed, clusterBytes)
        : await inflate(packed, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: clusterBytes });
    if (data.length === clusterBytes) return data;
    throw new Error(`${data.length} bytes came out`);
  } catch (cause) {
    throw new Error(`${path}: the cluster at ${cluster.offset} cannot be decompressed`, { cause });
  }
}

/** Ends at the size it should have: a frame is followed by what is no frame. */
async function unzstd(packed: Uint8Array, bytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const stream = createZstdDecompress();
  stream.end(packed);
  for await (const piece of stream as AsyncIterable<Uint8Array>) {
    pieces.push(piece);
    length += piece.length;
    if (length >= bytes) break;
  }
  return Buffer.concat(pieces);
}

async function read(file: FileHandle, offset: number, length: number, path: string): Promise<Uint8Array> {
  const bytes = await readUpTo(file, offset, length);
  if (bytes.length === length) return bytes;
  throw new Error(`${path} ends at ${offset + bytes.length}, before what its tables point to`);
}

async function readUpTo(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
