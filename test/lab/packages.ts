/**
 * The Debian packages that tests above the fast tier work with.
 *
 * What ships a service, a kernel, or would push another package out, is only unpacked into the cache: nothing is
 * configured, enabled or written to /boot. The rest is installed.
 */
export const INSTALLED_PACKAGES = [
  'age',
  'atftp',
  'bsdutils',
  'btrfs-progs',
  'chromium',
  'cpio',
  'cryptsetup-bin',
  'curl',
  'dhcping',
  'dmidecode',
  'dnsmasq-base', // the program alone; `dnsmasq` would add the service
  'dosfstools',
  'e2fsprogs',
  'exfatprogs',
  'f2fs-tools',
  'fdisk',
  'fish',
  'freeipmi-tools',
  'gnupg',
  'gpgv',
  'gdisk',
  'ipmitool',
  'iproute2',
  'ipxe-qemu',
  'isc-dhcp-client',
  'kea-admin', // perfdhcp, and the libraries of the unpacked Kea server
  'libfaketime',
  'lz4',
  'mandoc',
  'minisign',
  'mmdebstrap',
  'ntfs-3g',
  'openssl',
  'mtools',
  'debconf',
  'python3-pyghmi',
  // What the unpacked cloud-init imports.
  'python3-configobj',
  'python3-jinja2',
  'python3-jsonpatch',
  'python3-jsonschema',
  'python3-netifaces',
  'python3-serial',
  'python3-sushy',
  'qemu-system-arm',
  'qemu-system-x86',
  'qemu-utils',
  'redfishtool',
  'sbsigntool',
  'skopeo',
  'squashfs-tools',
  'tcpdump',
  'tftp-hpa',
  'tshark',
  'util-linux',
  'wget',
  'wrk',
  'xfsprogs',
  'xz-utils',
  'zsh',
  'zstd',
  // Libraries of unpacked programs.
  'libaio1',
  'libdevmapper-event1.02.1',
  'libedit2',
  'libgssapi-krb5-2',
  'libicu72',
  'libldap-2.5-0',
  'liblz4-1',
  'libnftables1',
  'libopenipmi0',
  'libpopt0',
  'libpq5',
  'libsystemd-shared',
  'libwrap0',
  'libxml2',
  'tzdata',
] as const;

export const UNPACKED_PACKAGES = [
  'bcache-tools',
  'busybox-static', // conflicts with busybox
  'cloud-init', // a service at each boot
  'drbd-utils',
  'ignition',
  'grub-common',
  'ipxe',
  'isc-dhcp-relay',
  'kea-dhcp4-server',
  'libnetplan0',
  'linux-image-cloud-amd64',
  'lvm2',
  'memtest86+', // menu entries of grub
  'netplan.io', // a generator that systemd would run at each boot
  'nftables',
  'nginx',
  'openipmi', // an init script that loads kernel modules
  'ovmf',
  'postgresql-15',
  'prometheus', // a service that scrapes
  'qemu-efi-aarch64',
  'shim-signed', // its postinst would write boot entries
  'systemd-boot-efi',
  'systemd-container', // services that D-Bus would start
  'tftpd-hpa',
] as const;

/**
 * Packages of another architecture, or of a later Debian than this one; only unpacked. As apt writes them:
 * `NAME:ARCHITECTURE/RELEASE`, of bookworm where no release stands.
 */
export const FOREIGN_PACKAGES = [
  'busybox-static:arm64',
  'ipxe/trixie', // bookworm's has no build for arm64
  'grub-efi-amd64-signed/trixie', // bookworm's cannot speak HTTP
  'grub-efi-arm64-signed:arm64/trixie',
  'linux-image-cloud-arm64:arm64',
  'shim-signed:arm64',
] as const;

export type InstalledPackage = (typeof INSTALLED_PACKAGES)[number];
export type ForeignPackage = (typeof FOREIGN_PACKAGES)[number];
export type UnpackedPackage = (typeof UNPACKED_PACKAGES)[number] | ForeignPackage;

/** Where a thing that a test may need is found: a program of an installed package, a file of one, or a path inside an unpacked one. */
export type Source =
  | { readonly package: InstalledPackage }
  | { readonly package: InstalledPackage; readonly file: string }
  | { readonly package: UnpackedPackage; readonly path: string };

/** Everything a test can ask for by name, beside rights. A path may end in `*` for one name that holds a version. */
export const PROVISIONS = {
  age: { package: 'age' },
  'age-keygen': { package: 'age' },
  atftp: { package: 'atftp' },
  'bmc-info': { package: 'freeipmi-tools' },
  chromium: { package: 'chromium' },
  'cloud-init': { package: 'cloud-init', path: 'usr/bin/cloud-init' },
  cpio: { package: 'cpio' },
  curl: { package: 'curl' },
  'debconf-set-selections': { package: 'debconf' },
  dhclient: { package: 'isc-dhcp-client' },
  dhcping: { package: 'dhcping' },
  dnsmasq: { package: 'dnsmasq-base' },
  fish: { package: 'fish' },
  gpg: { package: 'gnupg' },
  gpgv: { package: 'gpgv' },
  'ignition-validate': { package: 'ignition', path: 'usr/bin/ignition-validate' },
  ip: { package: 'iproute2' },
  'ipmi-chassis': { package: 'freeipmi-tools' },
  'ipmi-chassis-config': { package: 'freeipmi-tools' },
  'ipmi-fru': { package: 'freeipmi-tools' },
  'ipmi-sel': { package: 'freeipmi-tools' },
  ipmipower: { package: 'freeipmi-tools' },
  ipmitool: { package: 'ipmitool' },
  // Another wall's clock for one process.
  libfaketime: { package: 'libfaketime', file: '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1' },
  openssl: { package: 'openssl' },
  mandoc: { package: 'mandoc' },
  memtest: { package: 'memtest86+', path: 'boot/memtest86+x64.bin' },
  minisign: { package: 'minisign' },
  mmdebstrap: { package: 'mmdebstrap' },
  perfdhcp: { package: 'kea-admin' },
  'qemu-img': { package: 'qemu-utils' },
  // Debian's own Python sees these; another one in PATH does not.
  pyghmi: { package: 'python3-pyghmi', file: '/usr/lib/python3/dist-packages/pyghmi/__init__.py' },
  'qemu-system-aarch64': { package: 'qemu-system-arm' },
  'qemu-system-x86_64': { package: 'qemu-system-x86' },
  redfishtool: { package: 'redfishtool' },
  sbsign: { package: 'sbsigntool' },
  script: { package: 'bsdutils' },
  sushy: { package: 'python3-sushy', file: '/usr/lib/python3/dist-packages/sushy/__init__.py' },
  skopeo: { package: 'skopeo' },
  tcpdump: { package: 'tcpdump' },
  tftp: { package: 'tftp-hpa' },
  tshark: { package: 'tshark' },
  wget: { package: 'wget' },
  xz: { package: 'xz-utils' },
  lz4: { package: 'lz4' },
  wrk: { package: 'wrk' },
  zsh: { package: 'zsh' },
  zstd: { package: 'zstd' },
  blkid: { package: 'util-linux' },
  cryptsetup: { package: 'cryptsetup-bin' },
  dmidecode: { package: 'dmidecode' },
  losetup: { package: 'util-linux' },
  lsblk: { package: 'util-linux' },
  debugfs: { package: 'e2fsprogs' },
  'fsck.ext4': { package: 'e2fsprogs' },
  'fsck.vfat': { package: 'dosfstools' },
  'mkfs.btrfs': { package: 'btrfs-progs' },
  'mkfs.exfat': { package: 'exfatprogs' },
  'mkfs.ext4': { package: 'e2fsprogs' },
  'mkfs.f2fs': { package: 'f2fs-tools' },
  'mkfs.ntfs': { package: 'ntfs-3g' },
  'mkfs.vfat': { package: 'dosfstools' },
  'mkfs.xfs': { package: 'xfsprogs' },
  mksquashfs: { package: 'squashfs-tools' },
  mkswap: { package: 'util-linux' },
  mcopy: { package: 'mtools' },
  mdir: { package: 'mtools' },
  mmd: { package: 'mtools' },
  mtype: { package: 'mtools' },
  'systemd-bootx64.efi': { package: 'systemd-boot-efi', path: 'usr/lib/systemd/boot/efi/systemd-bootx64.efi' },
  sfdisk: { package: 'fdisk' },
  'systemd-nspawn': { package: 'systemd-container', path: 'usr/bin/systemd-nspawn' },
  sgdisk: { package: 'gdisk' },
  drbdmeta: { package: 'drbd-utils', path: 'sbin/drbdmeta' },
  lvm: { package: 'lvm2', path: 'sbin/lvm' },
  'make-bcache': { package: 'bcache-tools', path: 'usr/sbin/make-bcache' },
  busybox: { package: 'busybox-static', path: 'bin/busybox' },
  dhcrelay: { package: 'isc-dhcp-relay', path: 'usr/sbin/dhcrelay' },
  'netplan-generate': { package: 'netplan.io', path: 'usr/libexec/netplan/generate' },
  /** The folder of its library. */
  libnetplan: { package: 'libnetplan0', path: 'usr/lib/*' },
  'grub-script-check': { package: 'grub-common', path: 'usr/bin/grub-script-check' },
  nginx: { package: 'nginx', path: 'usr/sbin/nginx' },
  nft: { package: 'nftables', path: 'usr/sbin/nft' },
  ipmi_sim: { package: 'openipmi', path: 'usr/bin/ipmi_sim' },
  'in.tftpd': { package: 'tftpd-hpa', path: 'usr/sbin/in.tftpd' },
  promtool: { package: 'prometheus', path: 'usr/bin/promtool' },
  prometheus: { package: 'prometheus', path: 'usr/bin/prometheus' },
  'kea-dhcp4': { package: 'kea-dhcp4-server', path: 'usr/sbin/kea-dhcp4' },
  /** A folder with postgres, initdb and pg_ctl. */
  'postgresql-bin': { package: 'postgresql-15', path: 'usr/lib/postgresql/15/bin' },
  vmlinuz: { package: 'linux-image-cloud-amd64', path: 'boot/vmlinuz-*' },
  /** The folder of the kernel's modules. */
  modules: { package: 'linux-image-cloud-amd64', path: 'lib/modules/*' },
  'undionly.kpxe': { package: 'ipxe', path: 'usr/lib/ipxe/undionly.kpxe' },
  // Beside the others lies only a link to where it would be installed.
  'ipxe.efi': { package: 'ipxe', path: 'boot/ipxe.efi' },
  'snponly.efi': { package: 'ipxe', path: 'usr/lib/ipxe/snponly.efi' },
  'OVMF_CODE_4M.fd': { package: 'ovmf', path: 'usr/share/OVMF/OVMF_CODE_4M.fd' },
  'OVMF_VARS_4M.fd': { package: 'ovmf', path: 'usr/share/OVMF/OVMF_VARS_4M.fd' },
  'OVMF_CODE_4M.secboot.fd': { package: 'ovmf', path: 'usr/share/OVMF/OVMF_CODE_4M.secboot.fd' },
  'OVMF_VARS_4M.snakeoil.fd': { package: 'ovmf', path: 'usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd' },
  /** The key pair that the snakeoil variables trust; its passphrase is `snakeoil`. */
  'snakeoil.key': { package: 'ovmf', path: 'usr/share/ovmf/PkKek-1-snakeoil.key' },
  'snakeoil.pem': { package: 'ovmf', path: 'usr/share/ovmf/PkKek-1-snakeoil.pem' },
  'OVMF_VARS_4M.ms.fd': { package: 'ovmf', path: 'usr/share/OVMF/OVMF_VARS_4M.ms.fd' },
  'AAVMF_CODE.fd': { package: 'qemu-efi-aarch64', path: 'usr/share/AAVMF/AAVMF_CODE.fd' },
  'AAVMF_VARS.ms.fd': { package: 'qemu-efi-aarch64', path: 'usr/share/AAVMF/AAVMF_VARS.ms.fd' },
  'AAVMF_VARS.fd': { package: 'qemu-efi-aarch64', path: 'usr/share/AAVMF/AAVMF_VARS.fd' },
  'busybox-arm64': { package: 'busybox-static:arm64', path: 'bin/busybox' },
  'vmlinuz-arm64': { package: 'linux-image-cloud-arm64:arm64', path: 'boot/vmlinuz-*' },
  /** The folder of the kernel's modules. */
  'modules-arm64': { package: 'linux-image-cloud-arm64:arm64', path: 'lib/modules/*' },
  'shimx64.efi.signed': { package: 'shim-signed', path: 'usr/lib/shim/shimx64.efi.signed' },
  'shimaa64.efi.signed': { package: 'shim-signed:arm64', path: 'usr/lib/shim/shimaa64.efi.signed' },
  'grubnetaa64.efi.signed': {
    package: 'grub-efi-arm64-signed:arm64/trixie',
    path: 'usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed',
  },
  'grubnetx64.efi.signed': {
    package: 'grub-efi-amd64-signed/trixie',
    path: 'usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed',
  },
  'ipxe-arm64.efi': { package: 'ipxe/trixie', path: 'usr/lib/ipxe/ipxe-arm64.efi' },
} as const satisfies Record<string, Source>;

export type Provision = keyof typeof PROVISIONS;
