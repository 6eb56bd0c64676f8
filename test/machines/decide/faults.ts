import type { VerdictCode } from '#machines/contract/trace.ts';
import type { FaultCode, VerdictContext } from '#machines/decide/verdict/finding.ts';
import type { Ipv4 } from '#machines/values/ip-address.ts';
import {
  ack,
  ADDRESS,
  asked,
  atSecond,
  BIOS,
  BIOS_LOADER,
  decline,
  discover,
  dora,
  HTTP,
  http,
  httpAsked,
  imageSteps,
  INITRD,
  IPXE,
  ipxeSteps,
  KERNEL,
  later,
  linuxSteps,
  notFound,
  offer,
  OTHER,
  PI,
  proxyOffer,
  refused,
  request,
  SCRIPT,
  SCRIPT_URL,
  script,
  scriptSteps,
  sent,
  silent,
  type Step,
  timedOut,
  UEFI,
  UEFI_LOADER,
  uefiLoaderSteps,
} from './boots.ts';

type Twin = {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly at: number;
  readonly want: VerdictCode;
  readonly context?: VerdictContext;
};
type Fault = {
  readonly code: FaultCode;
  readonly name: string;
  readonly steps: readonly Step[];
  /** Seconds after the beginning at which it must be seen. */
  readonly at: number;
  readonly context?: VerdictContext;
  /** Nearly the same, and something else. */
  readonly twin: Twin;
};

const accepted: VerdictContext = { machine: { name: 'r1-u12', acceptance: 'accepted' } };
const stranger: VerdictContext = { machine: { name: 'm-525400000001', acceptance: 'seen' } };
const relay = { giaddr: '10.9.0.1' as Ipv4 };

const loaded: readonly Step[] = [...dora(0, UEFI, UEFI_LOADER), ...uefiLoaderSteps(5)];
const ipxeUp: readonly Step[] = [...loaded, ...dora(10, IPXE, SCRIPT_URL)];
const scripted: readonly Step[] = [...ipxeUp, ...scriptSteps(15)];
const kernelSent: readonly Step[] = [...scripted, [16, httpAsked('kernel', KERNEL)], [18, http('kernel', KERNEL)]];
const imageSent: readonly Step[] = [...kernelSent, [18, httpAsked('initrd', INITRD)], [25, http('initrd', INITRD)]];

/** The same with the agent’s script. */
const agentSent: readonly Step[] = imageSent.map(([second, body]) =>
  body.kind === 'script-rendered' ? [second, script('agent')] : [second, body],
);

export const FAULTS: readonly Fault[] = [
  {
    code: 'other-dhcp-won',
    name: 'it takes the offer of another server',
    steps: [
      [0, discover(UEFI)],
      [0, offer(UEFI, UEFI_LOADER)],
      [4, request(UEFI, { serverId: OTHER })],
      [4, silent(UEFI, 'other-server')],
      [4, { kind: 'other-dhcp', serverId: OTHER }],
    ],
    at: 10,
    context: accepted,
    twin: {
      name: 'a proxy wants it to take the address of another server',
      steps: [
        [0, discover(UEFI)],
        [0, proxyOffer(UEFI, UEFI_LOADER)],
        [4, request(UEFI, { serverId: OTHER })],
        [4, { kind: 'other-dhcp', serverId: OTHER }],
      ],
      at: 10,
      want: 'in-progress',
    },
  },
  {
    code: 'other-dhcp-won',
    name: 'it boots its own disk after taking the offer of another server',
    steps: [
      [0, discover(UEFI)],
      [0, offer(UEFI, UEFI_LOADER)],
      [4, request(UEFI, { serverId: OTHER })],
      ...linuxSteps(6),
    ],
    at: 6,
    twin: {
      name: 'it takes ours the second time, and boots',
      steps: [
        [0, discover(UEFI)],
        [0, offer(UEFI, UEFI_LOADER)],
        [4, request(UEFI, { serverId: OTHER })],
        ...later(5, loaded),
      ],
      at: 12,
      want: 'in-progress',
    },
  },
  {
    code: 'offer-ignored',
    name: 'OVMF asks at 0, 4, 12 and 28 seconds and takes none of the offers',
    steps: [0, 4, 12, 28].flatMap((second): readonly Step[] => [
      [second, discover(UEFI, { secs: second })],
      [second, offer(UEFI, UEFI_LOADER)],
    ]),
    at: 40,
    twin: {
      name: 'an accepted machine without a boot file is meant to go on to its disk',
      steps: [0, 4, 12, 28].flatMap((second): readonly Step[] => [
        [second, discover(UEFI, { secs: second })],
        [second, offer(UEFI)],
      ]),
      at: 400,
      want: 'in-progress',
      context: accepted,
    },
  },
  {
    code: 'no-tftp',
    name: 'it has its address and never asks for the loader',
    steps: dora(0, UEFI, UEFI_LOADER),
    at: 30,
    twin: {
      name: 'it asks for the loader, twice, while answers get lost',
      steps: [...dora(0, UEFI, UEFI_LOADER), [5, asked(UEFI_LOADER)], [20, asked(UEFI_LOADER)]],
      at: 30,
      want: 'in-progress',
    },
  },
  {
    code: 'no-tftp',
    name: 'a Raspberry Pi never asks for its first file after the offer',
    steps: [
      [0, discover(PI)],
      [0, offer(PI, 'bootcode.bin')],
      [6, discover(PI)],
      [6, offer(PI, 'bootcode.bin')],
    ],
    at: 30,
    twin: {
      name: 'a Raspberry Pi that asks for it',
      steps: [
        [0, discover(PI)],
        [0, offer(PI, 'bootcode.bin')],
        [10, asked('bootcode.bin')],
      ],
      at: 30,
      want: 'in-progress',
    },
  },
  {
    code: 'no-tftp',
    name: 'beside another server it takes its address there, and asks us for nothing',
    steps: [
      [0, discover(UEFI)],
      [0, proxyOffer(UEFI, UEFI_LOADER)],
      [4, request(UEFI, { serverId: OTHER })],
    ],
    at: 30,
    twin: {
      name: 'beside another server, where no boot file was offered',
      steps: [
        [0, discover(UEFI)],
        [0, silent(UEFI, 'no-boot-file')],
        [4, request(UEFI, { serverId: OTHER })],
        [4, silent(UEFI, 'other-server')],
      ],
      at: 300,
      want: 'in-progress',
    },
  },
  {
    code: 'tftp-stalled',
    name: 'it stops acknowledging in the middle of the loader',
    steps: [...dora(0, BIOS, BIOS_LOADER), [5, asked(BIOS_LOADER)], [40, timedOut(BIOS_LOADER, 29_360)]],
    at: 40,
    twin: {
      name: 'only the last ACK was lost, and iPXE speaks already',
      steps: [
        ...dora(0, BIOS, BIOS_LOADER),
        [5, asked(BIOS_LOADER)],
        ...dora(10, IPXE, SCRIPT_URL),
        ...scriptSteps(15),
        [40, timedOut(BIOS_LOADER, 199_000)],
      ],
      at: 40,
      want: 'in-progress',
    },
  },
  {
    code: 'tftp-stalled',
    name: 'it ends the transfer itself and does not try again',
    steps: [
      ...dora(0, UEFI, UEFI_LOADER),
      [5, asked(UEFI_LOADER)],
      [6, { kind: 'tftp-aborted', file: UEFI_LOADER, probe: false, bytes: 65_536, text: 'out of memory' }],
    ],
    at: 30,
    twin: {
      name: 'EDK2 that only asked for the size',
      steps: [...dora(0, UEFI, UEFI_LOADER), ...uefiLoaderSteps(5).slice(0, 2)],
      at: 300,
      want: 'in-progress',
    },
  },
  {
    code: 'wrong-arch',
    name: 'no loader can exist for an Itanium',
    steps: [
      [0, discover({ kind: 'pxe', archCode: 2 })],
      [0, silent({ kind: 'pxe' }, 'wrong-arch', 'option 93 says 2 (Itanium)')],
    ],
    at: 0,
    twin: {
      name: 'PXE of an odd architecture, and then HTTP Boot of one that we have',
      steps: [
        [0, discover({ kind: 'pxe', archCode: 2 })],
        [0, silent({ kind: 'pxe' }, 'wrong-arch')],
        [60, discover(HTTP)],
        [60, offer(HTTP, 'http://192.168.77.1:8080/ipxe/x86_64/snponly.efi')],
      ],
      at: 62,
      want: 'in-progress',
    },
  },
  {
    code: 'loader-missing',
    name: 'the loader for its architecture is not installed',
    steps: [
      [0, discover({ kind: 'pxe', archCode: 11 })],
      [0, silent({ kind: 'pxe' }, 'loader-missing', 'want ipxe/arm64/snponly.efi')],
    ],
    at: 0,
    twin: {
      name: 'iPXE looks for autoexec.ipxe, which need not be',
      steps: [...loaded, [8, asked('autoexec.ipxe')], [8, refused('autoexec.ipxe')]],
      at: 30,
      want: 'in-progress',
    },
  },
  {
    code: 'loader-missing',
    name: 'the file that was offered is gone when it is asked for',
    steps: [...dora(0, UEFI, UEFI_LOADER), [5, asked(UEFI_LOADER)], [5, refused(UEFI_LOADER)]],
    at: 5,
    twin: {
      name: 'it was gone for a moment only',
      steps: [...dora(0, UEFI, UEFI_LOADER), [5, asked(UEFI_LOADER)], [5, refused(UEFI_LOADER)], ...uefiLoaderSteps(9)],
      at: 12,
      want: 'in-progress',
    },
  },
  {
    code: 'loader-missing',
    name: 'HTTP Boot is told a URL that is not found',
    steps: [
      ...dora(0, HTTP, 'http://192.168.77.1:8080/ipxe/x86_64/snponly.efi'),
      [5, { ...notFound('loader', '/ipxe/x86_64/snponly.efi', 'no file'), method: 'HEAD' } as Step[1]],
    ],
    at: 6,
    twin: {
      name: 'iPXE started by HTTP Boot looks for autoexec.ipxe',
      steps: [
        ...dora(0, HTTP, 'http://192.168.77.1:8080/ipxe/x86_64/snponly.efi'),
        [5, http('loader', '/ipxe/x86_64/snponly.efi')],
        [7, notFound('other', '/ipxe/x86_64/autoexec.ipxe', 'no such file')],
      ],
      at: 20,
      want: 'in-progress',
    },
  },
  {
    code: 'loader-missing',
    name: 'a Raspberry Pi finds none of its files',
    steps: [
      [0, discover(PI)],
      [0, offer(PI)],
      [1, asked('0123abcd/start4.elf')],
      [1, refused('0123abcd/start4.elf')],
      [2, asked('start4.elf')],
      [2, refused('start4.elf')],
    ],
    at: 90,
    twin: {
      name: 'a Raspberry Pi that lacks only the ones it can do without',
      steps: [
        [0, discover(PI)],
        [0, offer(PI)],
        [1, asked('0123abcd/bootsig.bin')],
        [1, refused('0123abcd/bootsig.bin')],
        [2, asked('start4.elf')],
        [4, sent('start4.elf')],
      ],
      at: 90,
      want: 'in-progress',
    },
  },
  {
    code: 'loader-no-return',
    name: 'the loader came whole, and nothing is heard again',
    steps: loaded,
    at: 70,
    twin: {
      name: 'iPXE waits 45 seconds for its link',
      steps: [...loaded, [51, discover(IPXE, { secs: 4 })], [51, offer(IPXE, SCRIPT_URL)]],
      at: 70,
      want: 'in-progress',
    },
  },
  {
    code: 'loader-no-return',
    name: 'a BIOS asks again right after its loader',
    steps: [...dora(0, BIOS, BIOS_LOADER), [5, asked(BIOS_LOADER)], [6, sent(BIOS_LOADER)], [9, discover(BIOS)]],
    at: 9,
    twin: {
      name: 'UEFI that does so has Secure Boot to blame',
      steps: [...loaded, [9, discover(UEFI, { xid: 99 })]],
      at: 9,
      want: 'secure-boot',
    },
  },
  {
    code: 'no-script',
    name: 'iPXE has its address and never asks for the script',
    steps: ipxeUp,
    at: 50,
    twin: {
      name: 'it asks after 25 seconds',
      steps: [...ipxeUp, ...scriptSteps(39)],
      at: 50,
      want: 'in-progress',
    },
  },
  {
    code: 'no-script',
    name: 'the script cannot be had',
    steps: [...ipxeUp, [15, notFound('script', SCRIPT, 'this attempt is not known (any more)')]],
    at: 15,
    twin: {
      name: 'it can be had the second time',
      steps: [...ipxeUp, [15, notFound('script', SCRIPT, 'this attempt is not known (any more)')], ...scriptSteps(20)],
      at: 22,
      want: 'in-progress',
    },
  },
  {
    code: 'not-accepted',
    name: 'a stranger asks, and discovery is off',
    steps: [
      [0, discover(UEFI)],
      [0, silent(UEFI, 'not-accepted', 'm-525400000001 was seen but not accepted, and discovery is off here')],
    ],
    at: 0,
    context: stranger,
    twin: {
      name: 'it was accepted since, and only has to be started again',
      steps: [
        [0, discover(UEFI)],
        [0, silent(UEFI, 'not-accepted')],
      ],
      at: 60,
      want: 'in-progress',
      context: accepted,
    },
  },
  {
    code: 'not-accepted',
    name: 'a stranger waits at its script',
    steps: [...ipxeUp, [15, script('hold')], [15, http('script', SCRIPT, { bytes: 900, size: 900 })]],
    at: 500,
    context: stranger,
    twin: {
      name: 'it was accepted while it waited, and boots',
      steps: [
        ...ipxeUp,
        [15, script('hold')],
        [15, http('script', SCRIPT, { bytes: 900, size: 900 })],
        ...scriptSteps(100),
      ],
      at: 102,
      want: 'in-progress',
      context: accepted,
    },
  },
  {
    code: 'kernel-missing',
    name: 'the kernel cannot be served',
    steps: [...scripted, [16, notFound('kernel', KERNEL, 'image rescue: no file /srv/vmlinuz')]],
    at: 16,
    twin: {
      name: 'the download is slow but goes on',
      steps: [...scripted, [16, httpAsked('kernel', KERNEL)]],
      at: 600,
      want: 'in-progress',
    },
  },
  {
    code: 'kernel-missing',
    name: 'it has its script and never asks for the kernel',
    steps: scripted,
    at: 60,
    twin: {
      name: 'it has a menu, where a person chooses',
      steps: [...ipxeUp, [15, script('menu')], [15, http('script', SCRIPT, { bytes: 900, size: 900 })]],
      at: 600,
      want: 'in-progress',
    },
  },
  {
    code: 'no-initrd',
    name: 'the initrd is never asked for',
    steps: kernelSent,
    at: 60,
    twin: {
      name: 'the image has none',
      steps: [
        ...ipxeUp,
        [15, script('kernel', 0)],
        [15, http('script', SCRIPT, { bytes: 900, size: 900 })],
        [16, http('kernel', KERNEL)],
      ],
      at: 60,
      want: 'in-progress',
    },
  },
  {
    code: 'no-initrd',
    name: 'the initrd breaks off and is not begun again',
    steps: [
      ...kernelSent,
      [18, httpAsked('initrd', INITRD)],
      [30, http('initrd', INITRD, { bytes: 400_000, size: 1_000_000 })],
    ],
    at: 90,
    twin: {
      name: 'it is begun again, where it broke off',
      steps: [
        ...kernelSent,
        [18, httpAsked('initrd', INITRD)],
        [30, http('initrd', INITRD, { bytes: 400_000, size: 1_000_000 })],
        [32, httpAsked('initrd', INITRD)],
        [40, http('initrd', INITRD, { status: 206, bytes: 600_000, size: 600_000 })],
      ],
      at: 90,
      want: 'in-progress',
    },
  },
  {
    code: 'silent-after-kernel',
    name: 'all was sent, and nothing is heard for five minutes',
    steps: imageSent,
    at: 330,
    twin: {
      name: 'its system asks for an address after four',
      steps: [...imageSent, ...linuxSteps(260)],
      at: 330,
      want: 'booted',
    },
  },
  {
    code: 'silent-after-kernel',
    name: 'the kernel’s last words are a panic',
    steps: [
      ...imageSent,
      [30, { kind: 'log', source: 'syslog', severity: 6, text: 'Linux version 6.1.0' }],
      [31, { kind: 'log', source: 'syslog', severity: 0, text: 'Kernel panic - not syncing: VFS' }],
    ],
    at: 31,
    twin: {
      name: 'a driver that complains is no panic',
      steps: [...imageSent, [30, { kind: 'log', source: 'syslog', severity: 3, text: 'nouveau: unknown chipset' }]],
      at: 400,
      want: 'booted',
    },
  },
  {
    code: 'silent-after-kernel',
    name: 'the agent’s kernel asks for an address, and the agent never calls back',
    steps: [...agentSent, ...linuxSteps(40)],
    at: 341,
    twin: {
      name: 'it calls back after some minutes',
      steps: [...agentSent, ...linuxSteps(40), [300, { kind: 'reported', by: 'agent', text: 'agent 1 registered' }]],
      at: 300,
      want: 'booted',
    },
  },
  {
    code: 'silent-after-kernel',
    name: 'the agent’s key is refused, and it comes no further',
    steps: [...agentSent, [40, { kind: 'boot-token', act: 'refused', because: `nobody holds a lease of ${OTHER}` }]],
    at: 341,
    twin: {
      name: 'it has a lease by the second try',
      steps: [
        ...agentSent,
        [40, { kind: 'boot-token', act: 'refused', because: `nobody holds a lease of ${ADDRESS}` }],
        [45, { kind: 'boot-token', act: 'taken', because: `by r1-u12 at ${ADDRESS}` }],
        [45, { kind: 'reported', by: 'agent', text: 'agent 1 registered' }],
      ],
      at: 341,
      want: 'booted',
    },
  },
  {
    code: 'boot-loop',
    name: 'the fourth boot within minutes, after three that came to the kernel',
    steps: [[0, discover(UEFI)]],
    at: 0,
    context: { ...accepted, fruitlessBoots: [-600, -400, -200].map(atSecond) },
    twin: {
      name: 'the third one, after two',
      steps: [[0, discover(UEFI)]],
      at: 0,
      want: 'in-progress',
      context: { ...accepted, fruitlessBoots: [-7200, -400, -200].map(atSecond) },
    },
  },
  {
    code: 'boot-loop',
    name: 'iPXE is handed iPXE, again and again',
    steps: [0, 20, 40].flatMap((second): readonly Step[] => [
      ...dora(second, IPXE, UEFI_LOADER),
      [second + 5, asked(UEFI_LOADER)],
      [second + 6, sent(UEFI_LOADER)],
    ]),
    at: 47,
    twin: {
      name: 'an iPXE in ROM is handed a newer one, once',
      steps: [
        ...dora(0, IPXE, UEFI_LOADER),
        [5, asked(UEFI_LOADER)],
        [6, sent(UEFI_LOADER)],
        ...dora(10, IPXE, SCRIPT_URL),
      ],
      at: 16,
      want: 'in-progress',
    },
  },
  {
    code: 'token-abused',
    name: 'the key of a boot is presented from a second address, while the agent runs',
    steps: [
      ...imageSteps(0),
      [320, { kind: 'boot-token', act: 'taken', because: `by r1-u12 at ${ADDRESS}` }],
      [320, { kind: 'reported', by: 'agent', text: 'agent 1 registered' }],
      [400, { kind: 'boot-token', act: 'voided', because: `it was used from ${ADDRESS} and then from ${OTHER}` }],
    ],
    at: 400,
    twin: {
      name: 'the agent registers again from its own address, and somebody without a lease is refused',
      steps: [
        ...imageSteps(0),
        [320, { kind: 'boot-token', act: 'taken', because: `by r1-u12 at ${ADDRESS}` }],
        [320, { kind: 'reported', by: 'agent', text: 'agent 1 registered' }],
        [400, { kind: 'boot-token', act: 'refused', because: `nobody holds a lease of ${OTHER}` }],
        [410, { kind: 'boot-token', act: 'taken', because: `by r1-u12 at ${ADDRESS}` }],
      ],
      at: 410,
      want: 'booted',
    },
  },
  {
    code: 'pool-exhausted',
    name: 'no address is free',
    steps: [
      [0, discover(UEFI)],
      [0, silent(UEFI, 'pool-exhausted', '192.168.77.100-192.168.77.200 has no free address')],
    ],
    at: 0,
    twin: {
      name: 'one becomes free before the machine gives up',
      steps: [
        [0, discover(UEFI)],
        [0, silent(UEFI, 'pool-exhausted')],
        [12, discover(UEFI, { secs: 12 })],
        [12, offer(UEFI, UEFI_LOADER)],
      ],
      at: 13,
      want: 'in-progress',
    },
  },
  {
    code: 'address-conflict',
    name: 'it finds its address in use, declines it and is not heard again',
    steps: [...dora(0, BIOS, BIOS_LOADER), [5, decline(BIOS, ADDRESS)]],
    at: 30,
    twin: {
      name: 'it takes the next address and goes on',
      steps: [
        ...dora(0, BIOS, BIOS_LOADER),
        [5, decline(BIOS, ADDRESS)],
        [8, discover(BIOS)],
        [8, offer(BIOS, BIOS_LOADER, { yiaddr: '192.168.77.102' as Ipv4 })],
        [9, request(BIOS, { requestedAddress: '192.168.77.102' as Ipv4 })],
        [9, ack(BIOS, BIOS_LOADER, { yiaddr: '192.168.77.102' as Ipv4 })],
        [10, asked(BIOS_LOADER)],
      ],
      at: 11,
      want: 'in-progress',
    },
  },
  {
    code: 'address-conflict',
    name: 'it declines one address after the other',
    steps: [
      ...dora(0, BIOS, BIOS_LOADER),
      [5, decline(BIOS, ADDRESS)],
      ...dora(15, BIOS, BIOS_LOADER),
      [20, decline(BIOS, ADDRESS)],
    ],
    at: 20,
    twin: {
      name: 'it has only just declined the first',
      steps: [...dora(0, BIOS, BIOS_LOADER), [5, decline(BIOS, ADDRESS)]],
      at: 6,
      want: 'in-progress',
    },
  },
  {
    code: 'address-conflict',
    name: 'the address that is reserved for it is held by another client',
    steps: [
      [0, discover(UEFI)],
      [0, silent(UEFI, 'address-taken', '192.168.77.12 is held by 52:54:00:00:00:99')],
    ],
    at: 0,
    twin: {
      name: 'no address is free at all',
      steps: [
        [0, discover(UEFI)],
        [0, silent(UEFI, 'pool-exhausted')],
      ],
      at: 0,
      want: 'pool-exhausted',
    },
  },
  {
    code: 'relay-82-lost',
    name: 'a relay that used to add option 82 does not',
    steps: [
      [0, discover(UEFI, { relay })],
      [0, silent(UEFI, 'relay-without-82')],
    ],
    at: 0,
    twin: {
      name: 'a relay that never does is answered',
      steps: [
        [0, discover(UEFI, { relay })],
        [0, offer(UEFI, UEFI_LOADER)],
      ],
      at: 1,
      want: 'in-progress',
    },
  },
  {
    code: 'wrong-subnet',
    name: 'the relay is on no network that we know',
    steps: [
      [0, discover(UEFI, { relay })],
      [0, silent(UEFI, 'unknown-subnet', 'no subnet holds 10.9.0.1')],
    ],
    at: 0,
    twin: {
      name: 'its old address is of another network, and the NAK makes it ask anew',
      steps: [
        [0, request(UEFI, { serverId: undefined as never, requestedAddress: '10.1.2.3' as Ipv4 })],
        [
          0,
          {
            kind: 'dhcp-answered',
            message: 'NAK',
            xid: 1,
            proxy: false,
            serverId: OTHER,
            to: '',
            because: 'wrong net',
          },
        ],
        [1, discover(UEFI)],
        [1, offer(UEFI, UEFI_LOADER)],
      ],
      at: 2,
      want: 'in-progress',
    },
  },
  {
    code: 'http-boot-refused',
    name: 'the firmware asks for the size and gives up',
    steps: [
      ...dora(0, HTTP, 'http://192.168.77.1:8080/ipxe/x86_64/snponly.efi'),
      [5, http('loader', '/ipxe/x86_64/snponly.efi', { method: 'HEAD', bytes: 0 })],
    ],
    at: 40,
    twin: {
      name: 'it goes on to the file, which takes a minute',
      steps: [
        ...dora(0, HTTP, 'http://192.168.77.1:8080/ipxe/x86_64/snponly.efi'),
        [5, http('loader', '/ipxe/x86_64/snponly.efi', { method: 'HEAD', bytes: 0 })],
        [6, httpAsked('loader', '/ipxe/x86_64/snponly.efi')],
      ],
      at: 60,
      want: 'in-progress',
    },
  },
  {
    code: 'http-boot-refused',
    name: 'the firmware never asks for the URL',
    steps: dora(0, HTTP, 'http://192.168.77.1:8080/ipxe/x86_64/snponly.efi'),
    at: 40,
    twin: {
      name: 'a PXE client that never asks has a TFTP problem',
      steps: dora(0, UEFI, UEFI_LOADER),
      at: 40,
      want: 'no-tftp',
    },
  },
  {
    code: 'secure-boot',
    name: 'UEFI has the loader and begins again within seconds, twice',
    steps: [...loaded, ...later(9, loaded), [18, discover(UEFI, { xid: 77 })]],
    at: 19,
    twin: {
      name: 'it is silent after the loader: a hang, no refusal',
      steps: loaded,
      at: 70,
      want: 'loader-no-return',
    },
  },
  {
    code: 'secure-boot',
    name: 'it stays so while the firmware loads the loader once more',
    steps: [...loaded, ...later(9, dora(0, UEFI, UEFI_LOADER)), [14, asked(UEFI_LOADER)]],
    at: 14,
    twin: {
      name: 'iPXE ran, and leaves for the firmware’s next entry',
      steps: [...loaded, ...ipxeSteps(10).slice(0, 4), [14, script('disk')], [20, discover(UEFI, { xid: 78 })]],
      at: 20,
      want: 'in-progress',
    },
  },
  {
    code: 'stp-delay',
    name: 'the first packet that arrives was 28 seconds on its way',
    steps: [
      [0, discover(UEFI, { secs: 28 })],
      [0, offer(UEFI, UEFI_LOADER)],
    ],
    at: 0,
    twin: {
      name: 'one packet was lost, or secs has its bytes swapped',
      steps: [
        [0, discover(UEFI, { secs: 1024 })],
        [0, offer(UEFI, UEFI_LOADER)],
      ],
      at: 0,
      want: 'in-progress',
    },
  },
  {
    code: 'stp-delay',
    name: 'iPXE resets the link, and the port goes through it all again',
    steps: [...loaded, [45, discover(IPXE, { secs: 30 })], [45, offer(IPXE, SCRIPT_URL)]],
    at: 46,
    twin: {
      name: 'once the system runs nobody looks for it',
      steps: [
        [0, discover(UEFI, { secs: 28 })],
        [0, offer(UEFI, UEFI_LOADER)],
        ...later(1, imageSent),
        ...imageSteps(40).slice(0, 0),
        ...linuxSteps(60),
      ],
      at: 61,
      want: 'booted',
    },
  },
];
