import { type Ipv4, parseIpv4 } from '../values/ip-address.ts';
import { parseMacAddress } from '../values/mac-address.ts';
import { sure } from '../values/parsed.ts';
import { parseUuid } from '../values/uuid.ts';
import type { BmcProfileName } from './bmc/quirks.ts';
import { FIRMWARES, type Firmware, type MachineSpec } from './spec.ts';

/** Every line about the rack says that it is simulated; names say it everywhere else. */
export const NAME_PREFIX = 'sim-';

/** How an operator has set up a machine of the rack. */
export type Standing =
  | 'live'
  | 'unknown'
  | 'adopted'
  /** Nothing is on its disks; it is to be installed. */
  | 'blank';

export type Place = {
  readonly spec: MachineSpec;
  readonly unit: number;
  readonly standing: Standing;
  readonly bmc: RackBmc;
};

/** The BMC of a place: whose it is like, where it is, and by which protocol an operator would speak to it. */
export type RackBmc = {
  readonly profile: BmcProfileName;
  readonly type: 'redfish' | 'ipmi';
  readonly address: Ipv4;
};

/**
 * The first ten tell the story: each kind of firmware, one that waits to be accepted, one whose network is broken, one
 * that is in service and must be left alone, and two that are to be installed.
 */
const STORY: readonly {
  readonly firmware: Firmware;
  readonly standing: Standing;
  readonly faults: MachineSpec['faults'];
}[] = [
  { firmware: 'bios', standing: 'live', faults: [] },
  { firmware: 'uefi', standing: 'live', faults: [] },
  { firmware: 'uefi-http', standing: 'live', faults: [] },
  { firmware: 'uefi-arm64', standing: 'live', faults: [] },
  { firmware: 'ipxe-rom', standing: 'live', faults: [] },
  { firmware: 'uefi', standing: 'unknown', faults: [] },
  { firmware: 'bios', standing: 'live', faults: ['no-tftp'] },
  { firmware: 'uefi', standing: 'adopted', faults: ['installed'] },
  { firmware: 'uefi', standing: 'blank', faults: [] },
  { firmware: 'bios', standing: 'blank', faults: [] },
];

const MODELS: Readonly<Record<Firmware, readonly [string, string]>> = {
  bios: ['Supermicro (simulated)', 'X9 BIOS'],
  uefi: ['Dell (simulated)', 'R650 UEFI'],
  'uefi-http': ['HPE (simulated)', 'DL360 HTTP Boot'],
  'uefi-arm64': ['Ampere (simulated)', 'Altra'],
  'ipxe-rom': ['QEMU (simulated)', 'iPXE ROM'],
};

/** Each kind of machine has its maker's BMC; the older ones are spoken to by IPMI. */
const BMCS: Readonly<Record<Firmware, Omit<RackBmc, 'address'>>> = {
  bios: { profile: 'supermicro', type: 'ipmi' },
  uefi: { profile: 'dell-idrac', type: 'redfish' },
  'uefi-http': { profile: 'hpe-ilo', type: 'redfish' },
  'uefi-arm64': { profile: 'openbmc', type: 'redfish' },
  'ipxe-rom': { profile: 'plain', type: 'ipmi' },
};

/** Each rack of forty has a relay of its own: 127.77.0.2 and up. */
const RACK_UNITS = 40;

/** `count` machines, the same ones each time. `story: false`: all of them are live and well. */
export function lineUp(count: number, { story: hasStory = true } = {}): readonly Place[] {
  return Array.from({ length: count }, (_, index) => {
    const story = (hasStory ? STORY[index] : undefined) ?? {
      firmware: FIRMWARES[index % FIRMWARES.length] ?? 'uefi',
      standing: 'live',
      faults: [],
    };
    const number = index + 1;
    const rack = Math.floor(index / RACK_UNITS) + 1;
    const unit = (index % RACK_UNITS) + 1;
    const hex = number.toString(16).padStart(6, '0');
    const [manufacturer, product] = MODELS[story.firmware];
    const spec: MachineSpec = {
      name: `${NAME_PREFIX}r${rack}-u${String(unit).padStart(2, '0')}`,
      mac: sure(parseMacAddress(`525400${hex}`)),
      uuid: sure(parseUuid(`51a1a7ed-0000-4000-8000-525400${hex}`)),
      serial: `SIM${String(number).padStart(5, '0')}`,
      manufacturer,
      product,
      firmware: story.firmware,
      faults: story.faults,
      giaddr: sure(parseIpv4(`127.77.0.${(rack % 250) + 1}`)),
    };
    const bmc = { ...BMCS[story.firmware], address: sure(parseIpv4(`127.78.${rack % 250}.${unit}`)) };
    return { spec, unit, standing: story.standing, bmc };
  });
}

export const architectureOf = (firmware: Firmware): 'arm64' | 'x86_64' =>
  firmware === 'uefi-arm64' ? 'arm64' : 'x86_64';
