import { parseMacAddress } from '../values/mac-address.ts';
import { sure } from '../values/parsed.ts';
import { parseUuid } from '../values/uuid.ts';
import { FIRMWARES, type Firmware, type MachineSpec } from './spec.ts';

/** Every line about the rack says that it is simulated; names say it everywhere else. */
export const NAME_PREFIX = 'sim-';

/** How an operator has set up a machine of the rack. */
export type Standing = 'live' | 'unknown' | 'adopted';

export type Place = { readonly spec: MachineSpec; readonly unit: number; readonly standing: Standing };

/**
 * The first eight tell the story: each kind of firmware, one that waits to be accepted, one whose network is broken,
 * and one that is in service and must be left alone.
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
];

const MODELS: Readonly<Record<Firmware, readonly [string, string]>> = {
  bios: ['Supermicro (simulated)', 'X9 BIOS'],
  uefi: ['Dell (simulated)', 'R650 UEFI'],
  'uefi-http': ['HPE (simulated)', 'DL360 HTTP Boot'],
  'uefi-arm64': ['Ampere (simulated)', 'Altra'],
  'ipxe-rom': ['QEMU (simulated)', 'iPXE ROM'],
};

/** A rack of `count` machines, the same ones each time. */
export function lineUp(count: number): readonly Place[] {
  return Array.from({ length: count }, (_, index) => {
    const story = STORY[index] ?? {
      firmware: FIRMWARES[index % FIRMWARES.length] ?? 'uefi',
      standing: 'live',
      faults: [],
    };
    const number = index + 1;
    const hex = number.toString(16).padStart(6, '0');
    const [manufacturer, product] = MODELS[story.firmware];
    const spec: MachineSpec = {
      name: `${NAME_PREFIX}r${Math.ceil(number / 40)}-u${String(((number - 1) % 40) + 1).padStart(2, '0')}`,
      mac: sure(parseMacAddress(`525400${hex}`)),
      uuid: sure(parseUuid(`51a1a7ed-0000-4000-8000-525400${hex}`)),
      serial: `SIM${String(number).padStart(5, '0')}`,
      manufacturer,
      product,
      firmware: story.firmware,
      faults: story.faults,
    };
    return { spec, unit: ((number - 1) % 40) + 1, standing: story.standing };
  });
}

export const architectureOf = (firmware: Firmware): 'arm64' | 'x86_64' =>
  firmware === 'uefi-arm64' ? 'arm64' : 'x86_64';
