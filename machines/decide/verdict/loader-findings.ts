import { systemOfCode } from '../../values/architecture.ts';
import { type Finder, type Finding, quote, seconds } from './finding.ts';

/** It has an address and the name of a boot file, and never asked for it. */
export const findUnaskedLoader: Finder = ({ evidence: { dhcp }, times }) => {
  const { ack } = dhcp;
  if (!ack || ack.kind === 'ipxe') return undefined;
  const from = ack.firstAt + times.bootFileMs;
  const address = ack.address ?? 'its address';
  if (ack.kind === 'http') {
    return {
      code: 'http-boot-refused',
      from,
      cause: `The firmware got ${address} and the URL ${quote(ack.bootFile)}, and no request for it arrived within ${seconds(times.bootFileMs)}.`,
      next: 'Many firmwares refuse plain http:// unless a setting allows it (“Allow HTTP Boot connections”); others find no route to this host. Check both, and that TCP to the boot port is open; or use PXE.',
    };
  }
  const leased = ack.leasedBy
    ? `It took its address from ${ack.leasedBy} and the boot file ${quote(ack.bootFile)} from ${ack.serverId}`
    : `It got ${address} and the boot file ${quote(ack.bootFile)} from ${ack.serverId}`;
  const maybe = ack.leasedBy ? `, unless it booted what ${ack.leasedBy} names itself` : '';
  return {
    code: 'no-tftp',
    from,
    cause: `${leased}, but no TFTP request arrived within ${seconds(times.bootFileMs)}${maybe}.`,
    next: `Open UDP port 69 from the machine’s network to ${ack.serverId} (firewall, router ACL), and check that a machine there can reach ${ack.serverId}. The screen shows PXE-E32 or PXE-E11.${ack.leasedBy ? ` Take options 66 and 67 out of ${ack.leasedBy}.` : ''}`,
  };
};

export const findStalled: Finder = ({ evidence: { loader, script }, times }) => {
  const { stalled } = loader;
  if (!stalled || script?.rendered) return undefined;
  const { file, bytes, size, abort } = stalled;
  const of = size === undefined ? `${bytes} bytes` : `${bytes} of ${size} bytes`;
  const began = bytes > 0;
  return {
    code: 'tftp-stalled',
    // A client that ended the transfer itself may have meant it, or tries again.
    from: abort === undefined ? stalled.at : stalled.at + times.retryMs,
    cause:
      abort === undefined
        ? `The transfer of ${quote(file)} broke off after ${of}: the machine ${began ? 'stopped acknowledging' : 'never acknowledged the first packet'}.`
        : `The machine broke off the transfer of ${quote(file)} after ${of}: ${quote(abort)}.`,
    next: began
      ? 'Packets of that size get lost: check the MTU along the way (tunnels, VXLAN), duplex and cable; a smaller block size in the tftp settings helps to find out.'
      : 'TFTP answers come from a port of their own: let UDP from this host’s high ports through to the machine, or set tftp.singlePort, which passes firewalls and NAT.',
  };
};

export const findRefusedLoader: Finder = ({ evidence: { loader, dhcp, script }, times }) => {
  if (script?.rendered) return undefined;
  const { refused } = loader;
  if (refused) {
    return {
      code: 'loader-missing',
      from: refused.at,
      cause: `The machine asked for its boot file ${quote(refused.file)}, which cannot be had: ${refused.because}.`,
      next: 'ingot doctor names missing boot files and where to get them; then ingot loader add FILE.',
    };
  }
  if (loader.absent.length === 0 || loader.whole || loader.sent.length > 0 || loader.asked) return undefined;
  // Nothing was offered that could be missing, but nothing at all was found either: a Raspberry Pi without its files.
  if (dhcp.firmware?.kind !== 'raspberry-pi' && dhcp.firmware?.kind !== 'u-boot') return undefined;
  return {
    code: 'loader-missing',
    from: loader.absentSince + times.loaderMs,
    cause: `The machine asked for ${loader.absent.map(quote).join(', ')}, and none of them is here.`,
    next: 'Put the firmware’s boot files into the TFTP directory, under the name or the serial number that it asks for.',
  };
};

/** UEFI HTTP Boot asked for the size and left it at that. */
export const findHeadOnly: Finder = ({ evidence: { loader, script }, times }) => {
  const { head } = loader;
  if (!head || script?.rendered || loader.asked) return undefined;
  return {
    code: 'http-boot-refused',
    from: head.at + times.bootFileMs,
    cause: `The firmware asked for the size of ${quote(head.file)} (HEAD) and never for the file itself.`,
    next: 'Its screen says why: too little memory for the file, a kind of file that it does not boot (the URL must end in .efi), or a policy against plain HTTP. Allow HTTP connections in its setup, or use PXE.',
  };
};

/** It had the whole loader, and what is heard next is the firmware again, or nothing. */
export const findLostLoader: Finder = ({ evidence, times }) => {
  const { loader, dhcp, script } = evidence;
  const { whole, returned } = loader;
  if (!whole || loader.alive !== undefined || script?.rendered) return undefined;
  if (returned) {
    const often = returned.count > 1 ? ` That happened ${returned.count} times.` : '';
    const after = `The machine got ${quote(whole.file)} whole, and ${seconds(returned.afterMs)} later its firmware asked for an address again: the loader did not start, or ended at once.${often}`;
    return isUefi(dhcp.firmware?.archCode) ? secureBoot(returned.at, after) : noReturn(returned.at, after);
  }
  if (loader.asked) return undefined;
  const silent = `The machine got ${quote(whole.file)} whole, and nothing has been heard of it for ${seconds(times.loaderMs)}: the loader hangs, or finds no network.`;
  return noReturn(whole.at + times.loaderMs, silent);
};

const secureBoot = (from: number, what: string): Finding => ({
  code: 'secure-boot',
  from,
  cause: `${what} That is how Secure Boot refuses a loader that is not signed for this machine.`,
  next: 'Look for “Access Denied” or “Security Violation” on its screen. Switch Secure Boot off in its setup, or give the machine the label ingot/secure-boot=true: it is then offered the signed shim and GRUB, if they are here (docs/install.md).',
});

const noReturn = (from: number, cause: string): Finding => ({
  code: 'loader-no-return',
  from,
  cause,
  next: 'Read the machine’s screen: “no network devices” wants another loader (ipxe.efi instead of snponly.efi, or the other way round), a wait for link-up a switch port in edge mode. Otherwise start it again.',
});

const isUefi = (archCode: number | undefined): boolean =>
  archCode !== undefined && systemOfCode(archCode)?.platform === 'uefi';

/** iPXE is handed iPXE, instead of a script. */
export const findSelfLoad: Finder = ({ evidence: { loader, dhcp, script } }) => {
  if (loader.toIpxe < 2 || script?.rendered || !loader.whole) return undefined;
  return {
    code: 'boot-loop',
    from: loader.whole.at,
    cause: `iPXE has loaded ${quote(loader.whole.file)} ${loader.toIpxe} times without ever asking for its script: something tells it to load iPXE again.`,
    next: `Another DHCP server gives every client the same boot file. Take options 66 and 67 out of it${dhcp.servers.length > 0 ? `; only ${dhcp.servers.join(', ')} may name boot files` : ''}.`,
  };
};
