import type { InventoryNic } from '../../contract/inventory.ts';
import { lineOf } from './decide/clean-text.ts';
import { reasonOf, type Source } from './source.ts';
import { known } from './wire/known.ts';
import { decodeHexDump, decodeLldpFrame } from './wire/lldp.ts';

type Neighbour = NonNullable<InventoryNic['neighbour']>;

/**
 * Listens on a link until the switch at its other end says what it is. Node has no packet sockets and the kernel keeps
 * no neighbours, so that tcpdump listens; an image without it has a gap. Undefined where nothing came within `limitMs`:
 * switches speak every 30 s by default, some not at all, and some NICs' own firmware keeps the frames for itself.
 */
export async function readNeighbour(source: Source, link: string, limitMs: number): Promise<Neighbour | undefined> {
  const limit = AbortSignal.timeout(limitMs);
  // -xx prints the frame with its header, -Q in leaves out what this machine sends; Debian's would become a user that
  // the image does not have, so that -Z keeps it who it is.
  const args = ['-Z', 'root', '-i', link, '-n', '-t', '-q', '-xx', '-c', '1', '-Q', 'in', 'ether proto 0x88cc'];
  try {
    const { status, stdout, stderr } = await source.host.run('tcpdump', args, {
      signal: AbortSignal.any([source.signal, limit]),
    });
    if (status === 127) source.gap('LLDP: this image has no tcpdump to listen with');
    else if (status !== 0) source.gap(`${link}: LLDP: tcpdump ended with ${status}: ${lineOf(stderr) ?? ''}`);
    if (status !== 0) return undefined;
    const result = decodeLldpFrame(decodeHexDump(stdout));
    if (!result.ok) {
      source.gap(`${link}: LLDP: ${result.because}`);
      return undefined;
    }
    const { chassis, port, portText, system, vlan, managementAddress } = result.neighbour;
    return known({
      chassis: lineOf(chassis),
      port: lineOf(port),
      portText: lineOf(portText),
      system: lineOf(system),
      vlan: vlan === 0 ? undefined : vlan,
      managementAddress,
    });
  } catch (error) {
    source.signal.throwIfAborted();
    source.gap(`${link}: LLDP: ${limit.aborted ? `nothing came within ${limitMs / 1000} s` : reasonOf(error)}`);
    return undefined;
  }
}
