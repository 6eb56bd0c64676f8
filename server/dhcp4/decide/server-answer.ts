import { ANY_IPV4, type Ipv4, ipv4ToNumber } from '#machines/values/ip-address.ts';
import { getOption } from '../wire/options.ts';
import { type Answer, type Bind, silence } from './answer.ts';
import { type Binding, isCurrent } from './binding.ts';
import { contains } from './network.ts';
import type { LeaseQuestion, Question } from './question.ts';
import { informReply, leaseReply, nakReply } from './reply.ts';
import { requestStateOf } from './request-state.ts';

/** Kea's figure: how long an address that somebody unknown uses is left alone. */
export const DECLINED_MS = 24 * 3_600_000;

/** Server mode: RFC 2131 §4.3, one message type after the other. */
export function answerAsServer(question: LeaseQuestion): Answer {
  switch (question.type) {
    case 'DISCOVER':
      return answerDiscover(question);
    case 'REQUEST':
      return answerRequest(question);
    case 'DECLINE':
      return answerDecline(question);
    case 'RELEASE':
      return answerRelease(question);
    case 'INFORM':
      return informReply(question, question.network);
    case 'OFFER':
    case 'ACK':
    case 'NAK':
      return silence('ignored', `${question.type} is what servers send`);
    default:
      return question.type satisfies never;
  }
}

function answerDiscover(question: LeaseQuestion): Answer {
  const { network, key, leases, message, now, noNewLeases, arrival } = question;
  const current = leases.bindingOf(network, key);
  if (noNewLeases && !(current && isCurrent(current, now))) return silence(noNewLeases.code, noNewLeases.because);
  const choice = chooseAddress(question, getOption(message.options, 'requestedAddress'));
  switch (choice.kind) {
    case 'taken':
      return silence('address-taken', `its reservation ${choice.ip} is held by ${choice.by}`);
    case 'exhausted':
      return silence('pool-exhausted', `no address of ${network.name} is free`);
    case 'address': {
      const { ip, known, from } = choice;
      const probe = !known && !isLoopback(arrival.local);
      return leaseReply(
        question,
        'OFFER',
        { network, yiaddr: ip, because: `${REASONS[from]}${bootReason(question)}` },
        { kind: 'hold', network, address: ip, key, probe },
      );
    }
    default:
      return choice satisfies never;
  }
}

const REASONS = {
  reservation: 'its reservation',
  binding: 'its current lease',
  offer: 'offered to it before',
  previous: 'its former address',
  requested: 'the address it asks for is free',
  pool: 'a free address',
} as const;

/** Whether and why something is to be booted; nothing for an operating system. */
function bootReason({ boot, client }: LeaseQuestion): string {
  return client.kind === 'os' ? '' : `; ${boot.because}`;
}

const isLoopback = (ip: Ipv4): boolean => ip.startsWith('127.');

/** A reservation that another network card of the same machine holds: this one gets an address of the pool. */
function chooseAddress(question: LeaseQuestion, requested: Ipv4 | undefined) {
  const { leases, network, key, reservation, now, isSameMachine } = question;
  const choice = leases.choose(network, { key, reservation, requested }, now);
  if (choice.kind !== 'taken' || !isSameMachine(choice.by)) return choice;
  return leases.choose(network, { key, reservation: undefined, requested }, now);
}

function answerRequest(question: LeaseQuestion): Answer {
  const state = requestStateOf(question.message);
  switch (state.kind) {
    case 'selecting': {
      const { network, key } = question;
      if (!question.isOurs(state.serverId)) {
        return silence('other-server', `it takes the offer of ${state.serverId}`, { kind: 'drop-hold', network, key });
      }
      if (state.address === undefined) return silence('ignored', 'it selects us, but names no address');
      return answerSelecting(question, state.address);
    }
    case 'init-reboot':
      return answerInitReboot(question, state.address);
    case 'renewing':
      return answerRenewing(question, state.address);
    case 'unclear':
      return silence('ignored', state.because);
    default:
      return state satisfies never;
  }
}

function answerSelecting(question: LeaseQuestion, address: Ipv4): Answer {
  const { network, leases, key, now, noNewLeases } = question;
  const current = leases.bindingOf(network, key);
  if (noNewLeases && !(current && isCurrent(current, now))) return silence(noNewLeases.code, noNewLeases.because);
  const refusal = whyNot(question, address);
  return refusal === undefined ? acknowledge(question, address, 'it takes our offer') : nakReply(question, refusal);
}

/** RFC 2131 §4.3.2, INIT-REBOOT: the client remembers an address and asks whether it may go on with it. */
function answerInitReboot(question: LeaseQuestion, address: Ipv4): Answer {
  const { network, leases, key, reservation, now } = question;
  if (!contains(network, ipv4ToNumber(address))) return nakReply(question, `${address} is not in ${network.name}`);
  const expected = reservation ?? leases.bindingOf(network, key)?.address ?? leases.heldBy(network, key, now);
  if (expected === undefined) return answerUnknown(question, address);
  if (expected !== address) return nakReply(question, `${address} is not its address here, that is ${expected}`);
  const refusal = whyNot(question, address);
  return refusal === undefined ? acknowledge(question, address, 'it keeps its address') : nakReply(question, refusal);
}

/** RENEWING and REBINDING. A lease of ours goes on, also where a reservation would now give another address. */
function answerRenewing(question: LeaseQuestion, address: Ipv4): Answer {
  const { network, leases, key, reservation } = question;
  if (!contains(network, ipv4ToNumber(address))) return nakReply(question, `${address} is not in ${network.name}`);
  const binding = leases.bindingOf(network, key);
  if (binding?.address !== address && reservation !== address) return answerUnknown(question, address);
  const refusal = whyNot(question, address);
  return refusal === undefined ? acknowledge(question, address, 'it renews its lease') : nakReply(question, refusal);
}

/** Another server may know this client; only who owns the network may say no. */
function answerUnknown(question: LeaseQuestion, address: Ipv4): Answer {
  const { network } = question;
  if (network.document.authoritative) return nakReply(question, `no lease of ${address} is known for it`);
  return silence('no-lease', `no lease of ${address} is known for it, and ${network.name} is not authoritative`);
}

/** Why this client may not have this address now. */
function whyNot(question: LeaseQuestion, address: Ipv4): string | undefined {
  const { network, leases, key, now, reservation, reservedForOther } = question;
  if (!contains(network, ipv4ToNumber(address))) return `${address} is not in ${network.name}`;
  if (address === reservation) return heldText(leases.otherHolder(network, address, key, now), address);
  if (reservedForOther(address)) return `${address} is reserved for another machine`;
  if (!leases.isInPool(network, address)) return `${address} is in no pool of ${network.name}`;
  return heldText(leases.otherHolder(network, address, key, now), address);
}

const heldText = (holder: string | undefined, address: Ipv4): string | undefined =>
  holder === undefined ? undefined : `${address} is held by another client`;

function acknowledge(question: LeaseQuestion, address: Ipv4, why: string): Answer {
  const { network, key, now, client, message } = question;
  const hostname = getOption(message.options, 'hostName')?.slice(0, 255);
  const binding: Binding = {
    address,
    key,
    ...(client.mac === undefined ? {} : { mac: client.mac }),
    ...(hostname === undefined || hostname === '' ? {} : { hostname }),
    state: 'bound',
    boundAt: now,
    expiresAt: now + network.document.leaseSeconds * 1000,
  };
  const first: Bind = { kind: 'bind', network, binding, isReserved: address === question.reservation };
  return leaseReply(question, 'ACK', { network, yiaddr: address, because: `${why}${bootReason(question)}` }, first);
}

/** The store knows better than the table: somebody has the address that was about to be acknowledged. */
export function answerTaken(question: Question, { binding: { address }, isReserved }: Bind): Answer {
  return isReserved
    ? silence('address-taken', `its reservation ${address} is held by another client`)
    : nakReply(question, `${address} was taken by another client`);
}

/** RFC 2131 §4.3.3. Only from whom the address was given to: a forged DECLINE for each address would drain a pool. */
function answerDecline(question: LeaseQuestion): Answer {
  const { network, leases, key, now, message, isOurs, client } = question;
  const serverId = getOption(message.options, 'serverId');
  const address = getOption(message.options, 'requestedAddress');
  if (serverId !== undefined && !isOurs(serverId))
    return silence('other-server', `it declines an address of ${serverId}`);
  if (address === undefined) return silence('ignored', 'a DECLINE without an address');
  const holds = leases.heldBy(network, key, now) === address || leases.bindingOf(network, key)?.address === address;
  if (!holds) return silence('ignored', `it declines ${address}, which it does not hold`);
  const binding: Binding = {
    address,
    key,
    ...(client.mac === undefined ? {} : { mac: client.mac }),
    state: 'declined',
    boundAt: now,
    expiresAt: now + DECLINED_MS,
  };
  return silence('ignored', `it found ${address} in use: nobody gets it for a day`, {
    kind: 'decline',
    network,
    binding,
  });
}

/** RFC 2131 §4.3.4: free, but who had it is remembered. */
function answerRelease(question: LeaseQuestion): Answer {
  const { network, leases, key, message, isOurs } = question;
  const serverId = getOption(message.options, 'serverId');
  const { ciaddr } = message;
  if (serverId !== undefined && !isOurs(serverId)) return silence('other-server', `it releases a lease of ${serverId}`);
  if (ciaddr === ANY_IPV4) return silence('ignored', 'a RELEASE without an address');
  const binding = leases.bindingOf(network, key);
  if (binding?.address !== ciaddr) return silence('ignored', `it releases ${ciaddr}, which it does not hold`);
  return silence('ignored', `it gives back ${ciaddr}`, { kind: 'release', network, address: ciaddr, key });
}
