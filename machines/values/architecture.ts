/** What instruction set a boot file must have. Names as Linux (`uname -m`) writes them. */
export const ARCHITECTURES = ['x86_64', 'i386', 'arm64', 'arm32', 'riscv64', 'loong64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** What the firmware can load: a BIOS network boot program, a UEFI application, or what U-Boot and the Pi read. */
export type Platform = 'bios' | 'uefi' | 'u-boot' | 'raspberry-pi';

export type ClientSystem = { readonly architecture: Architecture; readonly platform: Platform; readonly http: boolean };

const tftp = (architecture: Architecture, platform: Platform): ClientSystem => ({
  architecture,
  platform,
  http: false,
});
const http = (architecture: Architecture, platform: Platform): ClientSystem => ({ architecture, platform, http: true });

/**
 * DHCP option 93, from the IANA registry "Processor Architecture Types" (RFC 5970 §3.3). Only systems that some
 * image could be for; the rest (Alpha, NEC PC-98, s390, …) are named in an answer's reason by number.
 *
 * Type 9 is EFI byte code by the registry, but RFC 4578 printed 7 and 9 swapped and many x64 ROMs say 9.
 */
const SYSTEM_OF_CODE = new Map<number, ClientSystem>([
  [0, tftp('i386', 'bios')],
  [6, tftp('i386', 'uefi')],
  [7, tftp('x86_64', 'uefi')],
  [9, tftp('x86_64', 'uefi')],
  [10, tftp('arm32', 'uefi')],
  [11, tftp('arm64', 'uefi')],
  [15, http('i386', 'uefi')],
  [16, http('x86_64', 'uefi')],
  [17, http('x86_64', 'uefi')],
  [18, http('arm32', 'uefi')],
  [19, http('arm64', 'uefi')],
  [20, http('i386', 'bios')],
  [21, tftp('arm32', 'u-boot')],
  [22, tftp('arm64', 'u-boot')],
  [23, http('arm32', 'u-boot')],
  [24, http('arm64', 'u-boot')],
  [27, tftp('riscv64', 'uefi')],
  [28, http('riscv64', 'uefi')],
  [39, tftp('loong64', 'uefi')],
  [40, http('loong64', 'uefi')],
  [41, tftp('arm64', 'raspberry-pi')],
]);

/** The system behind one code of option 93, or nothing if no loader could exist for it. */
export const systemOfCode = (code: number): ClientSystem | undefined => SYSTEM_OF_CODE.get(code);
