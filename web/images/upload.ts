import { MAX_PIECE_BYTES } from '#machines/contract/api/image-resource.ts';
import { ask } from '../api/daemon.ts';

export type UploadProgress = { readonly doing: 'reading' | 'sending'; readonly part: number };

/**
 * Gives the daemon a file, and its digest back. What is there already is not sent again: a page that was closed goes on
 * where it was.
 */
export async function uploadFile(
  file: File,
  tell: (progress: UploadProgress) => void,
  signal: AbortSignal,
): Promise<string> {
  const sha256 = await digestOf(file, tell, signal);
  const params = { sha256 };
  let state = await ask('getUpload', { params }, signal);
  while (!state.complete) {
    tell({ doing: 'sending', part: state.bytes / file.size });
    const offset = state.bytes;
    const piece = new Uint8Array(await file.slice(offset, offset + MAX_PIECE_BYTES).arrayBuffer());
    state = await ask('putUpload', { params, query: { offset, total: file.size }, body: piece }, signal);
  }
  return sha256;
}

const READ_BYTES = 4 << 20;

/** In a worker: a browser's own digest wants the whole file in memory. */
async function digestOf(file: File, tell: (progress: UploadProgress) => void, signal: AbortSignal): Promise<string> {
  const worker = new Worker(new URL('./digest-worker.ts', import.meta.url), { type: 'module' });
  const stop = (): void => worker.terminate();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      worker.addEventListener('error', ({ message }) => reject(new Error(message)));
      worker.addEventListener('message', ({ data }: MessageEvent<{ read: number } | { sha256: string }>) => {
        if ('sha256' in data) resolve(data.sha256);
        else tell({ doing: 'reading', part: data.read / file.size });
      });
      worker.postMessage({ file, readBytes: READ_BYTES });
    });
  } finally {
    signal.removeEventListener('abort', stop);
    worker.terminate();
  }
}
