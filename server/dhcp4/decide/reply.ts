import { ANY_IPV4, type Ipv4 } from '#machines/values/ip-address.ts';
import type { LayoutLimits } from '../wire/layout.ts';
import { type Dhcp4Message, encodeDhcp4 } from '../wire/message.ts';
import { maxReplyBytes } from '../wire/message-size.ts';
import { codeOf, type OptionName } from '../wire/option-table.ts';
import { type Dhcp4Options, getOption, makeOptions, rawOption, withEchoed } from '../wire/options.ts';
import { readPxeOptions } from '../wire/pxe-options.ts';
import type { Reply } from './answer.ts';
import { type BootShape, bootShapeOf } from './boot-shape.ts';
import { asNak, destinationOf } from './destination.ts';
import type { Network } from './network.ts';
import type { Question } from './question.ts';

const MASK = codeOf('subnetMask');
const VENDOR_INFORMATION = codeOf('vendorInformation');

/** Of the network's options those that were asked for; the mask always; all of them if the client asks for none. */
function networkOptions({ options }: Network, requested: Uint8Array | undefined): Dhcp4Options {
  return requested === undefined ? options : options.filter(({ code }) => code === MASK || requested.includes(code));
}

/** RFC 6842: 61 unchanged. RFC 3011: 118 if it was there. RFC 3046 §2.2: 82 byte for byte; the encoder puts it last. */
const ECHOED: readonly OptionName[] = ['clientId', 'subnetSelection', 'relayInformation'];

/** RFC 2131 §4.3.1, table 3: the fixed part of every answer. */
function answerTo({ message }: Question, fields: Partial<Dhcp4Message>): Dhcp4Message {
  const { htype, hlen, xid, flags, giaddr, chaddr } = message;
  return {
    op: 2,
    htype,
    hlen,
    // 0 by the RFC. Kea copies it; nothing but a ROM of 2016 looks, and that one fails behind any relay anyway.
    hops: 0,
    xid,
    secs: 0,
    flags,
    ciaddr: ANY_IPV4,
    yiaddr: ANY_IPV4,
    siaddr: ANY_IPV4,
    giaddr,
    chaddr,
    sname: '',
    file: '',
    options: [],
    ...fields,
  };
}

type Leased = { readonly network: Network; readonly yiaddr: Ipv4; readonly because: string };

/** OFFER and ACK are made by the same hand: firmware that finds them different starts again. */
export function leaseReply(
  question: Question,
  type: 'OFFER' | 'ACK',
  { network, yiaddr, because }: Leased,
  first: Reply['first'],
): Reply {
  const { message, boot, serverId } = question;
  const shape = boot.kind === 'file' ? shapeFor(question, boot.name, false) : undefined;
  const requested = getOption(message.options, 'parameterRequestList');
  const options = [
    ...makeOptions({ messageType: type, serverId }),
    ...network.leaseOption,
    ...networkOptions(network, requested),
    ...(shape ? makeOptions(shape.options) : []),
  ];
  const ciaddr = type === 'ACK' ? message.ciaddr : ANY_IPV4;
  return reply(question, type, {
    message: answerTo(question, {
      ...shapeFields(shape),
      ciaddr,
      yiaddr,
      options: withEchoed(options, message.options, shape ? [...ECHOED, ...shape.echo] : ECHOED),
    }),
    proxy: false,
    because,
    first,
  });
}

/** RFC 2131 §4.3.5: configuration without a lease, so neither yiaddr nor times. */
export function informReply(question: Question, network: Network): Reply {
  const { message, boot, serverId } = question;
  const shape = boot.kind === 'file' ? shapeFor(question, boot.name, false) : undefined;
  const requested = getOption(message.options, 'parameterRequestList');
  const options = [
    ...makeOptions({ messageType: 'ACK', serverId }),
    ...networkOptions(network, requested),
    ...(shape ? makeOptions(shape.options) : []),
  ];
  return reply(question, 'ACK', {
    message: answerTo(question, {
      ...shapeFields(shape),
      ciaddr: message.ciaddr,
      options: withEchoed(options, message.options, shape ? [...ECHOED, ...shape.echo] : ECHOED),
    }),
    proxy: false,
    because: 'it has an address and asks for the rest',
    first: undefined,
    to: destinationOf(question, 'INFORM'),
  });
}

/**
 * The boot part alone, beside another server's lease: yiaddr 0 and no lease time, mask or router, or the client would
 * take it for a lease.
 */
export function proxyReply(
  question: Question,
  type: 'OFFER' | 'ACK',
  name: string | undefined,
  because: string,
): Reply {
  const { message, serverId } = question;
  const shape = shapeFor(question, name, true);
  const options = makeOptions({ messageType: type, serverId, ...shape.options });
  return reply(question, type, {
    message: answerTo(question, {
      ...shapeFields(shape),
      ciaddr: type === 'ACK' ? message.ciaddr : ANY_IPV4,
      options: withEchoed(options, message.options, [...ECHOED, ...shape.echo]),
    }),
    proxy: true,
    because,
    first: undefined,
  });
}

/** RFC 2131 §4.3.2, table 3: only 53, 54, 56, 61 and 82. */
export function nakReply(question: Question, because: string): Reply {
  const { message, serverId } = question;
  const options = makeOptions({ messageType: 'NAK', serverId, message: because.slice(0, 255) });
  return reply(question, 'NAK', {
    message: asNak(
      answerTo(question, { options: withEchoed(options, message.options, ['clientId', 'relayInformation']) }),
    ),
    proxy: false,
    because,
    first: undefined,
  });
}

function reply(
  question: Question,
  type: Reply['type'],
  parts: Pick<Reply, 'message' | 'proxy' | 'because' | 'first'> & { readonly to?: Reply['to'] },
): Reply {
  const { boot, serverId, client } = question;
  return {
    kind: 'reply',
    type,
    to: parts.to ?? destinationOf(question, type),
    serverId,
    bootFile: boot.kind === 'file' && type !== 'NAK' ? (boot.name ?? '') : undefined,
    noBoot: boot.kind === 'none' && client.kind !== 'os' && type !== 'NAK' ? boot : undefined,
    message: parts.message,
    proxy: parts.proxy,
    because: parts.because,
    first: parts.first,
  };
}

function shapeFor(
  { message, client, arrival, noOption43 }: Question,
  name: string | undefined,
  proxy: boolean,
): BootShape {
  const vendorInformation =
    client.kind === 'pxe' || client.kind === 'ipxe' ? rawOption(message.options, VENDOR_INFORMATION) : undefined;
  const bootItem = vendorInformation && readPxeOptions(vendorInformation).bootItem;
  return bootShapeOf({ client, server: arrival.local, name, proxy, noOption43, bootItem });
}

const shapeFields = (shape: BootShape | undefined): Pick<Dhcp4Message, 'siaddr' | 'sname' | 'file'> =>
  shape ? { siaddr: shape.siaddr, sname: shape.sname, file: shape.file } : { siaddr: ANY_IPV4, sname: '', file: '' };

/** What may be left out of an answer that is too long, first to go first. What boots a machine is not among it. */
const DROPPABLE = (
  ['ntpServers', 'domainSearch', 'domainName', 'tftpServerName', 'domainNameServers', 'broadcastAddress'] as const
).map(codeOf);

export function limitsFor({ message, client }: Pick<Question, 'message' | 'client'>): LayoutLimits {
  const requested = getOption(message.options, 'parameterRequestList');
  return {
    maxBytes: maxReplyBytes(message.options),
    droppable: DROPPABLE,
    overload: client.kind === 'os',
    ...(requested ? { requested } : {}),
  };
}

export const encodeReply = (question: Pick<Question, 'message' | 'client'>, { message }: Reply): Uint8Array =>
  encodeDhcp4(message, limitsFor(question));
