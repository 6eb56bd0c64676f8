import { duration, size } from './dom.mjs';

/** One event as a line: the protocol, what happened, and whether it is bad or only for the record. */
export function eventText(event) {
  switch (event.kind) {
    case 'dhcp-received':
      return line(
        'DHCP',
        `${event.message} from ${clientText(event.client)}${event.relay ? ` by relay ${event.relay.giaddr}` : ''}`,
      );
    case 'dhcp-answered':
      return line(
        'DHCP',
        `${event.message}${event.yiaddr ? ` ${event.yiaddr}` : ''}${event.bootFile ? `, boot file ${event.bootFile}` : ''}${event.proxy ? ' (proxy)' : ''}: ${event.because}`,
        event.message === 'NAK' ? 'bad' : undefined,
      );
    case 'dhcp-silent':
      return line('DHCP', `no answer: ${event.because}`, 'quiet');
    case 'other-dhcp':
      return line('DHCP', `took the offer of another server, ${event.serverId}`, 'bad');
    case 'tftp-asked':
      return line('TFTP', `asks for ${event.file}`, 'quiet');
    case 'tftp-sent':
      return line(
        'TFTP',
        `${event.file}: ${size(event.bytes)} in ${duration(event.ms)}${event.resent ? `, ${event.resent} blocks sent again` : ''}`,
      );
    case 'tftp-aborted':
      return line(
        'TFTP',
        event.probe
          ? `${event.file}: asked only for its size`
          : `${event.file}: broken off after ${size(event.bytes)}: ${event.text}`,
        event.probe ? 'quiet' : 'bad',
      );
    case 'tftp-timeout':
      return line('TFTP', `${event.file}: went silent after ${size(event.bytes)} of ${size(event.size)}`, 'bad');
    case 'tftp-refused':
      return line('TFTP', `${event.file}: ${event.because}`, 'bad');
    case 'http-asked':
      return line('HTTP', `asks for ${event.path}`, 'quiet');
    case 'http-sent': {
      const whole = event.bytes >= event.size || event.method === 'HEAD';
      const amount = whole ? size(event.bytes) : `${size(event.bytes)} of ${size(event.size)}, then it left`;
      return line(
        'HTTP',
        `${event.method} ${event.path}: ${event.status}, ${amount} in ${duration(event.ms)}${event.because ? `: ${event.because}` : ''}`,
        event.status >= 400 || !whole ? 'bad' : undefined,
      );
    }
    case 'script-rendered':
      return line('iPXE', `script ${event.situation}: ${event.because}`);
    case 'grant-spent':
      return line('boot', 'its permission to netboot once is spent', 'quiet');
    case 'boot-token':
      return line('boot', `the key of this boot: ${event.because}`, event.act === 'taken' ? 'quiet' : 'bad');
    case 'log':
      return line('log', event.text, event.severity <= 3 ? 'bad' : 'quiet');
    case 'os-dhcp':
      return line('DHCP', `an operating system asks for an address${event.hostname ? ` as ${event.hostname}` : ''}`);
    case 'reported':
      return line('HTTP', `the system reported${event.text ? `: ${event.text}` : ''}`);
    case 'dropped':
      return line('trace', `${event.count} events were dropped: ${event.because}`, 'quiet');
    default:
      return line('?', event.kind, 'quiet');
  }
}

const line = (protocol, text, level = '') => ({ protocol, text, level });

function clientText({ kind, archCode, vendorClass }) {
  const names = {
    pxe: 'PXE firmware',
    http: 'UEFI HTTP Boot',
    ipxe: 'iPXE',
    'raspberry-pi': 'a Raspberry Pi',
    'u-boot': 'U-Boot',
    os: 'an operating system',
  };
  const arch = archCode === undefined ? '' : ` (architecture ${archCode})`;
  return `${names[kind] ?? kind}${arch}${kind === 'os' && vendorClass ? ` ${vendorClass}` : ''}`;
}
