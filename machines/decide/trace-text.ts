import type { DhcpClient, TraceEvent } from '../contract/trace.ts';
import { systemOfCode } from '../values/architecture.ts';
import { terminal } from '../values/escape.ts';
import { LOADER_NAMES } from './loader.ts';

/** One event as a line of a terminal, in parts so that they can be coloured. Whatever a client claimed is escaped. */
export type EventLine = {
  /** Since the attempt began: `   +0.02s`. */
  readonly offset: string;
  readonly protocol: string;
  readonly text: string;
  /** Something did not go as it should. What firmware does in healthy boots too, such as breaking a file off, is none. */
  readonly trouble: boolean;
};

export function eventLine(event: TraceEvent, startedAt: number): EventLine {
  return {
    offset: `+${((event.at - startedAt) / 1000).toFixed(2)}s`.padStart(9),
    protocol: PROTOCOLS[event.kind].padEnd(6),
    text: terminal(eventText(event)),
    trouble: isTrouble(event),
  };
}

function isTrouble(event: TraceEvent): boolean {
  switch (event.kind) {
    // Some ROMs ask once for the size and then leave without a word.
    case 'tftp-timeout':
      return event.bytes > 0;
    // Clients try names that nobody offered (`autoexec.ipxe`, `pxelinux.cfg/…`) and go on without them.
    case 'tftp-refused':
      return LOADER_NAMES.includes(event.file);
    case 'dhcp-answered':
      return event.message === 'NAK';
    case 'http-sent':
      return (event.status >= 400 && event.role !== 'other') || (event.method === 'GET' && event.bytes < event.size);
    case 'boot-token':
      return event.act !== 'taken';
    case 'log':
      return event.severity <= ERROR_SEVERITY;
    default:
      return false;
  }
}

/** RFC 5424 §6.2.1. */
const ERROR_SEVERITY = 3;

const PROTOCOLS: Readonly<Record<TraceEvent['kind'], string>> = {
  'dhcp-received': 'DHCP',
  'dhcp-answered': 'DHCP',
  'dhcp-silent': 'DHCP',
  'other-dhcp': 'DHCP',
  'tftp-asked': 'TFTP',
  'tftp-sent': 'TFTP',
  'tftp-aborted': 'TFTP',
  'tftp-timeout': 'TFTP',
  'tftp-refused': 'TFTP',
  'http-asked': 'HTTP',
  'http-sent': 'HTTP',
  'script-rendered': 'script',
  'grant-spent': 'grant',
  'boot-token': 'token',
  log: 'log',
  'os-dhcp': 'system',
  reported: 'system',
  dropped: 'trace',
};

/** One event in words. Not escaped: whoever shows it does that for the place. */
export function eventText(event: TraceEvent): string {
  switch (event.kind) {
    case 'dhcp-received':
      return received(event);
    case 'dhcp-answered':
      return answered(event);
    case 'dhcp-silent':
      return `no answer: ${event.because} (${event.code})`;
    case 'other-dhcp':
      return `it takes the offer of another server, ${event.serverId}`;
    case 'tftp-asked':
      return `asks for ${event.file} (${event.options})`;
    case 'tftp-sent':
      return `sent ${event.file}: ${amount(event.bytes)} in ${duration(event.ms)}${event.resent > 0 ? `, ${event.resent} packets sent again` : ''}`;
    case 'tftp-aborted':
      return event.probe
        ? `asked for the size of ${event.file} only`
        : `it ended the transfer of ${event.file} after ${amount(event.bytes)}: ${event.text}`;
    case 'tftp-timeout':
      return `${event.file} broke off after ${event.bytes} of ${event.size} bytes: not acknowledged for ${duration(event.ms)}`;
    case 'tftp-refused':
      return `${event.file} refused: ${event.because}`;
    case 'http-asked':
      return `begins to download ${event.path}`;
    case 'http-sent':
      return httpSent(event);
    case 'script-rendered':
      return `${event.situation}, ${amount(event.bytes)}: ${event.because}`;
    case 'grant-spent':
      return `spent ${event.grant}`;
    case 'boot-token':
      return `boot token ${event.act}: ${event.because}`;
    case 'log':
      return `${SEVERITIES[event.severity] ?? 'notice'} by ${event.source}: ${event.text}`;
    case 'os-dhcp':
      return `an operating system asks for its address${described([event.vendorClass, event.hostname])}`;
    case 'reported':
      return `${event.by === 'agent' ? 'the agent' : 'the system'} reports${event.text === '' ? '' : `: ${event.text}`}`;
    case 'dropped':
      return `${event.count} events are not kept: ${event.because}`;
    default:
      return event satisfies never;
  }
}

const SEVERITIES = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'info', 'debug'] as const;

function received(event: Extract<TraceEvent, { kind: 'dhcp-received' }>): string {
  const { message, client, secs, ciaddr, requestedAddress, serverId, relay, port } = event;
  const parts = [
    `${message} from ${clientName(client)}`,
    ...(ciaddr === undefined || ciaddr === '0.0.0.0' ? [] : [`at ${ciaddr}`]),
    ...(requestedAddress === undefined ? [] : [`wants ${requestedAddress}`]),
    ...(serverId === undefined ? [] : [`of server ${serverId}`]),
    ...(secs > 0 ? [`trying for ${secs} s`] : []),
    ...(port === 67 ? [] : [`to port ${port}`]),
    ...(relay ? [`by relay ${relay.giaddr}${relay.circuitId === undefined ? '' : ` (${relay.circuitId})`}`] : []),
    ...(event.interface === undefined ? [] : [`on ${event.interface}`]),
    `xid ${event.xid.toString(16).padStart(8, '0')}`,
  ];
  return parts.join(', ');
}

/** `UEFI x86_64`, `iPXE UEFI arm64`, `an operating system (dhcpcd-9.4.1)`. */
export function clientName({ kind, archCode, vendorClass, userClass }: DhcpClient): string {
  const system = archCode === undefined ? undefined : systemOfCode(archCode);
  const where = system
    ? `${FIRMWARE[system.platform]} ${system.architecture}`
    : archCode === undefined
      ? undefined
      : `architecture ${archCode}`;
  switch (kind) {
    case 'pxe':
      return where === undefined ? 'PXE' : `${where} (PXE)`;
    case 'http':
      return where === undefined ? 'HTTP Boot' : `${where} (HTTP Boot)`;
    case 'ipxe':
      return `iPXE${userClass === undefined || userClass === 'iPXE' ? '' : ` "${userClass}"`}${where === undefined ? '' : ` on ${where}`}`;
    case 'raspberry-pi':
      return 'Raspberry Pi';
    case 'u-boot':
      return where ?? 'U-Boot';
    case 'os':
      return `an operating system${described([vendorClass])}`;
    default:
      return kind satisfies never;
  }
}

const FIRMWARE = { bios: 'BIOS', uefi: 'UEFI', 'u-boot': 'U-Boot', 'raspberry-pi': 'Raspberry Pi' } as const;

function answered(event: Extract<TraceEvent, { kind: 'dhcp-answered' }>): string {
  const { message, proxy, yiaddr, serverId, bootFile, to, because } = event;
  const gives = [
    ...(yiaddr === undefined || yiaddr === '0.0.0.0' ? [] : [yiaddr]),
    ...(bootFile === undefined ? (message === 'NAK' ? [] : ['no boot file']) : [`boot file ${bootFile}`]),
  ];
  return `${message}${proxy ? ' as proxy' : ''} ${gives.join(', ')} by ${serverId} to ${to}: ${because}`.replace(
    '  ',
    ' ',
  );
}

function httpSent(event: Extract<TraceEvent, { kind: 'http-sent' }>): string {
  const { method, path, role, status, bytes, size, ms, userAgent, because } = event;
  const what = `${method} ${path} (${role}): ${status}`;
  if (because !== undefined) return `${what}, ${because}`;
  if (method === 'HEAD') return `${what}, ${size} bytes`;
  const sent = bytes < size ? `only ${bytes} of ${size} bytes` : amount(bytes);
  const speed = ms >= 1000 ? `, ${amount(Math.round(bytes / (ms / 1000)))}/s` : '';
  return `${what}, ${sent} in ${duration(ms)}${speed}${userAgent === undefined ? '' : `, ${userAgent}`}`;
}

const described = (parts: readonly (string | undefined)[]): string => {
  const known = parts.filter((part) => part !== undefined && part !== '');
  return known.length === 0 ? '' : ` (${known.join(', ')})`;
};

function amount(bytes: number): string {
  if (bytes < 10_000) return `${bytes} bytes`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1000)} kB` : `${Math.round(bytes / 1_000_000)} MB`;
}

function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}
