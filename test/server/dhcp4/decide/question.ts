import type { Machine } from '#machines/contract/machine.ts';
import type { SubnetDocument } from '#machines/contract/documents.ts';
import { ANY_IPV4, type Ipv4 } from '#machines/values/ip-address.ts';
import type { MacAddress } from '#machines/values/mac-address.ts';
import type { Answer, Reply, Silence } from '#server/dhcp4/decide/answer.ts';
import { answerDhcp } from '#server/dhcp4/decide/answer-dhcp.ts';
import type { Arrival, InterfaceLink } from '#server/dhcp4/decide/arrival.ts';
import type { Binding } from '#server/dhcp4/decide/binding.ts';
import type { BootFile } from '#server/dhcp4/decide/boot-file.ts';
import { identifyClient } from '#server/dhcp4/decide/client.ts';
import { leaseTable } from '#server/dhcp4/decide/lease-table.ts';
import { networksOf } from '#server/dhcp4/decide/network.ts';
import { placeOf } from '#server/dhcp4/decide/place.ts';
import type { LeaseQuestion } from '#server/dhcp4/decide/question.ts';
import type { Dhcp4Message } from '#server/dhcp4/wire/message.ts';
import { getOption } from '#server/dhcp4/wire/options.ts';
import { ip, mac, subnetOf } from '../world.ts';

export const NOW = 1_800_000_000_000;
export const SERVER = ip('192.168.77.1');
export const MAC = mac('52:54:00:00:00:01');
export const OTHER = mac('52:54:00:00:00:02');

export const LINK: InterfaceLink = {
  name: 'eth1',
  mode: 'server',
  discovery: 'off',
  addresses: [{ address: SERVER, prefix: { base: ip('192.168.77.0'), bits: 24 } }],
};

/** A broadcast on eth1. */
export const BROADCAST: Arrival = {
  link: LINK,
  plane: 'dhcp',
  port: 67,
  local: SERVER,
  cast: 'broadcast',
  source: { address: ANY_IPV4, port: 68 },
};

export const unicastFrom = (address: Ipv4, fields: Partial<Arrival> = {}): Arrival => ({
  ...BROADCAST,
  cast: 'unicast',
  source: { address, port: 68 },
  ...fields,
});

export const LAB = subnetOf({
  cidr: '192.168.77.0/24',
  pools: ['192.168.77.100-192.168.77.102'],
  router: '192.168.77.1',
  dns: ['192.168.77.1'],
  domain: 'lab',
});

export const binding = (address: string, key: string, fields: Partial<Binding> = {}): Binding => ({
  address: ip(address),
  key,
  state: 'bound',
  boundAt: NOW - 1000,
  expiresAt: NOW + 3_600_000,
  ...fields,
});

export type Situation = {
  readonly subnets?: readonly SubnetDocument[];
  readonly arrival?: Arrival;
  readonly bindings?: readonly Binding[];
  readonly holds?: readonly { readonly address: string; readonly key: string; readonly at?: number }[];
  readonly boot?: BootFile;
  readonly reservation?: Ipv4;
  /** Addresses that other machines have reserved. */
  readonly reserved?: readonly Ipv4[];
  readonly sameMachine?: readonly MacAddress[];
  readonly noNewLeases?: LeaseQuestion['noNewLeases'];
  readonly noOption43?: boolean;
  readonly serverId?: Ipv4;
  readonly machine?: Machine;
};

const NO_BOOT: BootFile = { kind: 'none', code: 'no-boot-file', because: 'nothing to boot' };

/** One decision, from message to answer, with everything that it rests on given. */
export function decide(message: Dhcp4Message, situation: Situation = {}): Answer {
  const { subnets = [LAB], arrival = BROADCAST, bindings = [], holds = [], reserved = [], boot = NO_BOOT } = situation;
  const networks = networksOf(subnets);
  const relay = getOption(message.options, 'relayInformation');
  const table = leaseTable({
    networks,
    mayGive: (address) => address !== SERVER && !reserved.includes(address) && address !== situation.reservation,
  });
  const home = networks.all[0];
  if (home) {
    for (const one of bindings) table.set(home, one);
    for (const { address, key, at = NOW } of holds) table.hold(home, ip(address), key, at);
  }
  const type = getOption(message.options, 'messageType');
  if (!type) throw new Error('a message without a type');
  return answerDhcp(
    {
      message,
      type,
      client: identifyClient(message),
      relay,
      arrival,
      ports: { relay: 67, client: 68 },
      now: NOW,
      serverId: situation.serverId ?? arrival.local,
      isOurs: (serverId) => serverId === SERVER || serverId === situation.serverId,
      boot,
      noOption43: situation.noOption43 ?? false,
    },
    placeOf(message, relay, arrival, networks),
    () => ({
      leases: table,
      reservation: situation.reservation,
      isSameMachine: (key) => situation.sameMachine?.some((one) => one === key) ?? false,
      reservedForOther: (address) => reserved.includes(address),
      noNewLeases: situation.noNewLeases,
    }),
  );
}

export function replyOf(answer: Answer): Reply {
  if (answer.kind === 'reply') return answer;
  throw new Error(`silence (${answer.code}): ${answer.because}`);
}

export function silenceOf(answer: Answer): Silence {
  if (answer.kind === 'silence') return answer;
  throw new Error(`${answer.type}: ${answer.because}`);
}

/** An answer in a few words: `ACK 192.168.77.100` or `silence no-lease`. */
export const inShort = (answer: Answer): string =>
  answer.kind === 'silence'
    ? `silence ${answer.code}${answer.effect ? ` ${answer.effect.kind}` : ''}`
    : answer.type === 'NAK'
      ? 'NAK'
      : `${answer.type} ${answer.message.yiaddr}`;
