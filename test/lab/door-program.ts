import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';

// Runs inside a namespace: `door-program.ts SOCKET PORT` hands each connection to the socket on to 127.0.0.1:PORT.
const [socket = '', port = ''] = process.argv.slice(2);
const server = createServer((outer) => {
  const inner = connect(Number(port), '127.0.0.1');
  outer.pipe(inner).pipe(outer);
  outer.on('error', () => inner.destroy());
  inner.on('error', () => outer.destroy());
});
process.once('SIGTERM', () => {
  rmSync(socket, { force: true });
  process.exit();
});
server.listen(socket, () => console.log('open'));
