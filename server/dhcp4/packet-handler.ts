import { hasSecureBoot } from '#machines/decide/loader.ts';
import type { Machine } from '#machines/contract/machine.ts';
import type { TraceBody } from '#machines/contract/trace.ts';
import { ANY_IPV4, type Ipv4, ipv4ToNumber, isIpv6 } from '#machines/values/ip-address.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import type { Subject } from '#services/trace/contract.ts';
import type { ConflictProbe } from './conflict-probe.ts';
import type { Dhcp4Limits, Dhcp4Parts } from './contract.ts';
import type { Counters } from './counters.ts';
import type { Answer, Bind, Hold, Reply, Silence } from './decide/answer.ts';
import type { Binding } from './decide/binding.ts';
import { answerDhcp, type LeaseFacts } from './decide/answer-dhcp.ts';
import { type BootFile, chooseBootFile } from './decide/boot-file.ts';
import { bootPins } from './decide/boot-pins.ts';
import { type Client, identifyClient, isNetbootClient } from './decide/client.ts';
import type { Ports } from './decide/destination.ts';
import type { IngotMarker } from './decide/ingot-marker.ts';
import { loopGuard } from './decide/loop-guard.ts';
import { contains, type Networks } from './decide/network.ts';
import { type Place, placeOf } from './decide/place.ts';
import { isProbe, probeReply } from './decide/probe-reply.ts';
import type { Question } from './decide/question.ts';
import { relayHabits } from './decide/relay-habits.ts';
import { encodeReply } from './decide/reply.ts';
import { answerTaken, DECLINED_MS } from './decide/server-answer.ts';
import { isKnownRelay } from './decide/select-network.ts';
import { tokenBucket } from './decide/token-bucket.ts';
import { answeredEvent, factsOf, receivedEvent } from './decide/trace-events.ts';
import type { Leases } from './leases.ts';
import type { Incoming } from './listeners.ts';
import type { Restraint } from './rivals.ts';
import { type Dhcp4Message, decodeDhcp4, encodeDhcp4 } from './wire/message.ts';
import { codeOf } from './wire/option-table.ts';
import { getOption, hasOption } from './wire/options.ts';
import { summarizeDhcp4 } from './wire/summary.ts';

export type HandlerParts = Pick<
  Dhcp4Parts,
  'config' | 'registry' | 'recorder' | 'planner' | 'loaders' | 'bootPort' | 'tftpPort' | 'log' | 'now'
> & {
  readonly networks: Networks;
  readonly leases: Leases;
  readonly ports: Ports;
  readonly limits: Dhcp4Limits;
  readonly counters: Counters;
  readonly probe: ConflictProbe | undefined;
  readonly self: () => IngotMarker;
  readonly isOwnAddress: (ip: Ipv4) => boolean;
  readonly restraint: (name: string) => Restraint | undefined;
  readonly suspect: (name: string) => void;
};

const RELAY_INFORMATION = codeOf('relayInformation');
const LABEL_NO_OPTION_43 = 'ingot/no-option-43';
/** An address is declined once in a while; more than that is somebody who drains a pool. */
const DECLINES = { burst: 16, perSecond: 1 / 60 };
/** Each probe makes an entry in the kernel's table of neighbours, which by default holds 1,024 for everybody. */
const PROBES = { burst: 64, perSecond: 32 };

/**
 * Packets of firmware that nobody has registered, in traces and sightings: a thousand new machines at once are all seen,
 * and a flood of made-up addresses does not slow the leases of others.
 */
const STRANGERS = { burst: 4000, perSecond: 200 };
/** Lines at level info; more than that nobody reads, and each costs as much as a third of an answer. */
const LINES = { burst: 500, perSecond: 100 };

/** A packet on its way: what is known of it besides the question. */
type Case = {
  readonly incoming: Incoming;
  readonly question: Question;
  readonly place: Place;
  readonly machine: Machine | undefined;
  /** Of whom a trace is kept; nobody for a stranger that only wants an address. */
  readonly subject: Subject | undefined;
};

/**
 * One datagram after the other: decode, say who it is, decide, make durable, answer. What fails ends with its datagram.
 */
export function packetHandler(parts: HandlerParts) {
  const { config, networks, leases, registry, recorder, limits, counters, log, now } = parts;
  const pins = bootPins();
  const loops = loopGuard(limits.loop);
  const habits = relayHabits();
  const declines = tokenBucket(DECLINES);
  const probes = tokenBucket(PROBES);
  const strangers = tokenBucket(STRANGERS);
  const lines = tokenBucket(LINES);
  const inWork = new Set<Promise<void>>();
  /** Clients whose answer waits for the disk or a probe: asking again meanwhile changes nothing. */
  const waiting = new Set<string>();
  const probing = new Set<Ipv4>();

  function receive(incoming: Incoming): void {
    const decoded = decodeDhcp4(incoming.bytes);
    if (decoded.kind === 'malformed') {
      counters.received('malformed');
      log.debug({ peer: incoming.arrival.source.address, because: decoded.because }, 'dhcp4: malformed');
      return;
    }
    const { message } = decoded;
    // Our own broadcasts come back to us.
    if (message.op !== 1) return;
    const type = getOption(message.options, 'messageType');
    counters.received(type ?? 'BOOTP');
    if (type === undefined) {
      counters.silent('ignored');
      return debug(message, 'silent (ignored): BOOTP is not served');
    }
    const { arrival } = incoming;
    const restraint = arrival.link && parts.restraint(arrival.link.name);
    if (isProbe(message)) {
      if (restraint?.from !== 'all') answerProbe(incoming, message);
      return;
    }
    const relay = hasOption(message.options, RELAY_INFORMATION)
      ? getOption(message.options, 'relayInformation')
      : undefined;
    const client = identifyClient(message);
    const place = restrained(placed(message, relay, incoming), restraint);
    // 82.11 (RFC 5107) of a relay that is ours to believe.
    const override = relay && isKnownRelay(message.giaddr, networks) ? relay.serverIdOverride : undefined;
    const asked = { message, type, client, relay, arrival, ports: parts.ports, now: now() } as const;
    const known = client.mac && registry.machineByMac(client.mac);
    const traced = isTraced(client, known, asked.now);
    const machine = traced ? (observe(asked) ?? known) : known;
    const subject = traced ? note(asked, client, incoming) : undefined;
    const question: Question = {
      ...asked,
      serverId: override ?? arrival.local,
      isOurs: (serverId) => serverId === override || serverId === arrival.local || parts.isOwnAddress(serverId),
      boot: bootFor(asked, place, machine, subject),
      noOption43: machine?.document.labels[LABEL_NO_OPTION_43] !== undefined,
    };
    const one: Case = { incoming, question, place, machine, subject };
    carryOut(
      one,
      answerDhcp(question, place, () => leaseFacts(one)),
    );
  }

  /** Clients that boot over the network, and registered machines. An iPXE always is: its script's URL names the attempt. */
  function isTraced(client: Client, known: Machine | undefined, at: number): boolean {
    if (client.mac === undefined) return false;
    if (known ? known.acceptance !== 'seen' : !isNetbootClient(client)) return known !== undefined;
    if (client.kind === 'ipxe' || strangers.take(at)) return true;
    counters.count('untraced');
    return false;
  }

  function answerProbe(incoming: Incoming, message: Dhcp4Message): void {
    const { arrival } = incoming;
    if (!arrival.link) return;
    const answer = probeReply(message, { self: parts.self(), serverId: arrival.local, ports: parts.ports });
    if (answer) incoming.reply(encodeDhcp4(answer.message), answer.to);
  }

  function placed(message: Dhcp4Message, relay: Question['relay'], { arrival }: Incoming): Place {
    if (message.giaddr !== ANY_IPV4) {
      const complaint = habits.complaint(message.giaddr, relay);
      if (complaint !== undefined) return { kind: 'silent', code: 'relay-without-82', because: complaint };
    }
    return placeOf(message, relay, arrival, networks);
  }

  function observe({ client, message, now: at }: Pick<Question, 'client' | 'message' | 'now'>): Machine | undefined {
    if (!client.mac) return undefined;
    return registry.observe({
      mac: client.mac,
      ...(client.uuid === undefined ? {} : { uuid: client.uuid }),
      facts: factsOf({ client, message }),
      source: client.kind === 'ipxe' ? 'ipxe' : 'dhcp',
      at,
    });
  }

  /** Tells the trace what came. Gives whom all further events are about. */
  function note(
    asked: Omit<Question, 'serverId' | 'isOurs' | 'boot' | 'noOption43'>,
    client: Client,
    incoming: Incoming,
  ): Subject | undefined {
    const { mac } = client;
    const { type, message, arrival } = asked;
    if (mac === undefined || type === 'OFFER' || type === 'ACK' || type === 'NAK') return undefined;
    const serverId = type === 'REQUEST' ? getOption(message.options, 'serverId') : undefined;
    const address =
      message.ciaddr === ANY_IPV4 ? serverId && getOption(message.options, 'requestedAddress') : message.ciaddr;
    const about: Subject = { mac, ...(address === undefined ? {} : { address }) };
    const attempt = recorder.record(about, receivedEvent(asked, type));
    if (client.kind === 'os' && message.ciaddr === ANY_IPV4 && (type === 'DISCOVER' || type === 'REQUEST')) {
      const hostname = getOption(message.options, 'hostName');
      recorder.record(about, {
        kind: 'os-dhcp',
        ...(client.vendorClass === undefined ? {} : { vendorClass: client.vendorClass.slice(0, 255) }),
        ...(hostname === undefined ? {} : { hostname: hostname.slice(0, 255) }),
      });
    }
    const subject: Subject = { ...about, ...(attempt === undefined ? {} : { attempt }) };
    const { local, port, cast, source } = arrival;
    const destination = { address: cast === 'broadcast' ? BROADCAST : local, port };
    recorder.packet?.(subject, { source, destination, payload: incoming.bytes });
    return subject;
  }

  function bootFor(
    asked: Pick<Question, 'client' | 'message' | 'arrival' | 'now'>,
    place: Place,
    machine: Machine | undefined,
    subject: Subject | undefined,
  ): BootFile {
    const { client, message, arrival } = asked;
    const { mac } = client;
    if (place.kind === 'silent' || !isNetbootClient(client) || mac === undefined) return NOTHING_TO_BOOT;
    return pins.pinned(`${client.kind} ${mac} ${message.xid}`, asked.now, () => {
      const { attempt } = subject ?? {};
      const boot = chooseBootFile({
        client,
        plan: parts.planner({ machine, attempt, discovery: place.discovery }),
        loaders: parts.loaders.available(),
        secureBoot: hasSecureBoot(machine),
        attempt,
        advertise:
          place.network?.document.advertise?.replace(/\/+$/, '') ??
          config.boot.advertise ??
          `http://${arrival.local}:${parts.bootPort()}`,
        tftp: { address: arrival.local, port: parts.tftpPort() },
      });
      if (boot.kind === 'none') return boot;
      const kind = client.kind === 'ipxe' ? 'script' : 'loader';
      if (!loops.isLoop(mac, kind, message.xid, asked.now)) return boot;
      const minutes = Math.round(limits.loop.windowMs / 60_000);
      return {
        kind: 'none',
        code: 'loop',
        because: `it was given its ${kind} ${limits.loop.boots} times within ${minutes} minutes`,
      };
    });
  }

  function leaseFacts({ question, place, machine }: Case): LeaseFacts {
    const network = place.kind === 'served' ? place.network : undefined;
    const reserved = machine?.document.address;
    const restraint = question.arrival.link && parts.restraint(question.arrival.link.name);
    return {
      leases: leases.table,
      reservation:
        reserved !== undefined && !isIpv6(reserved) && network && contains(network, ipv4ToNumber(reserved))
          ? reserved
          : undefined,
      isSameMachine(key) {
        const mac = parseMacAddress(key);
        return (
          machine !== undefined && mac.ok && registry.machineByMac(mac.value)?.document.name === machine.document.name
        );
      },
      reservedForOther(ip) {
        const owner = registry.machineByReservation(ip);
        return owner !== undefined && owner.document.name !== machine?.document.name;
      },
      noNewLeases: restraint?.from === 'new-leases' && question.message.giaddr === ANY_IPV4 ? restraint : undefined,
    };
  }

  function carryOut(one: Case, answer: Answer): void {
    if (answer.kind === 'silence') return stayQuiet(one, answer);
    const { first } = answer;
    switch (first?.kind) {
      case undefined:
        return send(one, answer);
      case 'hold':
        return offer(one, answer, first);
      case 'bind':
        return later(one, first.binding.key, async () => bind(one, answer, first));
      default:
        return first satisfies never;
    }
  }

  /** Work that waits for something, at most one for a client and not more than the limit in all. */
  function later(one: Case, key: string, work: () => Promise<void>): void {
    if (waiting.has(key)) return counters.silent('limit');
    if (waiting.size >= limits.pending) {
      return stayQuiet(one, {
        kind: 'silence',
        code: 'limit',
        because: 'too many answers are waiting',
        effect: undefined,
      });
    }
    waiting.add(key);
    const done = work()
      .catch((error: unknown) => {
        log.error({ err: error, packet: summarizeDhcp4(one.question.message) }, 'dhcp4: could not answer');
      })
      .finally(() => {
        waiting.delete(key);
        inWork.delete(done);
      });
    inWork.add(done);
  }

  async function bind(one: Case, answer: Reply, first: Bind): Promise<void> {
    const { network, binding } = first;
    // Nobody else is offered it while the disk is busy.
    const current = leases.table.bindingOf(network, binding.key);
    if (current?.address !== binding.address)
      leases.table.hold(network, binding.address, binding.key, one.question.now);
    try {
      const result = await leases.bind(network, binding);
      if (result.kind === 'taken') return carryOut(one, answerTaken(one.question, first));
    } catch (error) {
      counters.count('bindingsFailed');
      throw error;
    }
    counters.count('bindingsStored');
    send(one, answer);
  }

  function offer(one: Case, answer: Reply, hold: Hold): void {
    const { network, address, key, probe } = hold;
    const { now: at, arrival, message } = one.question;
    if (probing.has(address)) return counters.silent('limit');
    leases.table.hold(network, address, key, at);
    const { link } = arrival;
    // Only on its own link can an address be asked for.
    const ask = link && message.giaddr === ANY_IPV4 && probe ? parts.probe : undefined;
    if (!link || !ask || probing.size >= limits.probes || !probes.take(at)) return send(one, answer);
    probing.add(address);
    later(one, `probe ${address}`, async () => {
      const found = await ask({
        address,
        interface: link.name,
        client: one.question.client.mac,
        knock: () => one.incoming.reply(NOTHING, { address, port: DISCARD }),
      });
      probing.delete(address);
      if (found === 'silent') return send(one, answer);
      counters.count('conflicts');
      leases.table.dropHold(network, key);
      if (found === 'in-use') await leases.decline(network, strangersBinding(address, at));
      else leases.table.setAside(network, address, at + UNCLEAR_MS);
      log.warn({ address, client: key, found }, 'dhcp4: an address of the pool is used by somebody unknown');
      // With the next address; each one is asked for once, so this ends.
      carryOut(
        one,
        answerDhcp(one.question, one.place, () => leaseFacts(one)),
      );
    });
  }

  function stayQuiet(one: Case, { code, because, effect }: Silence): void {
    const { question, subject } = one;
    counters.silent(code);
    debug(question.message, `silent (${code}): ${because}`);
    if (subject)
      recorder.record(subject, {
        kind: 'dhcp-silent',
        xid: question.message.xid,
        code,
        because: because.slice(0, 255),
      });
    noteOtherServer(one);
    switch (effect?.kind) {
      case undefined:
        return;
      case 'drop-hold':
        return leases.table.dropHold(effect.network, effect.key);
      case 'release':
        return later(one, `release ${effect.key}`, () => leases.release(effect.network, effect.address, effect.key));
      case 'decline':
        if (!declines.take(question.now)) return counters.silent('limit');
        log.warn({ packet: summarizeDhcp4(question.message) }, `dhcp4: ${because}`);
        return later(one, `decline ${effect.binding.key}`, () => leases.decline(effect.network, effect.binding));
      default:
        return effect satisfies never;
    }
  }

  /** A REQUEST that names another server tells that there is one. */
  function noteOtherServer({ question, subject, place }: Case): void {
    const { type, message, isOurs, arrival } = question;
    const serverId = getOption(message.options, 'serverId');
    if (type !== 'REQUEST' || serverId === undefined || isOurs(serverId)) return;
    if (subject) recorder.record(subject, { kind: 'other-dhcp', serverId });
    if (arrival.link && place.kind === 'served' && message.giaddr === ANY_IPV4) parts.suspect(arrival.link.name);
  }

  function send(one: Case, answer: Reply): void {
    const { question, incoming } = one;
    const bytes = encodeReply(question, answer);
    incoming.reply(bytes, answer.to);
    counters.answered(answer.type);
    const { subject } = one;
    if (!subject) return debug(question.message, `${answer.type} ${answer.message.yiaddr}: ${answer.because}`);
    const { yiaddr } = answer.message;
    const about = answer.type === 'ACK' && yiaddr !== ANY_IPV4 ? { ...subject, address: yiaddr } : subject;
    tell(about, answeredEvent(answer));
    if (answer.noBoot) {
      const { code, because } = answer.noBoot;
      tell(about, { kind: 'dhcp-silent', xid: question.message.xid, code, because: because.slice(0, 255) });
    }
    const { local, port } = question.arrival;
    recorder.packet?.(about, { source: { address: local, port }, destination: answer.to, payload: bytes });
    if (!lines.take(question.now)) return;
    const { mac, attempt } = subject;
    const { bootFile, to, type } = answer;
    log.info(
      { mac, attempt, xid: question.message.xid, answer: type, yiaddr, bootFile, to: to.address },
      `dhcp4: ${answer.because}`,
    );
  }

  /** Making the text costs more than answering, so it is made only if somebody reads it. */
  function debug(message: Dhcp4Message, text: string): void {
    if (log.isLevelEnabled('debug')) log.debug({ packet: summarizeDhcp4(message) }, `dhcp4: ${text}`);
  }

  const tell = (subject: Subject, body: TraceBody): void => {
    recorder.record(subject, body);
  };

  return {
    receive,
    pending: () => inWork.size,
    /** Until everything that waits for the disk is done. */
    async settle(): Promise<void> {
      await Promise.all(inWork);
    },
  };
}

const BROADCAST = '255.255.255.255' as Ipv4;
const NOTHING = new Uint8Array(0);
/** RFC 863: whatever comes to this port is thrown away. */
const DISCARD = 9;
/** The kernel needs eight seconds to give up a neighbour that does not answer any more. */
const UNCLEAR_MS = 60_000;

const strangersBinding = (address: Ipv4, at: number): Binding => ({
  address,
  key: 'in-use',
  state: 'declined',
  boundAt: at,
  expiresAt: at + DECLINED_MS,
});

const NOTHING_TO_BOOT: BootFile = {
  kind: 'none',
  code: 'not-a-netboot-client',
  because: 'it does not boot over the network',
};

/** Another Ingot was here first: this one says nothing at all. */
function restrained(place: Place, restraint: Restraint | undefined): Place {
  return restraint?.from === 'all' ? { kind: 'silent', code: restraint.code, because: restraint.because } : place;
}
