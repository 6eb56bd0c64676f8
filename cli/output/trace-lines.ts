import type { DhcpClient, TraceEvent } from '#machines/contract/trace.ts';

export type EventText = { readonly protocol: string; readonly text: string; readonly bad: boolean };

/** An event of a boot as one line. What machines claim is in it as they claimed it: escape it for its place. */
export function eventText(event: TraceEvent): EventText {
  switch (event.kind) {
    case 'dhcp-received':
      return line(
        'DHCP',
        `${event.message} from ${clientText(event.client)}${event.relay ? `, relay ${event.relay.giaddr}` : ''}`,
      );
    case 'dhcp-answered':
      return line('DHCP', `${event.message} ${answerText(event)}: ${event.because}`, event.message === 'NAK');
    case 'dhcp-silent':
      return line('DHCP', `no answer (${event.code}): ${event.because}`);
    case 'other-dhcp':
      return line('DHCP', `took the offer of another server, ${event.serverId}`, true);
    case 'tftp-asked':
      return line('TFTP', `asks for ${event.file}${event.options === '' ? '' : ` (${event.options})`}`);
    case 'tftp-sent':
      return line(
        'TFTP',
        `sent ${event.file}: ${event.bytes} bytes in ${event.ms} ms${event.resent > 0 ? `, ${event.resent} blocks again` : ''}`,
      );
    case 'tftp-aborted':
      return event.probe
        ? line('TFTP', `asked only for the size of ${event.file}`)
        : line('TFTP', `broke ${event.file} off after ${event.bytes} bytes: ${event.text}`, true);
    case 'tftp-timeout':
      return line('TFTP', `went silent during ${event.file}, after ${event.bytes} of ${event.size} bytes`, true);
    case 'tftp-refused':
      return line('TFTP', `${event.file} refused: ${event.because}`, true);
    case 'http-asked':
      return line('HTTP', `asks for ${event.path} (${event.role})`);
    case 'http-sent':
      return httpText(event);
    case 'script-rendered':
      return line('iPXE', `script ${event.situation}: ${event.because}`);
    case 'grant-spent':
      return line('boot', `grant ${event.grant} is spent`);
    case 'log':
      return line('log', event.text, event.severity <= 3);
    case 'os-dhcp':
      return line(
        'DHCP',
        `an operating system asks for an address${event.hostname === undefined ? '' : ` as ${event.hostname}`}`,
      );
    case 'reported':
      return line('HTTP', `the system reported: ${event.text}`);
    case 'dropped':
      return line('trace', `${event.count} events were dropped: ${event.because}`);
    default:
      return event satisfies never;
  }
}

const line = (protocol: string, text: string, bad = false): EventText => ({ protocol, text, bad });

function answerText({ yiaddr, bootFile, proxy, to }: Extract<TraceEvent, { kind: 'dhcp-answered' }>): string {
  return [yiaddr, bootFile === undefined ? 'no boot file' : bootFile, proxy ? 'as a proxy' : undefined, `to ${to}`]
    .filter(Boolean)
    .join(', ');
}

function httpText(event: Extract<TraceEvent, { kind: 'http-sent' }>): EventText {
  const whole = event.method === 'HEAD' || event.bytes >= event.size;
  const amount = whole ? `${event.bytes} bytes` : `${event.bytes} of ${event.size} bytes, then it left`;
  const why = event.because === undefined ? '' : `: ${event.because}`;
  return line(
    'HTTP',
    `${event.method} ${event.path} ${event.status}, ${amount} in ${event.ms} ms${why}`,
    !whole || event.status >= 400,
  );
}

function clientText({ kind, archCode, vendorClass, userClass }: DhcpClient): string {
  const more = [archCode === undefined ? undefined : `architecture ${archCode}`, vendorClass, userClass]
    .filter(Boolean)
    .join(', ');
  return more === '' ? kind : `${kind} (${more})`;
}
