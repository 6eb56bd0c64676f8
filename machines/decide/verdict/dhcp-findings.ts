import type { DhcpClient } from '../../contract/trace.ts';
import type { Silence } from './dhcp-evidence.ts';
import { type Finder, type Finding, quote } from './finding.ts';

/** What silence of ours means. Only a reason that is about the boot makes a finding. */
export const findSilence: Finder = ({ evidence: { dhcp }, context }) => {
  const { silence } = dhcp;
  if (!silence) return undefined;
  const from = silence.at;
  const name = context.machine?.name;
  switch (silence.code) {
    case 'pool-exhausted':
      return {
        code: 'pool-exhausted',
        from,
        cause: `There was no free address to offer: ${silence.because}.`,
        next: 'Enlarge the pool in the Subnet, shorten leaseSeconds, or free addresses that nobody uses; the machine asks again by itself or at its next start.',
      };
    case 'address-taken':
      return {
        code: 'address-conflict',
        from,
        cause: `The address that this machine should have is held by another client: ${silence.because}.`,
        next: 'Find who has the address (its lease, or ping and the neighbour table), release it there, or give this machine another address.',
      };
    case 'relay-without-82':
      return {
        code: 'relay-82-lost',
        from,
        cause: `Its request came through ${relayOf(dhcp.giaddr)} without option 82 (relay information), so it is not known which network the machine is on: ${silence.because}.`,
        next: 'Switch the relay’s or switch’s option 82 on again (it often goes with a firmware update), or name the relay in the Subnet.',
      };
    case 'unknown-subnet':
      return {
        code: 'wrong-subnet',
        from,
        cause: `Its request came ${dhcp.giaddr ? `through the relay ${dhcp.giaddr}` : `on ${dhcp.interface ?? 'an interface'}`}, which belongs to no subnet that is configured: ${silence.because}.`,
        next: `Add a Subnet whose cidr holds ${dhcp.giaddr ?? 'the interface’s address'}, or check which VLAN the machine’s port is in.`,
      };
    case 'wrong-arch':
      return {
        code: 'wrong-arch',
        from,
        cause: `The firmware says it is ${describeClient(dhcp.client)}, and no boot file can exist for that: ${silence.because}.`,
        next: 'Boot the machine another way (UEFI instead of legacy BIOS, or the other way round), or from virtual media.',
      };
    case 'loader-missing':
      return {
        code: 'loader-missing',
        from,
        cause: `There is no boot file here for ${describeClient(dhcp.client)}: ${silence.because}.`,
        next: 'ingot doctor names the missing file and where to get it; then ingot loader add FILE.',
      };
    case 'loop':
      return {
        code: 'boot-loop',
        from,
        cause: `The machine boots again and again, so it is not answered for a while: ${silence.because}.`,
        next: 'Look at the machine’s console for what happens after its kernel starts; change its boot order or its profile.',
      };
    case 'not-accepted':
    case 'rejected':
      return notAccepted(silence, name, context.machine?.acceptance);
    case 'another-ingot':
      return {
        code: 'other-dhcp-won',
        from,
        cause: `Another Ingot answers on this network, so this one stays silent: ${silence.because}.`,
        next: 'Stop one of the two, or give them different interfaces.',
      };
    case 'no-boot-file':
    case 'no-lease':
    case 'not-a-netboot-client':
    case 'other-server':
    case 'ignored':
    case 'limit':
      return undefined;
    default:
      return silence.code satisfies never;
  }
};

function notAccepted(silence: Silence, name: string | undefined, acceptance: string | undefined): Finding | undefined {
  const from = silence.at;
  const who = name ?? 'MAC';
  if (silence.code === 'rejected') {
    if (acceptance !== undefined && acceptance !== 'rejected') return undefined;
    return {
      code: 'not-accepted',
      from,
      cause: `This machine was rejected, so it is offered nothing: ${silence.because}.`,
      next: `If that was a mistake: ingot machine accept ${who}, and start the machine again.`,
    };
  }
  // Somebody has accepted it since; it does not know yet.
  if (acceptance === 'accepted') return undefined;
  return {
    code: 'not-accepted',
    from,
    cause: `Nobody has accepted this machine, so it is offered no boot file: ${silence.because}.`,
    next: `ingot machine accept ${who}, then start the machine again.`,
  };
}

const relayOf = (giaddr: string | undefined): string => (giaddr ? `the relay ${giaddr}` : 'a relay');

/** Seen but not accepted, with offers that name no boot file. */
export const findNotAccepted: Finder = ({ evidence, context: { machine } }) => {
  const { dhcp, script } = evidence;
  if (!machine || machine.acceptance === 'accepted' || script) return undefined;
  if (!dhcp.offer || dhcp.offer.bootFile !== undefined) return undefined;
  const because = dhcp.because ?? 'it was only seen';
  return notAccepted(
    {
      at: dhcp.offer.firstAt,
      code: machine.acceptance === 'rejected' ? 'rejected' : 'not-accepted',
      because,
      count: 1,
    },
    machine.name,
    machine.acceptance,
  );
};

/** Our offer lost against another server’s, where we are not the proxy beside it. */
export const findOtherServer: Finder = ({ evidence: { dhcp }, times }) => {
  const { took } = dhcp;
  if (!took) return undefined;
  return {
    code: 'other-dhcp-won',
    from: took.at + times.otherServerMs,
    cause: `The machine took the offer of another DHCP server, ${took.serverId}, instead of ours (${took.over}).`,
    next: `Two servers lease addresses on this network. Stop ${took.serverId} there, or set this interface’s mode to proxy, which works beside it.`,
  };
};

/** RFC 2131 §3.1.5: the client waits ten seconds and asks anew. One conflict that a new address solves is none. */
export const findDeclined: Finder = ({ evidence: { dhcp }, times }) => {
  const { declined } = dhcp;
  if (!declined) return undefined;
  const address = declined.address ?? 'its address';
  const often = declined.count > 1 ? `, ${declined.count} times so far` : '';
  return {
    code: 'address-conflict',
    from: declined.count > 1 ? declined.at : declined.at + times.retryMs,
    cause: `The machine found ${address} in use by something else and gave it back${often} (DHCP DECLINE).`,
    next: `Find who uses ${address} without a lease: arping ${address} from this network, a machine with a fixed address, or a second DHCP server with the same pool. Keep such addresses out of the pool.`,
  };
};

/**
 * Until this packet the network swallowed everything: a switch port that listens and learns for half a minute. Told as
 * long as the boot goes on, since nobody looks for it once the machine is up.
 */
export const findLate: Finder = ({ evidence: { dhcp } }) => {
  const { late } = dhcp;
  // A machine that is not to be netbooted loses nothing by it.
  if (!late || (dhcp.bootFiles.length === 0 && (!dhcp.silence || dhcp.silence.code === 'no-boot-file')))
    return undefined;
  return {
    code: 'stp-delay',
    from: late.at,
    cause: `The first packet that arrived says that ${describeClient(late)} had been asking for ${late.secs} seconds. Its earlier ones got lost, most likely while the switch port was not forwarding yet (spanning tree), and firmware gives up after 30 to 60 seconds.`,
    next: 'Set the switch port to edge mode (portfast, also on trunks), and look for slow link negotiation or LACP on the port. If this daemon was only just started: start the machine again.',
  };
};

export const findIgnoredOffer: Finder = ({ evidence: { dhcp }, times }) => {
  const { offer, client } = dhcp;
  // Without a boot file the firmware goes on to its next device: just what is wanted.
  if (!offer || offer.bootFile === undefined) return undefined;
  const from = Math.max(offer.firstAt + times.offerMs, offer.at + times.lastOfferMs);
  const what = offer.proxy ? 'the boot file' : `${offer.yiaddr ?? 'an address'} and the boot file`;
  const often = offer.count === 1 ? 'once' : `${offer.count} times`;
  return {
    code: 'offer-ignored',
    from,
    cause: `${describeClient(client)} was offered ${what} ${quote(offer.bootFile)} by ${offer.serverId}, ${often}, and never took it: either the offers do not reach it, or it does not like them.`,
    next: offer.proxy
      ? 'Check that another DHCP server gives this machine an address (a proxy gives none), and that UDP port 68 and DHCP snooping on the switch let our offers through: this host’s port must be trusted.'
      : 'Check the way back: DHCP snooping on the switch (this host’s port must be trusted), a firewall on UDP port 68, the VLAN of the machine’s port. A machine that wants another kind of boot (HTTP instead of PXE) also keeps silent.',
  };
};

/** How a client called itself, for a sentence. */
export function describeClient(client: Pick<DhcpClient, 'kind' | 'archCode'> | undefined): string {
  if (!client) return 'the machine';
  const arch = client.archCode === undefined ? '' : ` of architecture ${client.archCode}`;
  switch (client.kind) {
    case 'pxe':
      return `a PXE client${arch}`;
    case 'http':
      return `a UEFI HTTP Boot client${arch}`;
    case 'ipxe':
      return `iPXE${arch}`;
    case 'raspberry-pi':
      return 'a Raspberry Pi';
    case 'u-boot':
      return `U-Boot${arch}`;
    case 'os':
      return 'an operating system';
    default:
      return client.kind satisfies never;
  }
}
