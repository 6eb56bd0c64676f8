import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { StoreError } from '../store-error.ts';
import type { WriteRequest, WriterInput, WriterOutput } from './protocol.ts';
import type { SqliteWrites, WriteName } from './writes.ts';

export type Writer = {
  /** Resolves when the change is on disk. */
  write<N extends WriteName>(name: N, ...args: Parameters<SqliteWrites[N]>): Promise<ReturnType<SqliteWrites[N]>>;
  close(): Promise<void>;
};

/** A disk that has stopped must not eat the memory. */
const MAX_WAITING = 50_000;
const TOO_MANY = `${MAX_WAITING} writes wait already: the disk does not keep up`;

type Waiting = { readonly resolve: (value: never) => void; readonly reject: (error: StoreError) => void };

/**
 * The main thread's end of the writer. Requests of one turn of the event loop, and all that come while the writer is at
 * work, go to it as one message.
 */
export async function openWriter(file: string): Promise<Writer> {
  const worker = new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData: { file } });
  const [first] = (await once(worker, 'message').catch((cause: unknown) => {
    throw new StoreError('broken', 'the writer did not start', { cause });
  })) as [WriterOutput];
  if (first.kind === 'failed') {
    await worker.terminate();
    throw new StoreError(first.failure.code, first.failure.message);
  }

  const waiting = new Map<number, Waiting>();
  let queue: WriteRequest[] = [];
  let busy = false;
  let scheduled = false;
  let lastId = 0;
  let ended: StoreError | undefined;
  const closed = Promise.withResolvers<void>();

  function send(): void {
    scheduled = false;
    if (busy || queue.length === 0) return;
    busy = true;
    worker.postMessage({ kind: 'writes', requests: queue } satisfies WriterInput);
    queue = [];
  }

  function end(error: StoreError): void {
    ended ??= error;
    busy = false;
    queue = [];
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    closed.resolve();
  }

  worker.on('message', (output: WriterOutput) => {
    if (output.kind === 'closed') return end(new StoreError('closed', 'the store is closed'));
    if (output.kind !== 'results') return;
    busy = false;
    send();
    for (const result of output.results) {
      const one = waiting.get(result.id);
      waiting.delete(result.id);
      if (result.ok) one?.resolve(result.value as never);
      else one?.reject(new StoreError(result.failure.code, result.failure.message));
    }
  });
  worker.on('error', (cause) => end(new StoreError('broken', 'the writer died', { cause })));
  worker.on('exit', () => end(new StoreError('closed', 'the store is closed')));

  return {
    write(name, ...args) {
      if (ended) return Promise.reject(ended);
      if (waiting.size >= MAX_WAITING) return Promise.reject(new StoreError('broken', TOO_MANY));
      const { promise, resolve, reject } = Promise.withResolvers<ReturnType<SqliteWrites[typeof name]>>();
      const id = ++lastId;
      waiting.set(id, { resolve, reject });
      queue.push({ id, name, args });
      if (!scheduled && !busy) {
        scheduled = true;
        setImmediate(send);
      }
      return promise;
    },
    async close() {
      if (ended) return await closed.promise;
      ended = new StoreError('closed', 'the store is closed');
      // What was asked for before is still done.
      while (busy || queue.length > 0) {
        send();
        await Promise.race([once(worker, 'message'), closed.promise]);
      }
      worker.postMessage({ kind: 'close' } satisfies WriterInput);
      await closed.promise;
    },
  };
}
