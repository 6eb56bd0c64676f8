import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';

/** A vendor's download server on loopback, as the catalog and lists of digests expect one; Range works. */
export async function vendor() {
  const files = new Map<string, Uint8Array>();
  const asked: string[] = [];
  const server = http.createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(request.method === 'GET' ? path : `${request.method} ${path}`);
    const bytes = files.get(path);
    const missing = () => response.writeHead(404).end();
    if (!bytes) return missing();
    response.setHeader('etag', `"${createHash('sha256').update(bytes).digest('hex')}"`);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from > 0) response.writeHead(206, { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` });
    return response.end(bytes.subarray(from));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    files,
    asked,
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
