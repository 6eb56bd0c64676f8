import type { TestContext } from 'node:test';
import { sure } from '#machines/values/parsed.ts';
import { parseIpAddress } from '#machines/values/ip-address.ts';
import {
  type Endpoint,
  TFTP_LIMITS,
  type TftpDatagram,
  type TftpEvent,
  type TftpFiles,
  type TftpLimits,
} from '#server/tftp/contract.ts';
import { diskFiles } from '#server/tftp/disk-files.ts';
import { tftpServer } from '#server/tftp/server.ts';

/** Timers short enough for tests that let them run out. */
export const QUICK = {
  firstTimeoutMs: 30,
  longestTimeoutMs: 120,
  firstRetries: 3,
  retries: 8,
  gapPatienceMs: 5,
} as const;

/** A server on loopback that ends with the test. `event` resolves with the first event of a kind, past or future. */
export async function runningTftp(
  t: TestContext,
  {
    files = {},
    address = '127.0.0.1',
    limits = {},
    ...rest
  }: {
    readonly files?: TftpFiles | Readonly<Record<string, Uint8Array>>;
    readonly address?: string;
    readonly limits?: Partial<TftpLimits>;
    readonly rollover?: 0 | 1;
    readonly singlePort?: boolean;
    readonly addressPollMs?: number;
  } = {},
) {
  const events: TftpEvent[] = [];
  const datagrams: TftpDatagram[] = [];
  const waiting: { readonly kind: TftpEvent['kind']; readonly resolve: (event: TftpEvent) => void }[] = [];
  const stop = new AbortController();
  const server = tftpServer({
    listen: [{ address: sure(parseIpAddress(address)), port: 0 }],
    files: isFiles(files) ? files : inMemory(files),
    events(event) {
      events.push(event);
      for (const one of waiting.filter(({ kind }) => kind === event.kind)) one.resolve(event);
    },
    datagrams: ({ payload, ...datagram }) => datagrams.push({ ...datagram, payload: payload.slice() }),
    limits: { ...TFTP_LIMITS, mtu: 65536, times: QUICK, ...limits },
    ...rest,
  });
  const run = server.run(stop.signal);
  const end = async () => {
    stop.abort();
    await run;
  };
  t.after(end);
  const addresses: readonly Endpoint[] = await server.ready;
  return {
    port: addresses[0]?.port ?? 0,
    addresses,
    events,
    /** Those that a trace would keep. */
    datagrams,
    kinds: () => events.map(({ kind }) => kind),
    async event<K extends TftpEvent['kind']>(kind: K): Promise<Extract<TftpEvent, { readonly kind: K }>> {
      const past = events.find((event) => event.kind === kind);
      const event = past ?? (await new Promise<TftpEvent>((resolve) => waiting.push({ kind, resolve })));
      return event as Extract<TftpEvent, { readonly kind: K }>;
    },
    end,
  };
}

const isFiles = (files: TftpFiles | Readonly<Record<string, Uint8Array>>): files is TftpFiles =>
  typeof files.open === 'function';

const inMemory = (files: Readonly<Record<string, Uint8Array>>): TftpFiles =>
  diskFiles({ served: new Map(Object.entries(files).map(([name, bytes]) => [name, { kind: 'bytes', bytes }])) });

/** Bytes that look random and are the same each time. */
export function sampleBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let index = 0; index < length; index++) {
    state = (state * 48271) % 0x7fffffff;
    bytes[index] = state & 0xff;
  }
  return bytes;
}
