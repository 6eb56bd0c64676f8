import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { BMC_VERBS, BOOT_DEVICES } from '#machines/contract/power.ts';

const order = z.object({
  verb: z.enum(BMC_VERBS),
  machine: z.string().optional(),
  boot: z.object({ device: z.enum(BOOT_DEVICES) }).optional(),
  seconds: z.number().optional(),
});

/** What somebody writes to switch a smart plug: checks the signature, refuses what is old or came before, and switches. */
export async function webhookReceiver({ key, now = Date.now }: { readonly key: string; readonly now?: () => number }) {
  const seen = new Set<string>();
  const orders: z.output<typeof order>[] = [];
  const boots: string[] = [];
  let power: 'on' | 'off' = 'off';
  let boot = 'own';
  let failing:
    | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
    | undefined;

  const server = createServer((request, response) => {
    const answer = (status: number, body = '', headers: Record<string, string> = {}): void =>
      void response.writeHead(status, headers).end(body);
    void (async () => {
      const body = await text(request);
      const header = (name: string): string => String(request.headers[name] ?? '');
      const [id, at, signature] = [header('ingot-id'), header('ingot-timestamp'), header('ingot-signature')];
      const want = `sha256=${createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('hex')}`;
      const isSigned = signature.length === want.length && timingSafeEqual(Buffer.from(signature), Buffer.from(want));
      if (!isSigned || seen.has(id) || Math.abs(now() / 1000 - Number(at)) > 300) return answer(401);
      seen.add(id);
      if (failing) return answer(failing.status, failing.body ?? '', failing.headers);
      const wanted = order.parse(JSON.parse(body));
      orders.push(wanted);
      const start = (): void => {
        boots.push(boot);
        boot = 'own';
      };
      switch (wanted.verb) {
        case 'status':
          return answer(200, JSON.stringify({ power }));
        case 'on':
          if (power === 'off') start();
          power = 'on';
          return answer(204);
        case 'off':
        case 'soft':
          power = 'off';
          return answer(204);
        case 'reset':
          if (power === 'off') return answer(409);
          start();
          return answer(204);
        case 'boot-once':
          boot = wanted.boot?.device === 'none' ? 'own' : (wanted.boot?.device ?? 'own');
          return answer(204);
        case 'identify':
          return answer(204);
        default:
          return answer(501);
      }
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}/power`,
    orders,
    boots,
    power: () => power,
    fail(how: typeof failing) {
      failing = how;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
