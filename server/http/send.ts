import type { ServerResponse } from 'node:http';
import type { OpenBlob } from '#services/images/shared-chunks.ts';

/** How an answer went out. `bytes` were taken by the operating system; the client may have got fewer. */
export type Sent = { readonly bytes: number; readonly complete: boolean };

/**
 * Writes the body of an answer whose head has been set, and ends it. One chunk is on its way at a time, so that a slow
 * client holds one chunk and nothing else. Never rejects: a client that goes away is no error, and a file that cannot be
 * read on breaks the connection, since the length has been promised.
 */
export async function sendBlob(
  response: ServerResponse,
  blob: OpenBlob,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<Sent & { readonly error?: unknown }> {
  const writer = writerOf(response);
  let offset = start;
  try {
    while (offset < end && !writer.gone()) {
      const chunk = await blob.read(offset);
      try {
        const bytes = chunk.bytes.length > end - offset ? chunk.bytes.subarray(0, end - offset) : chunk.bytes;
        const next = offset + bytes.length;
        if (next < end) blob.readAhead(next);
        if (!(await writer.write(bytes))) break;
        offset = next;
      } finally {
        chunk.release();
      }
    }
  } catch (error) {
    response.destroy();
    return { bytes: offset - start, complete: false, error };
  }
  const complete = offset === end && (await writer.end());
  return { bytes: offset - start, complete };
}

/** Sends a small body, or none for HEAD and errors without one. */
export async function sendBytes(response: ServerResponse, bytes: Uint8Array): Promise<Sent> {
  const complete = await writerOf(response).end(bytes);
  return { bytes: complete ? bytes.length : 0, complete };
}

/** Promises of a response's writes, which also settle when the client goes away. */
function writerOf(response: ServerResponse) {
  let settle: ((flushed: boolean) => void) | undefined;
  let gone = response.destroyed;
  const done = (flushed: boolean) => {
    const settled = settle;
    settle = undefined;
    settled?.(flushed);
  };
  const leave = () => {
    gone = true;
    done(false);
  };
  response.once('close', leave);
  // An answer behind others on its connection has no socket of its own yet, and sees only the request's end.
  response.req.once('close', () => {
    if (response.req.destroyed && !response.writableFinished && response.socket === null) leave();
  });
  const wait = (begin: () => void): Promise<boolean> =>
    new Promise((resolve) => {
      if (gone) return resolve(false);
      settle = resolve;
      return begin();
    });
  return {
    gone: () => gone,
    write: (bytes: Uint8Array): Promise<boolean> =>
      wait(() => void response.write(bytes, (error) => done(error === undefined || error === null))),
    end: (bytes?: Uint8Array): Promise<boolean> =>
      wait(() => {
        response.once('finish', () => done(true));
        response.end(bytes);
      }),
  };
}
