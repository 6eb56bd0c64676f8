/** Who made a PCI device, by the number that the PCI-SIG gave: those found in servers and their virtual kin. */
const VENDORS: Readonly<Record<string, string>> = {
  '1000': 'Broadcom / LSI',
  '1002': 'AMD',
  '1022': 'AMD',
  '1013': 'Cirrus Logic',
  '1014': 'IBM',
  '101e': 'American Megatrends',
  '1028': 'Dell',
  '102b': 'Matrox',
  '103c': 'Hewlett-Packard',
  '1077': 'QLogic',
  '10b5': 'PLX',
  '10de': 'NVIDIA',
  '10df': 'Emulex',
  '10ec': 'Realtek',
  '1101': 'Initio',
  '1137': 'Cisco',
  '1166': 'ServerWorks',
  '117c': 'ATTO',
  '1179': 'Toshiba',
  '11ab': 'Marvell',
  '1234': 'QEMU',
  '1344': 'Micron',
  '1414': 'Microsoft',
  '1425': 'Chelsio',
  '144d': 'Samsung',
  '14e4': 'Broadcom',
  '1590': 'Hewlett Packard Enterprise',
  '15ad': 'VMware',
  '15b3': 'Mellanox',
  '15b7': 'SanDisk / Western Digital',
  '177d': 'Cavium',
  '17d3': 'Areca',
  '1924': 'Solarflare',
  '1987': 'Phison',
  '1a03': 'ASPEED',
  '1ae0': 'Google',
  '1af4': 'Virtio',
  '1b36': 'QEMU',
  '1b4b': 'Marvell',
  '1b96': 'Western Digital',
  '1bb1': 'Seagate',
  '1c5c': 'SK hynix',
  '1cc1': 'ADATA',
  '1d0f': 'Amazon',
  '1d6a': 'Aquantia',
  '1d94': 'Hygon',
  '1da3': 'Habana Labs',
  '1dd8': 'AMD Pensando',
  '1e0f': 'Kioxia',
  '1e52': 'Tenstorrent',
  '1f0f': 'NebulaMatrix',
  '8086': 'Intel',
  '8087': 'Intel',
  '9005': 'Adaptec / Microchip',
  c0a9: 'Micron / Crucial',
};

/** Class and subclass, PCI Code and ID Assignment §1: those that an inventory has a line for. */
const CLASSES: Readonly<Record<string, string>> = {
  '0100': 'SCSI controller',
  '0101': 'IDE controller',
  '0104': 'RAID controller',
  '0106': 'SATA controller',
  '0107': 'SAS controller',
  '0108': 'NVMe controller',
  '0180': 'storage controller',
  '0200': 'Ethernet controller',
  '0207': 'InfiniBand controller',
  '0208': 'fabric controller',
  '0280': 'network controller',
  '0300': 'VGA controller',
  '0302': '3D controller',
  '0380': 'display controller',
  '0b40': 'co-processor',
  '0c04': 'Fibre Channel controller',
  '0c06': 'InfiniBand controller',
  '1200': 'accelerator',
};

const BASE_CLASSES: Readonly<Record<string, string>> = {
  '01': 'storage controller',
  '02': 'network controller',
  '03': 'display controller',
  '12': 'accelerator',
};

/** Is a device of this class (four digits) worth a line? Bridges, timers and USB are not. */
export const isWorthALine = (pciClass: string): boolean =>
  CLASSES[pciClass] !== undefined || BASE_CLASSES[pciClass.slice(0, 2)] !== undefined;

/** Display of a BMC or a virtual machine: no GPU that anybody would compute with. */
const CONSOLE_DISPLAYS = new Set(['1a03', '102b', '1234', '1013', '15ad', '1af4', '1b36', '1414']);

export const isGpu = (pciClass: string, vendorId: string): boolean =>
  (pciClass.startsWith('03') || pciClass.startsWith('12')) && !CONSOLE_DISPLAYS.has(vendorId);

/** Without a list of names: `Intel Ethernet controller 1521`. */
export function plainPciName(pciClass: string, vendorId: string, deviceId: string): string {
  const kind = CLASSES[pciClass] ?? BASE_CLASSES[pciClass.slice(0, 2)] ?? 'device';
  return `${VENDORS[vendorId] ?? `vendor ${vendorId}`} ${kind} ${deviceId}`;
}

export const pciVendor = (vendorId: string): string | undefined => VENDORS[vendorId];
