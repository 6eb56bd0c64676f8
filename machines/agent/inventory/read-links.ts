import { isMachineMac, type MacAddress, parseMacAddress } from '../../values/mac-address.ts';
import type { Source } from './source.ts';
import { known } from './wire/known.ts';

/** A physical NIC as the kernel has it. */
export type Link = {
  readonly name: string;
  readonly mac: MacAddress;
  /** Only where it is known and differs from the one in use. */
  readonly permanentMac?: MacAddress;
  readonly driver?: string;
  /** Path of its device below /sys, without links. */
  readonly device: string;
  readonly pci?: string;
};

/** ARPHRD_ETHER of linux/if_arp.h. */
const ETHERNET = 1;
/** NET_ADDR_PERM of linux/netdevice.h: the address in use is the one burnt in. */
const PERMANENT = 0;
/** USB networks with a BMC's host interface or a phone at the other end: many boards show the same address there. */
const NOT_A_NIC = new Set(['cdc_ether', 'cdc_eem', 'cdc_subset', 'cdc_ncm', 'cdc_mbim', 'rndis_host', 'ipheth']);

/** The NICs of this machine, in the kernel's order; virtual links, virtual functions and a BMC's USB network are none. */
export async function readLinks(source: Source): Promise<readonly Link[]> {
  const links = await Promise.all((await source.names('/sys/class/net')).map((name) => readLink(source, name)));
  return links.flatMap((link) => link ?? []);
}

async function readLink(source: Source, name: string): Promise<Link | undefined> {
  const at = `/sys/class/net/${name}`;
  const device = await source.real(`${at}/device`);
  // Bridges, bonds, VLANs and tunnels have no device.
  if (device === undefined || (await source.number(`${at}/type`)) !== ETHERNET) return undefined;
  // A virtual function of a NIC that is listed itself.
  if ((await source.link(`${at}/device/physfn`)) !== undefined) return undefined;
  const driver = await source.link(`${at}/device/driver`);
  if (driver !== undefined && NOT_A_NIC.has(driver)) {
    source.gap(`${name}: left out: ${driver} is a network with a BMC or another computer over USB`);
    return undefined;
  }
  const mac = parseMacAddress((await source.line(`${at}/address`)) ?? '');
  if (!mac.ok || !isMachineMac(mac.value)) {
    source.gap(`${name}: left out: its address is ${mac.ok ? mac.value : 'not to be read'}`);
    return undefined;
  }
  const permanent =
    (await source.number(`${at}/addr_assign_type`)) === PERMANENT ? undefined : await permanentMac(source, name);
  return {
    name,
    mac: mac.value,
    device,
    ...known({
      permanentMac: permanent === mac.value ? undefined : permanent,
      driver,
      pci: device.match(/[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]/g)?.at(-1),
    }),
  };
}

/** Only netlink tells it, which Node does not speak. All zeros is said for what has none, such as a virtual machine's. */
async function permanentMac(source: Source, name: string): Promise<MacAddress | undefined> {
  const text = await source.tool(`${name}: permanent address`, 'ethtool', ['-P', name]);
  const result = parseMacAddress(/Permanent address: (\S+)/.exec(text ?? '')?.[1] ?? '');
  return result.ok && isMachineMac(result.value) ? result.value : undefined;
}
