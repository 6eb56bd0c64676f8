import { sha256 } from './sha256.ts';

/** Reads a file to its end and tells its digest, beside the page so that it stays awake. */
async function digest(file: File, readBytes: number): Promise<void> {
  const hash = sha256();
  for (let at = 0; at < file.size; at += readBytes) {
    hash.update(new Uint8Array(await file.slice(at, at + readBytes).arrayBuffer()));
    postMessage({ read: Math.min(file.size, at + readBytes) });
  }
  postMessage({ sha256: hash.hex() });
}

addEventListener('message', ({ data }: MessageEvent<{ file: File; readBytes: number }>) => {
  void digest(data.file, data.readBytes);
});
