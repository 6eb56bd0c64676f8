import { getOption, rawOption } from '../wire/options.ts';
import { codeOf } from '../wire/option-table.ts';
import { readPxeOptions } from '../wire/pxe-options.ts';
import { type Answer, silence } from './answer.ts';
import { isNetbootClient } from './client.ts';
import type { Question } from './question.ts';
import { proxyReply } from './reply.ts';

/**
 * Proxy mode on port 67 (Intel PXE 2.1 §2.2.3): only the boot part, only to clients that boot over the network, only if
 * there is something to boot. All else is the DHCP server's business, above all a REQUEST that names it.
 */
export function answerAsProxy(question: Question): Answer {
  const { message, type, client, boot, isOurs } = question;
  if (!isNetbootClient(client)) return silence('not-a-netboot-client', 'a proxy leases no addresses');
  switch (type) {
    case 'DISCOVER':
      return bootReply(question, 'OFFER', boot.because);
    case 'REQUEST': {
      const serverId = getOption(message.options, 'serverId');
      if (serverId !== undefined) {
        if (isOurs(serverId)) {
          // No proxy has offered it an address: a DHCP server beside us on this very host has. EDK2 takes the first ACK
          // of its server's address, and one without the address makes it decline the lease (PXE-E07).
          const wanted = getOption(message.options, 'requestedAddress');
          if (wanted !== undefined) return silence('other-server', `a DHCP server at our address offered it ${wanted}`);
          return bootReply(question, 'ACK', boot.because);
        }
        return silence('other-server', `it takes its address from ${serverId}, as it should`);
      }
      // Boot server discovery by broadcast; without it, this is a lease that the DHCP server is asked about.
      if (bootItemOf(question)) return bootReply(question, 'ACK', `boot server discovery; ${boot.because}`);
      return silence('other-server', 'it asks its DHCP server about its lease');
    }
    case 'DECLINE':
    case 'RELEASE':
    case 'INFORM':
    case 'OFFER':
    case 'ACK':
    case 'NAK':
      return silence('ignored', `${type} is not for a proxy`);
    default:
      return type satisfies never;
  }
}

/** Port 4011, in both modes: the client has its address, and asks what to load. */
export function answerAsBootServer(question: Question): Answer {
  const { type, client, boot } = question;
  if (!isNetbootClient(client)) return silence('not-a-netboot-client', 'only PXE clients ask at this port');
  // iPXE and EDK2 send REQUEST; some ROMs INFORM or DISCOVER.
  if (type === 'REQUEST' || type === 'INFORM' || type === 'DISCOVER') return bootReply(question, 'ACK', boot.because);
  return silence('ignored', `${type} is not for a boot server`);
}

function bootReply(question: Question, type: 'OFFER' | 'ACK', because: string): Answer {
  const { boot } = question;
  return boot.kind === 'file' ? proxyReply(question, type, boot.name, because) : silence(boot.code, boot.because);
}

function bootItemOf({ message: { options } }: Question) {
  const bytes = rawOption(options, codeOf('vendorInformation'));
  return bytes && readPxeOptions(bytes).bootItem;
}
