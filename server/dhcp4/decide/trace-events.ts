import type { DhcpClient, TraceBody } from '#machines/contract/trace.ts';
import { ANY_IPV4 } from '#machines/values/ip-address.ts';
import { getOption } from '../wire/options.ts';
import type { Reply } from './answer.ts';
import type { Client } from './client.ts';
import { destinationText } from './destination.ts';
import type { Question } from './question.ts';

type Received = Extract<TraceBody, { kind: 'dhcp-received' }>;
type Answered = Extract<TraceBody, { kind: 'dhcp-answered' }>;

const MAX_TEXT = 255;
const cut = (text: string): string => text.slice(0, MAX_TEXT);

/** What a trace keeps of a packet that came. */
export function receivedEvent(
  question: Pick<Question, 'message' | 'client' | 'relay' | 'arrival'>,
  message: Received['message'],
): Received {
  const { client, relay, arrival } = question;
  const { xid, secs, ciaddr, giaddr, options } = question.message;
  const requestedAddress = getOption(options, 'requestedAddress');
  const serverId = getOption(options, 'serverId');
  const circuitId = relay?.circuitId;
  return {
    kind: 'dhcp-received',
    message,
    xid,
    port: arrival.port,
    client: clientOf(client),
    secs,
    ...(ciaddr === ANY_IPV4 ? {} : { ciaddr }),
    ...(requestedAddress === undefined ? {} : { requestedAddress }),
    ...(serverId === undefined ? {} : { serverId }),
    ...(giaddr === ANY_IPV4
      ? {}
      : { relay: { giaddr, ...(circuitId === undefined ? {} : { circuitId: circuitText(circuitId) }) } }),
    ...(arrival.link ? { interface: arrival.link.name } : {}),
  };
}

export function answeredEvent(reply: Reply): Answered {
  const { message, type, proxy, serverId, bootFile, to, because } = reply;
  return {
    kind: 'dhcp-answered',
    message: type,
    xid: message.xid,
    proxy,
    ...(message.yiaddr === ANY_IPV4 ? {} : { yiaddr: message.yiaddr }),
    serverId,
    ...(bootFile === undefined ? {} : { bootFile: cut(bootFile) }),
    to: destinationText(to, message),
    because: cut(because),
  };
}

function clientOf({ kind, archCode, vendorClass, userClass, ipxe }: Client): DhcpClient {
  return {
    kind,
    ...(archCode === undefined ? {} : { archCode }),
    ...(vendorClass === undefined ? {} : { vendorClass: cut(vendorClass) }),
    ...(userClass === undefined ? {} : { userClass: cut(userClass) }),
    ...(ipxe ? { http: ipxe.http } : {}),
  };
}

/** Switches write a port's name as text or as a few numbers. */
function circuitText(bytes: Uint8Array): string {
  const text = String.fromCharCode(...bytes.subarray(0, MAX_TEXT));
  return /^[\x20-\x7e]+$/.test(text)
    ? text
    : Array.from(bytes.subarray(0, 64), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Facts that a packet tells of its machine. */
export function factsOf({ client, message }: Pick<Question, 'client' | 'message'>): Record<string, string> {
  const facts: Record<string, string> = {};
  const { system, kind, vendorClass } = client;
  if (system && kind !== 'ipxe') facts['arch'] = system.platform === 'bios' ? 'x86_64' : system.architecture;
  if (kind === 'raspberry-pi') facts['firmware'] = 'raspberry-pi';
  else if (system) facts['firmware'] = system.platform;
  if (vendorClass !== undefined && kind !== 'os') facts['vendor-class'] = cut(vendorClass);
  const hostname = getOption(message.options, 'hostName');
  if (hostname !== undefined && hostname !== '') facts['hostname'] = cut(hostname);
  return facts;
}
