import dgram from 'node:dgram';
import { once } from 'node:events';
import { type MachineDocument, profileDocument, subnetDocument } from '#machines/contract/documents.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { TraceBody } from '#machines/contract/trace.ts';
import { planBoot } from '#machines/decide/boot-plan.ts';
import { type Ipv4, parseIpv4 } from '#machines/values/ip-address.ts';
import { type MacAddress, parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import type { LeaseStore } from '#services/store/contract.ts';
import type { Sighting } from '#services/registry/contract.ts';
import type { Subject } from '#services/trace/contract.ts';
import { defaultConfig } from '#server/config/parse-config.ts';
import type { Config } from '#server/config/config.ts';
import type { Dhcp4Parts } from '#server/dhcp4/contract.ts';
import { dhcp4Server } from '#server/dhcp4/server.ts';
import { chaddrOf, type Dhcp4Message, decodeDhcp4, EMPTY_DHCP4, encodeDhcp4 } from '#server/dhcp4/wire/message.ts';
import type { OptionValues } from '#server/dhcp4/wire/option-table.ts';
import { getOption, makeOptions, withRawOption } from '#server/dhcp4/wire/options.ts';
import { writeSubOptions } from '#server/dhcp4/wire/sub-options.ts';
import { memoryLeases } from './memory-leases.ts';
import { sampleMachine } from '#test/harness/sample-machine.ts';

export const ip = (text: string): Ipv4 => sure(parseIpv4(text));
export const mac = (text: string): MacAddress => sure(parseMacAddress(text));

export const ATTEMPT = 'AAAAAAAAAAAAAAAAAAAAAA';
export const LOADERS = new Map(
  ['ipxe/undionly.kpxe', 'ipxe/x86_64/snponly.efi', 'ipxe/arm64/snponly.efi'].map((name) => [name, { name, size: 1 }]),
);
export const GIADDR = ip('127.0.0.3');

/** A document is enough; the rest is as for a machine that an operator has added. */
export const machineOf = (
  document: Partial<MachineDocument> & Readonly<Record<string, unknown>>,
  standing: Partial<Machine> = {},
): Machine => sampleMachine(document, standing);

export const subnetOf = (fields: Readonly<Record<string, unknown>>) =>
  subnetDocument.parse({ kind: 'Subnet', name: 'lab', ...fields });

const PROFILE = profileDocument.parse({
  kind: 'Profile',
  name: 'live',
  os: 'script',
  when: 'always',
  writes: 'none',
  script: 'shell',
});

export type World = Awaited<ReturnType<typeof startWorld>>;

/** A registry, a planner and a recorder small enough to see through. Machines boot when they name a profile. */
export function parts({
  config = {},
  machines = [],
  leases = memoryLeases(),
  limits,
  ports,
  now = Date.now,
}: {
  readonly config?: Partial<Config>;
  readonly machines?: readonly Machine[];
  readonly leases?: LeaseStore;
  readonly limits?: Dhcp4Parts['limits'];
  readonly ports?: Dhcp4Parts['ports'];
  readonly now?: () => number;
}) {
  const byMac = new Map(machines.flatMap((machine) => machine.document.macs.map((one) => [one, machine] as const)));
  const events: { readonly subject: Subject; readonly body: TraceBody }[] = [];
  const sightings: Sighting[] = [];
  const all: Dhcp4Parts = {
    config: { ...defaultConfig('/nowhere'), ...config },
    leases,
    registry: {
      machineByMac: (one) => byMac.get(one),
      machineByReservation: (address) => machines.find(({ document }) => document.address === address),
      observe(sighting) {
        sightings.push(sighting);
        return byMac.get(sighting.mac);
      },
    },
    recorder: {
      record(subject, body) {
        events.push({ subject, body });
        return ATTEMPT;
      },
    },
    planner: ({ machine, discovery }) =>
      planBoot({
        agent: { kind: 'missing', because: 'there is no agent in this test' },
        machine,
        discovery,
        profile: machine?.document.profile === undefined ? undefined : PROFILE,
        profileFrom: 'the machine names it',
        grant: undefined,
        image: () => undefined,
      }),
    loaders: { available: () => LOADERS },
    bootPort: () => 8080,
    tftpPort: () => 69,
    log: {
      isLevelEnabled: () => false,
      debug() {},
      info() {},
      warn() {},
      error: (...what: readonly unknown[]) => process.stderr.write(`${JSON.stringify(what)}\n`),
    },
    now,
    ...(limits ? { limits } : {}),
    ...(ports ? { ports } : {}),
  };
  return { parts: all, events, sightings };
}

/** A server on loopback that ends with the block, and a relay's socket to speak to it. */
export async function startWorld(options: Parameters<typeof parts>[0] = {}) {
  const loopback = ip('127.0.0.1');
  const subnets = options.config?.subnets ?? [subnetOf({ cidr: '127.0.0.0/8', pools: ['127.77.0.10-127.77.0.20'] })];
  const {
    parts: made,
    events,
    sightings,
  } = parts({
    ...options,
    config: {
      ...options.config,
      subnets,
      dhcp: {
        ...defaultConfig('/nowhere').dhcp,
        relayListen: [{ address: loopback, port: 0 }],
        serverPort: 0,
        proxyPort: 0,
        ...options.config?.dhcp,
      },
    },
  });
  const server = dhcp4Server(made);
  const stop = new AbortController();
  const running = server.run(stop.signal);
  const { relay, bootServer } = await server.ready;
  const client = await openClient(GIADDR);
  return {
    server,
    events,
    sightings,
    client,
    port: relay[0]?.port ?? 0,
    proxyPort: bootServer[0]?.port ?? 0,
    kinds: () => events.map(({ body }) => body.kind),
    /** As a relay with RFC 8357, which wants the answer at its own port. */
    ask: (message: Dhcp4Message, until?: (answer: Dhcp4Message) => boolean) =>
      client.ask(relayed(message), { address: loopback, port: relay[0]?.port ?? 0 }, until),
    tell: (message: Dhcp4Message) => client.tell(relayed(message), { address: loopback, port: relay[0]?.port ?? 0 }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await running;
      await client[Symbol.asyncDispose]();
    },
  };
}

const SOURCE_PORT = writeSubOptions(
  [
    { code: 1, bytes: new TextEncoder().encode('port-1') },
    { code: 19, bytes: new Uint8Array(0) },
  ],
  { end: false },
);

export const relayed = (message: Dhcp4Message): Dhcp4Message => ({
  ...message,
  giaddr: GIADDR,
  hops: 1,
  options: withRawOption(message.options, 82, SOURCE_PORT),
});

/** A message of a client, made by hand. */
export const clientMessage = (
  of: MacAddress,
  values: OptionValues,
  fields: Partial<Dhcp4Message> = {},
): Dhcp4Message => ({
  ...EMPTY_DHCP4,
  xid: 0x1234_5678,
  chaddr: chaddrOf(of),
  ...fields,
  options: makeOptions(values),
});

/** A socket that sends messages and gives the first answer that fits. */
export async function openClient(address: Ipv4, port = 0) {
  const socket = dgram.createSocket('udp4');
  const waiting = new Set<(message: Dhcp4Message) => void>();
  socket.on('message', (bytes) => {
    const decoded = decodeDhcp4(bytes);
    if (decoded.kind === 'message') for (const one of waiting) one(decoded.message);
  });
  socket.bind(port, address);
  await once(socket, 'listening');
  const tell = (message: Dhcp4Message, to: { readonly address: Ipv4; readonly port: number }): void => {
    socket.send(encodeDhcp4(message, { maxBytes: 1472 }), to.port, to.address);
  };
  return {
    port: socket.address().port,
    tell,
    async ask(
      message: Dhcp4Message,
      to: { readonly address: Ipv4; readonly port: number },
      until: (answer: Dhcp4Message) => boolean = () => true,
    ): Promise<Dhcp4Message> {
      const { promise, resolve } = Promise.withResolvers<Dhcp4Message>();
      const take = (answer: Dhcp4Message) => {
        if (answer.xid === message.xid && until(answer)) resolve(answer);
      };
      waiting.add(take);
      tell(message, to);
      try {
        return await promise;
      } finally {
        waiting.delete(take);
      }
    },
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

export const isA =
  (type: 'OFFER' | 'ACK' | 'NAK') =>
  ({ options }: Dhcp4Message): boolean =>
    getOption(options, 'messageType') === type;
