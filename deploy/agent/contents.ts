/**
 * What the agent's image is made of: Debian packages, the programs taken out of them, and the kernel's modules.
 * Libraries and modules that these need come along by themselves.
 */
export const VARIANTS = ['vm', 'metal'] as const;
export type Variant = (typeof VARIANTS)[number];

/** Processors that an image can be built for, by the names that images have. */
export const IMAGE_ARCHITECTURES = ['x86_64', 'arm64'] as const;
export type ImageArchitecture = (typeof IMAGE_ARCHITECTURES)[number];

/** How Debian calls a processor, and where its programs find their loader and libraries. */
export type ProcessorFacts = {
  readonly debian: 'amd64' | 'arm64';
  readonly libraries: string;
  readonly loaderFolder: string;
  /** e_machine of its programs (System V ABI). */
  readonly elfMachine: number;
};

export const PROCESSORS = {
  x86_64: { debian: 'amd64', libraries: 'lib/x86_64-linux-gnu', loaderFolder: 'lib64', elfMachine: 62 },
  arm64: { debian: 'arm64', libraries: 'lib/aarch64-linux-gnu', loaderFolder: 'lib', elfMachine: 183 },
} as const satisfies Record<ImageArchitecture, ProcessorFacts>;

/** Programs by package, as their paths in it. In the image all lie in /bin. */
export const PROGRAMS = {
  dmidecode: ['usr/sbin/dmidecode'],
  e2fsprogs: ['sbin/debugfs'],
  efibootmgr: ['bin/efibootmgr'],
  ethtool: ['sbin/ethtool'],
  fdisk: ['sbin/sfdisk'],
  hdparm: ['sbin/hdparm'],
  ipmitool: ['usr/bin/ipmitool'],
  iproute2: ['bin/ip'],
  kmod: ['bin/kmod'],
  'nvme-cli': ['usr/sbin/nvme'],
  'sg3-utils': [
    'usr/bin/sg_inq',
    'usr/bin/sg_opcodes',
    'usr/bin/sg_persist',
    'usr/bin/sg_readcap',
    'usr/bin/sg_sanitize',
    'usr/bin/sg_ses',
    'usr/bin/sg_vpd',
  ],
  smartmontools: ['usr/sbin/smartctl'],
  tcpdump: ['usr/bin/tcpdump'],
  'util-linux': [
    'bin/lsblk',
    'bin/findmnt',
    'sbin/blkdiscard',
    'sbin/blkid',
    'sbin/blockdev',
    'sbin/wipefs',
    'usr/bin/lscpu',
    'usr/bin/partx',
  ],
  zstd: ['usr/bin/zstd'],
} as const satisfies Record<string, readonly string[]>;

/** Names under which kmod does the work of several programs. */
export const KMOD_NAMES = ['depmod', 'insmod', 'lsmod', 'modinfo', 'modprobe', 'rmmod'] as const;

export const BUSYBOX = { package: 'busybox-static', path: 'bin/busybox' } as const;
/** Libraries of Node, beside those that the programs need. */
export const RUNTIME_PACKAGES = ['libc6', 'libgcc-s1', 'libstdc++6'] as const;

/** The package that needs the newest kernel; it is empty itself. */
export const kernelPackage = (variant: Variant, architecture: ImageArchitecture): string =>
  `linux-image-${variant === 'vm' ? 'cloud-' : ''}${PROCESSORS[architecture].debian}`;

/** Firmware of the drivers below; only the files that a driver asks for are taken. */
export const FIRMWARE_PACKAGES = {
  vm: [],
  metal: [
    'firmware-bnx2',
    'firmware-bnx2x',
    'firmware-misc-nonfree',
    'firmware-myricom',
    'firmware-netxen',
    'firmware-qlogic',
    'firmware-realtek',
  ],
} as const satisfies Record<Variant, readonly string[]>;

const VIRTUAL_MACHINES = [
  'virtio_balloon',
  'virtio_blk',
  'virtio_console',
  'virtio_mmio',
  'virtio_net',
  'virtio_pci',
  'virtio_rng',
  'virtio_scsi',
  'vmw_pvscsi',
  'vmxnet3',
  'hv_netvsc',
  'hv_storvsc',
  'xen_blkfront',
  'xen_netfront',
];
const NETWORK = ['8021q', 'af_packet', 'bonding'];
const STORAGE = ['nvme', 'sd_mod', 'sg', 'sr_mod'];
/** Checksums that drivers and file systems ask for by the algorithm's name, so that no dependency tells of them. */
const CHECKSUMS = ['crc32c_generic', 'crc32c_intel', 'crc64_rocksoft_generic', 'crct10dif_generic'];
const FILE_SYSTEMS = ['efivarfs', 'ext4', 'nls_ascii', 'nls_cp437', 'vfat'];
/** Of 1 Gbit/s and more, as servers have them on board or in a slot. */
const SERVER_NETWORK_CARDS = [
  'amd_xgbe',
  'atlantic',
  'be2net',
  'bna',
  'bnx2',
  'bnx2x',
  'bnxt_en',
  'cxgb4',
  'e1000',
  'e1000e',
  'ena',
  'enic',
  'hinic',
  'i40e',
  'iavf',
  'ice',
  'igb',
  'igc',
  'ixgbe',
  'ixgbevf',
  'mlx4_en',
  'mlx5_core',
  'myri10ge',
  'netxen_nic',
  'qede',
  'qlcnic',
  'r8169',
  'sfc',
  'tg3',
  // A BMC's own network over USB.
  'cdc_ether',
  'rndis_host',
];
const SERVER_STORAGE = [
  'aacraid',
  'ahci',
  'arcmsr',
  'ata_piix',
  'fnic',
  'hpsa',
  'isci',
  'lpfc',
  'megaraid_sas',
  'mpi3mr',
  'mpt3sas',
  'mptsas',
  'mvsas',
  'pm80xx',
  'qla2xxx',
  'sdhci_pci',
  'mmc_block',
  'ses',
  'smartpqi',
  // NVMe disks behind Intel's volume management device.
  'vmd',
];
const SERVER_BOARD = [
  'ehci_pci',
  'hid_generic',
  'i2c_i801',
  'ipmi_devintf',
  'ipmi_si',
  'ipmi_ssif',
  'ohci_pci',
  'tpm_crb',
  'tpm_tis',
  'uas',
  'uhci_hcd',
  'usb_storage',
  'usbhid',
  'xhci_pci',
];

/** Modules by name; what they need comes along. What the kernel has built in is not looked for. */
export const modulesOf = (variant: Variant, architecture: ImageArchitecture): readonly string[] => {
  if (architecture === 'x86_64') return MODULES[variant];
  const shared = MODULES[variant].filter((name) => !X86_ONLY.has(name));
  return [...shared, ...(variant === 'metal' ? ARM64_SERVERS : [])];
};

/** Drivers of what sits in x86 alone: Debian's kernels for arm64 do without them. */
const X86_ONLY: ReadonlySet<string> = new Set([
  'arcmsr',
  'crc32c_intel',
  'fnic',
  'i2c_i801',
  'isci',
  'tpm_tis',
  'uhci_hcd',
  'vmd',
  'vmw_pvscsi',
]);

/** Network cards, disks and serial buses that are part of server processors. */
const ARM64_SERVERS = [
  'ahci_platform',
  'hclge',
  'hisi_sas_v3_hw',
  'hns3',
  'mvpp2',
  'nicpf',
  'nicvf',
  'thunder_bgx',
  'xgene_enet',
];

const MODULES = {
  vm: [...VIRTUAL_MACHINES, ...NETWORK, ...STORAGE, ...CHECKSUMS, ...FILE_SYSTEMS],
  metal: [
    ...VIRTUAL_MACHINES,
    ...NETWORK,
    ...STORAGE,
    ...CHECKSUMS,
    ...FILE_SYSTEMS,
    ...SERVER_NETWORK_CARDS,
    ...SERVER_STORAGE,
    ...SERVER_BOARD,
  ],
} as const satisfies Record<Variant, readonly string[]>;

/** No device names these: they are loaded whether or not there is a use for them yet. */
export const ALWAYS_LOADED = ['af_packet', 'efivarfs', 'ipmi_devintf', 'sg'] as const;
