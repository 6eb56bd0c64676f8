// The client of the npm package `dhcp` 0.2.20, which was written by others; prints what it hears, and ends by itself.
import { createRequire } from 'node:module';

type Heard = { readonly yiaddr: string; readonly xid: number; readonly options: Readonly<Record<number, unknown>> };
type Client = {
  on(event: 'message' | 'listening', listener: (value: Heard) => void): void;
  on(event: 'error', listener: (error: Error) => void): void;
  listen(): void;
  sendDiscover(): void;
  close(): void;
};
const { createClient } = createRequire(import.meta.url)('dhcp') as {
  readonly createClient: (options: { readonly mac: string }) => Client;
};

const client = createClient({ mac: process.argv[2] ?? '52-54-00-00-00-09' });
client.on('message', ({ yiaddr, options }) => {
  console.log(
    `heard ${JSON.stringify({ type: options[53], yiaddr, server: options[54], mask: options[1], lease: options[51] })}`,
  );
  client.close();
});
client.on('error', (error) => console.log(`error ${error.message}`));
client.on('listening', () => client.sendDiscover());
client.listen();
