import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ANY_IPV4, type Ipv4 } from '#machines/values/ip-address.ts';
import { type Uuid, uuidByteSwapped } from '#machines/values/uuid.ts';
import { chaddrOf, type Dhcp4Message, EMPTY_DHCP4 } from '#server/dhcp4/wire/message.ts';
import type { OptionValues } from '#server/dhcp4/wire/option-table.ts';
import { getOption, makeOptions } from '#server/dhcp4/wire/options.ts';
import type { Relay } from '../relay.ts';
import type { Relays } from '../relays.ts';
import type { Fault, MachineSpec, Quirk, RackTimes } from '../spec.ts';

/** Whose DHCP client speaks. */
export type DhcpClientKind =
  | 'pxe-bios'
  | 'pxe-uefi'
  | 'pxe-uefi-arm64'
  | 'pxe-itanium'
  | 'http-uefi'
  | 'ipxe'
  | 'ipxe-rom'
  | 'linux';

export type DhcpLease = {
  readonly address: Ipv4;
  readonly serverId: Ipv4;
  readonly nextServer: Ipv4;
  /** Empty when no boot file was offered. */
  readonly bootFile: string;
};

export type Obtained =
  | { readonly kind: 'leased'; readonly lease: DhcpLease }
  | { readonly kind: 'failed'; readonly because: string };

export type RackDhcp = { obtain(spec: MachineSpec, client: DhcpClientKind, signal: AbortSignal): Promise<Obtained> };

/** What real ROMs ask for, in their order: iPXE's and OVMF's lists as captured. */
const FIRMWARE_LIST = Uint8Array.of(
  1,
  2,
  3,
  4,
  5,
  6,
  12,
  13,
  15,
  17,
  18,
  22,
  23,
  28,
  40,
  41,
  42,
  43,
  50,
  51,
  54,
  58,
  59,
  60,
  66,
  67,
  97,
  128,
  129,
  130,
  131,
  132,
  133,
  134,
  135,
);
const IPXE_LIST = Uint8Array.of(
  1,
  3,
  6,
  7,
  12,
  15,
  17,
  26,
  43,
  60,
  66,
  67,
  119,
  128,
  129,
  130,
  131,
  132,
  133,
  134,
  135,
  175,
  203,
);
const LINUX_LIST = Uint8Array.of(1, 3, 6, 12, 15, 26, 28, 42, 51, 54, 58, 59, 119, 121);

/** OVMF sends its DISCOVER at 0, 4, 12 and 28 seconds; a rack in software is in more of a hurry. */
const TRY_WAITS_MS = [2000, 3000, 4000, 8000];
/** RFC 2131 §3.1: at least ten seconds before it begins again; also in a hurry. */
const DECLINE_PAUSE_MS = 1000;

const architecture = (code: number, undi: string): OptionValues => ({
  vendorClass: `PXEClient:Arch:${String(code).padStart(5, '0')}:UNDI:${undi}`,
  clientArchitecture: [code],
  clientInterface: { type: 1, major: Number(undi.slice(0, 3)), minor: Number(undi.slice(3)) },
});

const ipxe = (code: number): OptionValues => ({
  ...architecture(code, code === 0 ? '002001' : '003010'),
  userClass: { form: 'raw', classes: ['iPXE'] },
  parameterRequestList: IPXE_LIST,
  ipxe: {
    features: {
      'pxe-extensions': 1,
      http: 1,
      tftp: 1,
      dns: 1,
      bzimage: 1,
      menu: 1,
      ...(code === 0 ? { pxe: 1 } : { efi: 1 }),
    },
    version: [1, 21, 1],
  },
});

function optionsOf(spec: MachineSpec, client: DhcpClientKind): OptionValues {
  switch (client) {
    case 'pxe-bios':
      return { ...architecture(0, '002001'), parameterRequestList: FIRMWARE_LIST };
    case 'pxe-uefi':
      return {
        ...architecture(spec.faults.includes('ebc-arch') ? 9 : 7, '003000'),
        parameterRequestList: FIRMWARE_LIST,
      };
    case 'pxe-uefi-arm64':
      return { ...architecture(11, '003000'), parameterRequestList: FIRMWARE_LIST };
    case 'pxe-itanium':
      return { ...architecture(2, '003000'), parameterRequestList: FIRMWARE_LIST };
    case 'http-uefi':
      return {
        ...architecture(16, '003000'),
        vendorClass: 'HTTPClient:Arch:00016:UNDI:003000',
        parameterRequestList: FIRMWARE_LIST,
      };
    case 'ipxe-rom':
      return ipxe(0);
    case 'ipxe':
      return ipxe(spec.firmware === 'bios' ? 0 : spec.firmware === 'uefi-arm64' ? 11 : 7);
    case 'linux':
      return { hostName: spec.name, vendorClass: 'dhcpcd-9.4.1:Linux-6.1.0:x86_64', parameterRequestList: LINUX_LIST };
    default:
      return client satisfies never;
  }
}

/** The machine's DHCP, from DISCOVER to ACK, with retries, through the relay of its network. */
export function rackDhcp(relays: Relays, { linkMs }: Pick<RackTimes, 'linkMs'>): RackDhcp {
  return {
    async obtain(spec, client, signal) {
      const relay = await relays.of(spec);
      const started = performance.now();
      const lost = spec.faults.includes('late-link') && client !== 'ipxe' && client !== 'linux' ? linkMs / 1000 : 0;
      for (const [turn, waitMs] of TRY_WAITS_MS.entries()) {
        const secs = Math.floor(lost + (performance.now() - started) / 1000);
        const tried = await tryOnce({ spec, client, relay, turn, waitMs, secs, signal });
        if (tried) return { kind: 'leased', lease: tried };
      }
      return { kind: 'failed', because: 'no DHCP offer that could be taken' };
    },
  };
}

/** A server that exists only in the fault that takes its offers. */
const OTHER_SERVER = '127.77.255.254' as Ipv4;

/** One DISCOVER, and what follows from it. Nothing, when another has to be sent. */
async function tryOnce(one: {
  readonly spec: MachineSpec;
  readonly client: DhcpClientKind;
  readonly relay: Relay;
  readonly turn: number;
  readonly waitMs: number;
  readonly secs: number;
  readonly signal: AbortSignal;
}): Promise<DhcpLease | undefined> {
  const { spec, client, relay, turn, waitMs, signal } = one;
  const has = (fault: Fault | Quirk): boolean => spec.faults.includes(fault);
  const first = (quirk: Quirk): boolean => turn === 0 && client !== 'ipxe' && client !== 'linux' && has(quirk);
  const secs = has('swapped-secs') ? 4 << 8 : one.secs;
  const discover = messageOf(spec, client, 'DISCOVER', secs, {});
  const offer = await relay.ask(discover, spec.name, isA('OFFER'), waitMs, signal);
  if (!offer) return undefined;
  if (has('ignores-offers') || first('first-offer-lost')) {
    await sleep(waitMs, undefined, { signal });
    return undefined;
  }
  const goesAstray = has('takes-other-offer') || first('other-offer-first');
  const serverId = goesAstray ? OTHER_SERVER : getOption(offer.options, 'serverId');
  const requested = { requestedAddress: offer.yiaddr, serverId };
  const request = { ...messageOf(spec, client, 'REQUEST', secs, requested), xid: discover.xid };
  const answer = await relay.ask(request, spec.name, isA('ACK', 'NAK'), waitMs, signal);
  if (!answer || getOption(answer.options, 'messageType') === 'NAK') return undefined;
  if (has('declines') || first('declines-once')) {
    relay.tell(messageOf(spec, client, 'DECLINE', 0, { requestedAddress: answer.yiaddr, serverId }), spec.name);
    await sleep(DECLINE_PAUSE_MS, undefined, { signal });
    return undefined;
  }
  return leaseOf(answer);
}

const isA =
  (...types: readonly ('OFFER' | 'ACK' | 'NAK')[]) =>
  ({ options }: Dhcp4Message): boolean => {
    const type = getOption(options, 'messageType');
    return types.some((one) => one === type);
  };

function messageOf(
  spec: MachineSpec,
  client: DhcpClientKind,
  messageType: 'DISCOVER' | 'REQUEST' | 'DECLINE',
  secs: number,
  more: OptionValues,
): Dhcp4Message {
  return {
    ...EMPTY_DHCP4,
    xid: randomInt(1, 2 ** 32),
    secs,
    chaddr: chaddrOf(spec.mac),
    options: makeOptions({
      messageType,
      ...more,
      maxMessageSize: 1472,
      ...optionsOf(spec, client),
      ...(client === 'linux' ? {} : { clientMachineId: { type: 0, id: uuidBytes(uuidByteSwapped(spec.uuid)) } }),
    }),
  };
}

const uuidBytes = (uuid: Uuid): Uint8Array =>
  Uint8Array.from(uuid.replaceAll('-', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

function leaseOf({ yiaddr, siaddr, file, options }: Dhcp4Message): DhcpLease {
  const serverId = getOption(options, 'serverId') ?? ANY_IPV4;
  return {
    address: yiaddr,
    serverId,
    nextServer: siaddr === ANY_IPV4 ? serverId : siaddr,
    bootFile: getOption(options, 'bootFileName') ?? file,
  };
}
