import type { BmcEvent } from '#machines/contract/power.ts';
import { hexOf } from '../wire/cursor.ts';
import type { SelRecord } from '../wire/sel.ts';

type Severity = BmcEvent['severity'];
type Meaning = { readonly text: string; readonly severity: Severity };

/** A line of the System Event Log for people, in the words of IPMI v2.0 §42. */
export function eventOf(record: SelRecord): BmcEvent {
  const at = 'seconds' in record ? timeOf(record.seconds) : undefined;
  const { text, severity } = record.kind === 'event' ? meaningOf(record) : oemMeaning(record);
  return { id: String(record.id), ...(at === undefined ? {} : { at }), severity, text };
}

/** IPMI v2.0 §37.1: until its clock is set a BMC counts from its own start, and all ones is unknown. */
function timeOf(seconds: number | undefined): number | undefined {
  if (seconds === undefined || seconds <= 0x2000_0000 || seconds === 0xffff_ffff) return undefined;
  return seconds * 1000;
}

function oemMeaning(record: Extract<SelRecord, { readonly kind: 'oem' }>): Meaning {
  return { text: `OEM record ${record.type.toString(16)}: ${hexOf(record.data)}`, severity: 'ok' };
}

function meaningOf(record: Extract<SelRecord, { readonly kind: 'event' }>): Meaning {
  const { eventType, offset, sensorType, sensor, isDeasserted, data } = record;
  const unknown = { text: `event ${eventType.toString(16)}/${offset}, data ${hexOf(data)}`, severity: 'ok' } as const;
  const { text, severity } = stateMeaning(record) ?? unknown;
  const where = `${sensorTypeName(sensorType)} ${sensor.toString(16).padStart(2, '0')}`;
  // What ended is no fault any more, whatever it was.
  if (isDeasserted) return { text: `${where}: no longer: ${text}`, severity: 'ok' };
  return { text: `${where}: ${text}`, severity };
}

/** What one state of a sensor means, where a table names it. */
export function stateMeaning(state: {
  readonly eventType: number;
  readonly sensorType: number;
  readonly offset: number;
}): Meaning | undefined {
  const { eventType, sensorType, offset } = state;
  const known = eventType === SENSOR_SPECIFIC ? SPECIFIC[sensorType]?.[offset] : GENERIC[eventType]?.[offset];
  return known && { text: known[0], severity: known[1] };
}

export const sensorTypeName = (sensorType: number): string =>
  SENSOR_TYPES[sensorType] ?? (sensorType >= 0xc0 ? 'OEM sensor' : `sensor type ${sensorType}`);

const SENSOR_SPECIFIC = 0x6f;

type Offsets = Readonly<Record<number, readonly [text: string, severity: Severity]>>;

/** Table 42-2. */
const GENERIC: Readonly<Record<number, Offsets>> = {
  0x01: {
    0: ['below the lower non-critical threshold', 'warning'],
    1: ['rising over the lower non-critical threshold', 'ok'],
    2: ['below the lower critical threshold', 'critical'],
    3: ['rising over the lower critical threshold', 'ok'],
    4: ['below the lower non-recoverable threshold', 'critical'],
    5: ['rising over the lower non-recoverable threshold', 'ok'],
    6: ['falling under the upper non-critical threshold', 'ok'],
    7: ['above the upper non-critical threshold', 'warning'],
    8: ['falling under the upper critical threshold', 'ok'],
    9: ['above the upper critical threshold', 'critical'],
    10: ['falling under the upper non-recoverable threshold', 'ok'],
    11: ['above the upper non-recoverable threshold', 'critical'],
  },
  0x03: { 0: ['state deasserted', 'ok'], 1: ['state asserted', 'ok'] },
  0x04: { 0: ['predictive failure deasserted', 'ok'], 1: ['predictive failure', 'warning'] },
  0x05: { 0: ['limit not exceeded', 'ok'], 1: ['limit exceeded', 'warning'] },
  0x06: { 0: ['performance met', 'ok'], 1: ['performance lags', 'warning'] },
  0x07: {
    0: ['well', 'ok'],
    1: ['non-critical', 'warning'],
    2: ['critical', 'critical'],
    3: ['non-recoverable', 'critical'],
    4: ['non-critical, coming from worse', 'warning'],
    5: ['critical, coming from non-recoverable', 'critical'],
    6: ['non-recoverable', 'critical'],
    7: ['monitor', 'ok'],
    8: ['informational', 'ok'],
  },
  0x08: { 0: ['absent', 'ok'], 1: ['present', 'ok'] },
  0x09: { 0: ['disabled', 'ok'], 1: ['enabled', 'ok'] },
  0x0a: {
    0: ['running', 'ok'],
    1: ['in test', 'ok'],
    2: ['power off', 'ok'],
    3: ['on line', 'ok'],
    4: ['off line', 'ok'],
    5: ['off duty', 'ok'],
    6: ['degraded', 'warning'],
    7: ['power save', 'ok'],
    8: ['installation error', 'warning'],
  },
  0x0b: {
    0: ['fully redundant', 'ok'],
    1: ['redundancy lost', 'critical'],
    2: ['redundancy degraded', 'warning'],
    3: ['not redundant, sufficient', 'warning'],
    4: ['not redundant, sufficient again', 'warning'],
    5: ['not redundant, insufficient', 'critical'],
    6: ['redundancy degraded from full', 'warning'],
    7: ['redundancy degraded from none', 'warning'],
  },
};

/** Table 42-3, the names. */
const SENSOR_TYPES: Readonly<Record<number, string>> = {
  0x01: 'temperature',
  0x02: 'voltage',
  0x03: 'current',
  0x04: 'fan',
  0x05: 'physical security',
  0x06: 'platform security',
  0x07: 'processor',
  0x08: 'power supply',
  0x09: 'power unit',
  0x0a: 'cooling device',
  0x0b: 'other units',
  0x0c: 'memory',
  0x0d: 'drive slot',
  0x0e: 'memory resize',
  0x0f: 'system firmware',
  0x10: 'event log',
  0x11: 'watchdog 1',
  0x12: 'system event',
  0x13: 'critical interrupt',
  0x14: 'button',
  0x15: 'module or board',
  0x16: 'microcontroller',
  0x17: 'add-in card',
  0x18: 'chassis',
  0x19: 'chip set',
  0x1a: 'other FRU',
  0x1b: 'cable',
  0x1c: 'terminator',
  0x1d: 'system boot',
  0x1e: 'boot error',
  0x1f: 'OS boot',
  0x20: 'OS stop',
  0x21: 'slot',
  0x22: 'ACPI power state',
  0x23: 'watchdog',
  0x24: 'platform alert',
  0x25: 'presence',
  0x26: 'monitor ASIC',
  0x27: 'LAN',
  0x28: 'management subsystem',
  0x29: 'battery',
  0x2a: 'session audit',
  0x2b: 'version change',
  0x2c: 'FRU state',
};

/** Table 42-3, what a sensor of a kind says of its own. */
const SPECIFIC: Readonly<Record<number, Offsets>> = {
  0x05: { 0: ['chassis opened', 'warning'], 1: ['drive bay opened', 'warning'], 4: ['LAN cable lost', 'warning'] },
  0x07: {
    0: ['internal error', 'critical'],
    1: ['thermal trip', 'critical'],
    2: ['self-test failed', 'critical'],
    3: ['hangs in POST', 'critical'],
    4: ['start failed', 'critical'],
    5: ['configuration error', 'critical'],
    6: ['uncorrectable CPU-complex error', 'critical'],
    7: ['present', 'ok'],
    8: ['disabled', 'warning'],
    10: ['throttled', 'warning'],
    11: ['uncorrectable machine check', 'critical'],
    12: ['correctable machine check', 'warning'],
  },
  0x08: {
    0: ['present', 'ok'],
    1: ['failed', 'critical'],
    2: ['failure predicted', 'warning'],
    3: ['input lost', 'critical'],
    4: ['input lost or out of range', 'critical'],
    5: ['input out of range', 'warning'],
    6: ['configuration error', 'warning'],
    7: ['in standby', 'ok'],
  },
  0x09: {
    0: ['off', 'ok'],
    1: ['power cycle', 'ok'],
    2: ['240 VA power down', 'critical'],
    3: ['interlock power down', 'warning'],
    4: ['AC lost', 'critical'],
    5: ['soft power control failed', 'critical'],
    6: ['failed', 'critical'],
    7: ['failure predicted', 'warning'],
  },
  0x0c: {
    0: ['correctable ECC error', 'warning'],
    1: ['uncorrectable ECC error', 'critical'],
    2: ['parity error', 'critical'],
    3: ['scrub failed', 'warning'],
    4: ['disabled', 'warning'],
    5: ['limit of correctable errors reached', 'warning'],
    6: ['present', 'ok'],
    7: ['configuration error', 'critical'],
    8: ['spare', 'ok'],
    9: ['throttled', 'warning'],
    10: ['critical overtemperature', 'critical'],
  },
  0x0d: {
    0: ['present', 'ok'],
    1: ['drive fault', 'critical'],
    2: ['failure predicted', 'warning'],
    3: ['hot spare', 'ok'],
    4: ['consistency check', 'ok'],
    5: ['in critical array', 'critical'],
    6: ['in failed array', 'critical'],
    7: ['rebuilding', 'warning'],
    8: ['rebuild aborted', 'warning'],
  },
  0x0f: { 0: ['POST error', 'critical'], 1: ['hangs', 'critical'], 2: ['progress', 'ok'] },
  0x10: {
    0: ['correctable memory error logging disabled', 'warning'],
    1: ['event logging disabled', 'warning'],
    2: ['cleared', 'ok'],
    3: ['all event logging disabled', 'warning'],
    4: ['full', 'warning'],
    5: ['almost full', 'warning'],
  },
  0x12: {
    0: ['reconfigured', 'ok'],
    1: ['OEM boot event', 'ok'],
    2: ['unknown hardware failure', 'critical'],
    3: ['entry added to auxiliary log', 'ok'],
    4: ['platform event action', 'ok'],
    5: ['clock set', 'ok'],
  },
  0x13: {
    0: ['NMI by front panel', 'warning'],
    1: ['bus timeout', 'critical'],
    2: ['I/O check NMI', 'critical'],
    3: ['software NMI', 'warning'],
    4: ['PCI PERR', 'critical'],
    5: ['PCI SERR', 'critical'],
    7: ['correctable bus error', 'warning'],
    8: ['uncorrectable bus error', 'critical'],
    9: ['fatal NMI', 'critical'],
    10: ['fatal bus error', 'critical'],
    11: ['degraded bus', 'warning'],
  },
  0x14: { 0: ['power pressed', 'ok'], 1: ['sleep pressed', 'ok'], 2: ['reset pressed', 'ok'] },
  0x1d: {
    0: ['by power up', 'ok'],
    1: ['by hard reset', 'ok'],
    2: ['by warm reset', 'ok'],
    3: ['PXE requested by user', 'ok'],
    4: ['to diagnostics', 'ok'],
    7: ['restarted', 'ok'],
  },
  0x1e: {
    0: ['no bootable media', 'critical'],
    1: ['no bootable diskette', 'warning'],
    2: ['PXE server not found', 'critical'],
    3: ['invalid boot sector', 'critical'],
    4: ['timed out choosing a device', 'warning'],
  },
  0x1f: {
    1: ['from C:', 'ok'],
    2: ['by PXE', 'ok'],
    3: ['diagnostics', 'ok'],
    4: ['from CD', 'ok'],
    5: ['from ROM', 'ok'],
    6: ['done', 'ok'],
  },
  0x20: {
    0: ['critical stop while loading', 'critical'],
    1: ['run-time critical stop', 'critical'],
    2: ['graceful stop', 'ok'],
    3: ['graceful shutdown', 'ok'],
  },
  0x21: { 0: ['fault', 'critical'], 1: ['identify', 'ok'], 2: ['device installed', 'ok'], 5: ['power off', 'ok'] },
  0x22: {
    0: ['S0/G0, working', 'ok'],
    4: ['S4, suspended to disk', 'ok'],
    5: ['S5/G2, soft-off', 'ok'],
    6: ['S4/S5, soft-off', 'ok'],
    7: ['G3, mechanical off', 'ok'],
    11: ['legacy on', 'ok'],
    12: ['legacy off', 'ok'],
  },
  0x23: {
    0: ['expired', 'warning'],
    1: ['hard reset', 'critical'],
    2: ['power down', 'critical'],
    3: ['power cycle', 'critical'],
    8: ['timer interrupt', 'warning'],
  },
  0x28: {
    0: ['sensor access degraded', 'warning'],
    1: ['controller access degraded', 'warning'],
    2: ['controller off line', 'critical'],
    3: ['controller unavailable', 'critical'],
    4: ['sensor failed', 'warning'],
    5: ['FRU failed', 'critical'],
  },
  0x29: { 0: ['low', 'warning'], 1: ['failed', 'critical'], 2: ['present', 'ok'] },
  0x2b: { 0: ['hardware changed', 'ok'], 1: ['firmware changed', 'ok'], 2: ['hardware incompatible', 'critical'] },
};
