import { ANY_IPV4 } from '#machines/values/ip-address.ts';
import { Cursor, Malformed } from './cursor.ts';
import { type Dhcp4Message, macOf, wantsBroadcast } from './message.ts';
import { codeOf, optionOfCode } from './option-table.ts';
import { type Dhcp4Options, getOption, hasOption, type RawOption, rawOption } from './options.ts';
import { readPxeOptions, showPxeOptions } from './pxe-options.ts';
import { canBe, hex, quoted } from './shape.ts';

const ADDRESSES = ['ciaddr', 'yiaddr', 'siaddr', 'giaddr'] as const;

/** One line for a log: what it is, from whom, and what tells clients apart. Text of a stranger is escaped. */
export function summarizeDhcp4(message: Dhcp4Message): string {
  const { options } = message;
  const parts = [`${nameOf(message)} xid ${xidText(message.xid)}`, whoIs(message)];
  for (const field of ADDRESSES) if (message[field] !== ANY_IPV4) parts.push(`${field} ${message[field]}`);
  const requested = getOption(options, 'requestedAddress');
  if (requested) parts.push(`wants ${requested}`);
  const serverId = getOption(options, 'serverId');
  if (serverId) parts.push(`server ${serverId}`);
  const vendorClass = getOption(options, 'vendorClass');
  if (vendorClass !== undefined) parts.push(quoted(vendorClass));
  const architecture = getOption(options, 'clientArchitecture');
  if (architecture) parts.push(`arch ${architecture.join(',')}`);
  const userClass = getOption(options, 'userClass');
  if (userClass) parts.push(`user class ${userClass.classes.map(quoted).join(',')}`);
  if (message.file !== '') parts.push(`file ${quoted(message.file)}`);
  const bootFile = getOption(options, 'bootFileName');
  if (bootFile !== undefined && bootFile !== message.file) parts.push(`boot file ${quoted(bootFile)}`);
  if (hasOption(options, codeOf('relayInformation'))) parts.push('relay information');
  if (wantsBroadcast(message)) parts.push('broadcast');
  return parts.join(', ');
}

/** Every field and option on a line of its own; what is read can be compared and reviewed. */
export function describeDhcp4(message: Dhcp4Message): string {
  const lines = [
    `${nameOf(message)} op ${message.op} htype ${message.htype} hlen ${message.hlen} hops ${message.hops}`,
    `xid ${xidText(message.xid)} secs ${message.secs} flags ${message.flags.toString(16).padStart(4, '0')}`,
    ADDRESSES.map((field) => `${field} ${message[field]}`).join(' '),
    `chaddr ${hex(message.chaddr)}`,
    `sname ${quoted(message.sname)}`,
    `file ${quoted(message.file)}`,
    ...message.options.map((option) => describeOption(option, message.options)),
  ];
  return `${lines.join('\n')}\n`;
}

function nameOf({ op, options }: Dhcp4Message): string {
  const type = getOption(options, 'messageType');
  if (type) return type;
  const code = rawOption(options, codeOf('messageType'));
  if (code) return `message type [${hex(code)}]`;
  return op === 1 ? 'BOOTREQUEST' : 'BOOTREPLY';
}

const xidText = (xid: number): string => xid.toString(16).padStart(8, '0');

function whoIs(message: Dhcp4Message): string {
  const mac = macOf(message);
  if (mac) return mac;
  const clientId = getOption(message.options, 'clientId');
  return `htype ${message.htype} ${clientId ? `client id ${hex(clientId)}` : hex(message.chaddr.subarray(0, message.hlen))}`;
}

function describeOption(option: RawOption, all: Dhcp4Options): string {
  const known = optionOfCode(option.code);
  const bytes = option.bytes.subarray(option.start, option.end);
  if (!known) return `${option.code}: [${hex(bytes)}]`;
  if (!canBe(known, bytes.length)) {
    return `${option.code} ${known.name}: wrong size [${hex(bytes)}]`;
  }
  if (known.name === 'vendorInformation' && getOption(all, 'vendorClass')?.startsWith('PXEClient')) {
    return `${option.code} ${known.name}: ${showPxeOptions(readPxeOptions(bytes))}`;
  }
  try {
    return `${option.code} ${known.name}: ${known.describe(new Cursor(bytes))}`;
  } catch (error) {
    if (error instanceof Malformed) return `${option.code} ${known.name}: unreadable [${hex(bytes)}]`;
    throw error;
  }
}
