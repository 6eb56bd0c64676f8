import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Ipv4 } from '../values/ip-address.ts';

/** Of TCP; undefined when it is taken. 0 finds one. */
export async function freePort(address: Ipv4, port: number): Promise<number | undefined> {
  const probe = createServer();
  try {
    probe.listen(port, address);
    await once(probe, 'listening');
    const bound = probe.address();
    return typeof bound === 'object' && bound ? bound.port : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') return undefined;
    throw error;
  } finally {
    if (probe.listening) {
      probe.close();
      await once(probe, 'close');
    }
  }
}
