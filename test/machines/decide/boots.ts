import type {
  DhcpClient,
  HttpRole,
  ScriptSituation,
  SilenceCode,
  TraceBody,
  TraceEvent,
} from '#machines/contract/trace.ts';
import type { Ipv4 } from '#machines/values/ip-address.ts';

/** A step of a boot: seconds after its beginning, and what happened. */
export type Step = readonly [second: number, body: TraceBody];

export const EPOCH = 1_750_000_000_000;
export const atSecond = (second: number): number => EPOCH + second * 1000;

export const eventsOf = (steps: readonly Step[]): readonly TraceEvent[] =>
  steps.map(([second, body], index) => ({ seq: index + 1, at: atSecond(second), ...body }));

export const later = (seconds: number, steps: readonly Step[]): readonly Step[] =>
  steps.map(([second, body]) => [second + seconds, body]);

export const US = '192.168.77.1' as Ipv4;
export const OTHER = '192.168.77.254' as Ipv4;
export const ADDRESS = '192.168.77.101' as Ipv4;
export const ATTEMPT = 'AAAAAAAAAAAAAAAAAAAAAA';
const BOOT = `http://${US}:8080`;
export const SCRIPT_URL = `${BOOT}/a/${ATTEMPT}/boot.ipxe`;
export const UEFI_LOADER = 'ipxe/x86_64/snponly.efi';
export const BIOS_LOADER = 'ipxe/undionly.kpxe';

const SHIM = 'grub/x86_64/shimx64.efi';
const GRUB_CFG = 'grub/machine.cfg?mac=52:54:00:00:00:01&uuid=00000000-0000-0000-0000-000000000000&platform=efi';

export const UEFI: DhcpClient = { kind: 'pxe', archCode: 7, vendorClass: 'PXEClient:Arch:00007:UNDI:003000' };
export const BIOS: DhcpClient = { kind: 'pxe', archCode: 0, vendorClass: 'PXEClient:Arch:00000:UNDI:002001' };
export const HTTP: DhcpClient = { kind: 'http', archCode: 16, vendorClass: 'HTTPClient:Arch:00016:UNDI:003000' };
export const IPXE: DhcpClient = { kind: 'ipxe', archCode: 7, userClass: 'iPXE', http: true };
export const PI: DhcpClient = { kind: 'raspberry-pi', archCode: 0, vendorClass: 'PXEClient:Arch:00000:UNDI:002001' };
export const LINUX: DhcpClient = { kind: 'os', vendorClass: 'dhcpcd-9.4.1:Linux-6.1.0:x86_64' };

type Received = Extract<TraceBody, { kind: 'dhcp-received' }>;

const received = (message: Received['message'], client: DhcpClient, more: Partial<Received> = {}): Received => ({
  kind: 'dhcp-received',
  message,
  xid: xidOf(client),
  port: 67,
  client,
  secs: 0,
  interface: 'eth1',
  ...more,
});

const xidOf = ({ kind }: DhcpClient): number => kind.length * 1000 + kind.charCodeAt(0);

export const discover = (client: DhcpClient, more: Partial<Received> = {}): TraceBody =>
  received('DISCOVER', client, more);
export const request = (client: DhcpClient, more: Partial<Received> = {}): TraceBody =>
  received('REQUEST', client, { serverId: US, requestedAddress: ADDRESS, ...more });
export const decline = (client: DhcpClient, address: Ipv4): TraceBody =>
  received('DECLINE', client, { serverId: US, requestedAddress: address });

type Answered = Extract<TraceBody, { kind: 'dhcp-answered' }>;

const answered = (message: Answered['message'], client: DhcpClient, more: Partial<Answered>): TraceBody => ({
  kind: 'dhcp-answered',
  message,
  xid: xidOf(client),
  proxy: false,
  yiaddr: ADDRESS,
  serverId: US,
  to: '255.255.255.255:68',
  because: 'profile rescue: machine r1-u12 names it',
  ...more,
});

export const offer = (client: DhcpClient, bootFile?: string, more: Partial<Answered> = {}): TraceBody =>
  answered('OFFER', client, { ...(bootFile === undefined ? {} : { bootFile }), ...more });
export const ack = (client: DhcpClient, bootFile?: string, more: Partial<Answered> = {}): TraceBody =>
  answered('ACK', client, { ...(bootFile === undefined ? {} : { bootFile }), ...more });
/** What a proxy says has no address in it. */
export const proxyOffer = (client: DhcpClient, bootFile: string): TraceBody => {
  const { yiaddr: _, ...offered } = offer(client, bootFile, { proxy: true }) as Answered;
  return offered;
};
export const silent = (client: DhcpClient, code: SilenceCode, because = `because of ${code}`): TraceBody => ({
  kind: 'dhcp-silent',
  xid: xidOf(client),
  code,
  because,
});

export const dora = (second: number, client: DhcpClient, bootFile: string): readonly Step[] => [
  [second, discover(client)],
  [second, offer(client, bootFile)],
  // OVMF gathers offers for four seconds; others take the first.
  [second + 4, request(client)],
  [second + 4, ack(client, bootFile)],
];

export const asked = (file: string): TraceBody => ({ kind: 'tftp-asked', file, options: 'octet tsize=0 blksize=1468' });
export const sent = (file: string, bytes = 200_000): TraceBody => ({
  kind: 'tftp-sent',
  file,
  bytes,
  ms: 900,
  resent: 0,
});
export const probed = (file: string): TraceBody => ({
  kind: 'tftp-aborted',
  file,
  probe: true,
  bytes: 0,
  text: 'User aborted the transfer',
});
export const timedOut = (file: string, bytes: number, ms = 30_000): TraceBody => ({
  kind: 'tftp-timeout',
  file,
  bytes,
  size: 200_000,
  ms,
});
export const refused = (file: string, because = `no file ${file}`): TraceBody => ({
  kind: 'tftp-refused',
  file,
  because,
});

export const httpAsked = (role: HttpRole, path: string): TraceBody => ({ kind: 'http-asked', role, path });
type Sent = Extract<TraceBody, { kind: 'http-sent' }>;
export const http = (role: HttpRole, path: string, more: Partial<Sent> = {}): TraceBody => ({
  kind: 'http-sent',
  method: 'GET',
  path,
  role,
  status: 200,
  bytes: 1_000_000,
  size: 1_000_000,
  ms: 400,
  ...more,
});
export const notFound = (role: HttpRole, path: string, because: string): TraceBody =>
  http(role, path, { status: 404, bytes: 40, size: 40, because });

export const script = (situation: ScriptSituation = 'kernel', initrds?: number): TraceBody => ({
  kind: 'script-rendered',
  situation,
  because: 'profile rescue: machine r1-u12 names it',
  bytes: 900,
  ...(situation === 'kernel' || situation === 'agent' ? { initrds: initrds ?? 1 } : {}),
});

export const KERNEL = `/a/${ATTEMPT}/kernel`;
export const INITRD = `/a/${ATTEMPT}/initrd-0`;
export const SCRIPT = `/a/${ATTEMPT}/boot.ipxe`;

export const scriptSteps = (second: number): readonly Step[] => [
  [second, script()],
  [second, http('script', SCRIPT, { bytes: 900, size: 900, ms: 2 })],
];
/** A kernel over a slow link takes a minute, an initrd four. */
export const imageSteps = (second: number): readonly Step[] => [
  [second, httpAsked('kernel', KERNEL)],
  [second + 60, http('kernel', KERNEL, { ms: 60_000 })],
  [second + 60, httpAsked('initrd', INITRD)],
  [second + 300, http('initrd', INITRD, { ms: 240_000 })],
  [second + 300, { kind: 'grant-spent', grant: 'g1' }],
];
export const linuxSteps = (second: number): readonly Step[] => [
  [second, discover(LINUX)],
  [second, offer(LINUX)],
  [second, request(LINUX)],
  [second, ack(LINUX)],
];
/** From the running loader to the running system. */
export const ipxeSteps = (second: number): readonly Step[] => [
  ...dora(second, IPXE, SCRIPT_URL),
  ...scriptSteps(second + 5),
  ...imageSteps(second + 5),
  ...linuxSteps(second + 345),
];
export const uefiLoaderSteps = (second: number): readonly Step[] => [
  [second, asked(UEFI_LOADER)],
  [second, probed(UEFI_LOADER)],
  [second, asked(UEFI_LOADER)],
  [second + 1, sent(UEFI_LOADER)],
];

/** Boots that go well, as their packets really come. */
export const HEALTHY: Readonly<Record<string, readonly Step[]>> = {
  'BIOS PXE': [
    ...dora(0, BIOS, BIOS_LOADER),
    [5, asked(BIOS_LOADER)],
    [5, probed(BIOS_LOADER)],
    [5, asked(BIOS_LOADER)],
    [6, sent(BIOS_LOADER)],
    ...ipxeSteps(10),
  ],
  'UEFI PXE, whose EDK2 asks for the size first': [
    ...dora(0, UEFI, UEFI_LOADER),
    ...uefiLoaderSteps(5),
    [8, asked('autoexec.ipxe')],
    [8, refused('autoexec.ipxe')],
    ...ipxeSteps(40),
  ],
  'UEFI PXE with lost packets': [
    [0, discover(UEFI)],
    [0, offer(UEFI, UEFI_LOADER)],
    [4, discover(UEFI, { secs: 4 })],
    [4, offer(UEFI, UEFI_LOADER)],
    [8, request(UEFI, { secs: 4 })],
    [8, ack(UEFI, UEFI_LOADER)],
    [12, request(UEFI, { secs: 8 })],
    [12, ack(UEFI, UEFI_LOADER)],
    ...uefiLoaderSteps(13),
    // The abort after asking for the size was lost, and so the server waited for it in vain.
    [43, timedOut(UEFI_LOADER, 0)],
    ...ipxeSteps(30).filter(([second]) => second <= 43),
    ...ipxeSteps(30).filter(([second]) => second > 43),
  ],
  'UEFI PXE as a proxy, with the question on 4011': [
    [0, discover(UEFI)],
    [0, proxyOffer(UEFI, UEFI_LOADER)],
    [4, request(UEFI, { serverId: OTHER })],
    [4, { kind: 'other-dhcp', serverId: OTHER }],
    [5, request(UEFI, { port: 4011, ciaddr: ADDRESS })],
    [5, ack(UEFI, UEFI_LOADER, { proxy: true })],
    ...uefiLoaderSteps(5),
    [12, discover(IPXE)],
    [12, proxyOffer(IPXE, SCRIPT_URL)],
    [12, request(IPXE, { serverId: OTHER })],
    ...scriptSteps(14),
    ...imageSteps(14),
    [340, { kind: 'log', source: 'syslog', severity: 6, text: 'kernel: Linux version 6.1.0' }],
  ],
  'UEFI HTTP Boot after PXE found nothing': [
    [0, discover(UEFI)],
    [0, silent(UEFI, 'no-boot-file')],
    [4, discover(UEFI, { secs: 4 })],
    [4, silent(UEFI, 'no-boot-file')],
    [120, discover(HTTP)],
    [120, offer(HTTP, `${BOOT}/${UEFI_LOADER}`)],
    [124, request(HTTP)],
    [124, ack(HTTP, `${BOOT}/${UEFI_LOADER}`)],
    [125, http('loader', `/${UEFI_LOADER}`, { method: 'HEAD', bytes: 0 })],
    [125, httpAsked('loader', `/${UEFI_LOADER}`)],
    [126, http('loader', `/${UEFI_LOADER}`)],
    [128, notFound('other', '/ipxe/x86_64/autoexec.ipxe', 'no such file')],
    ...ipxeSteps(140),
  ],
  'Secure Boot, by shim and GRUB': [
    ...dora(0, UEFI, SHIM),
    [5, asked(SHIM)],
    [5, probed(SHIM)],
    [5, asked(SHIM)],
    [6, sent(SHIM, 1_048_504)],
    ...['revocations_sku.efi', 'revocations_sbat.efi', 'shim_certificate_0.efi'].flatMap((name): Step[] => [
      [7, asked(`grub/x86_64/${name}`)],
      [7, refused(`grub/x86_64/${name}`)],
    ]),
    [8, asked('grub/x86_64/grubx64.efi')],
    [12, sent('grub/x86_64/grubx64.efi', 4_000_000)],
    [40, asked('grub/x86_64-efi/command.lst')],
    [40, refused('grub/x86_64-efi/command.lst')],
    [41, asked('grub/grub.cfg')],
    [41, sent('grub/grub.cfg', 250)],
    [41, asked(GRUB_CFG)],
    [41, script()],
    [41, sent(GRUB_CFG, 700)],
    ...imageSteps(42),
    ...linuxSteps(382),
  ],
  'iPXE in ROM': [...dora(0, { ...IPXE, archCode: 0 }, SCRIPT_URL), ...ipxeSteps(4).slice(4)],
  'Raspberry Pi 3, which never sends a REQUEST': [
    [0, discover(PI)],
    [0, offer(PI, 'bootcode.bin')],
    [1, asked('bootcode.bin')],
    [1, sent('bootcode.bin', 52_000)],
    [2, discover(PI)],
    [2, offer(PI, 'bootcode.bin')],
    [2, asked('bootsig.bin')],
    [2, refused('bootsig.bin')],
    [3, asked('0123abcd/start.elf')],
    [3, { kind: 'tftp-aborted', file: '0123abcd/start.elf', probe: false, bytes: 1024, text: 'early terminate' }],
    [3, asked('0123abcd/start.elf')],
    [6, sent('0123abcd/start.elf', 2_900_000)],
    [6, asked('0123abcd/kernel8.img')],
    [20, sent('0123abcd/kernel8.img', 8_000_000)],
    ...linuxSteps(50),
  ],
};
