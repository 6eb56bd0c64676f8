import { type Accounts, openAccounts, type RoleId } from './accounts.ts';
import { type BootSetting, openBootSetting } from './boot-override.ts';
import { type EventLog, openEventLog } from './event-log.ts';
import type { BmcFault } from './faults.ts';
import type { BmcHardware } from './hardware.ts';
import { openPower, type Power, type PowerTimes } from './power.ts';
import type { PowerBackend } from './power-backend.ts';
import type { BmcProfile, BmcQuirk } from './quirks.ts';

/** SMBIOS memory of what is set for the next boot, and what holds now. */
export type Setup = {
  attributes: Readonly<Record<string, string | number | boolean>>;
  pending: Readonly<Record<string, string | number | boolean>> | undefined;
  secureBoot: boolean;
  secureBootWanted: boolean;
};

/** One BMC's inside, which its Redfish and its IPMI side share. */
export type Board = {
  readonly profile: BmcProfile;
  readonly backend: PowerBackend;
  readonly power: Power;
  readonly boot: BootSetting;
  readonly log: EventLog;
  readonly accounts: Accounts;
  readonly setup: Setup;
  /** What it knows of its machine now. */
  readonly hardware: () => BmcHardware;
  readonly quirk: (quirk: BmcQuirk) => boolean;
  readonly fault: (fault: BmcFault) => boolean;
  /** Milliseconds since the epoch, as the BMC believes. */
  readonly clock: () => number;
  readonly setClock: (to: number) => void;
  /** The locate light. */
  readonly identifying: () => boolean;
  readonly identifiesForever: () => boolean;
  /** Seconds; `Infinity` until it is turned off, 0 turns it off. */
  readonly identify: (seconds: number) => void;
  readonly password: {
    /** Whether its account may do nothing but change its own. */
    readonly mustChange: () => boolean;
    readonly changed: () => void;
  };
  /** The BMC itself begins again: sessions and what it had not stored are gone. */
  readonly restart: () => void;
  readonly onRestart: (listener: () => void) => void;
  /** Its own network card. */
  readonly mac: string;
  readonly address: string;
  /** Where it listens, once it does. */
  readonly ports: { redfish: number; ipmi: number };
};

export type BmcCredentials = readonly {
  readonly username: string;
  readonly password: string;
  readonly role?: RoleId;
}[];

const SYSTEM_EVENT = 0x12;
const POWER_UNIT = 0x09;
const TURN_OF_THE_CENTURY = Date.UTC(2000, 0, 1);

export function openBoard(options: {
  readonly hardware: BmcHardware;
  readonly profile: BmcProfile;
  readonly quirks: ReadonlySet<BmcQuirk>;
  readonly faults: ReadonlySet<BmcFault>;
  readonly credentials: BmcCredentials;
  readonly backend: PowerBackend;
  readonly times: PowerTimes;
  readonly address: string;
  readonly now: () => number;
  readonly signal: AbortSignal;
}): Board {
  const { hardware, profile, quirks, faults, credentials, backend, times, address, now, signal } = options;
  const started = now();
  let offset = 0;
  let lightUntil = 0;
  let passwordChanged = false;
  const restarts: (() => void)[] = [];
  const quirk = (one: BmcQuirk): boolean => quirks.has(one);
  const fault = (one: BmcFault): boolean => faults.has(one);
  const clock = (): number => (fault('wrong-clock') ? TURN_OF_THE_CENTURY + (now() - started) : now() + offset);
  const setup: Setup = {
    attributes: { BootMode: hardware.firmware === 'uefi' ? 'Uefi' : 'Legacy', PxeDev1EnDis: 'Enabled', NumLock: 'On' },
    pending: undefined,
    secureBoot: false,
    secureBootWanted: false,
  };
  const log = openEventLog(clock);
  const setting = openBootSetting({
    mode: hardware.firmware === 'uefi' ? 'UEFI' : 'Legacy',
    now,
    forgets: () => fault('forgets-once'),
  });
  const boot: BootSetting = {
    ...setting,
    // The firmware takes its new settings at the same moment as the override.
    take() {
      setup.attributes = { ...setup.attributes, ...setup.pending };
      setup.pending = undefined;
      setup.secureBoot = setup.secureBootWanted;
      const choice = setting.take();
      log.add({
        severity: 'OK',
        text: `System boot: ${choice.device === 'none' ? 'boot order' : choice.device}`,
        sensorType: SYSTEM_EVENT,
        sensor: 2,
        offset: 1,
      });
      return choice;
    },
  };
  const power = openPower({
    backend,
    boot,
    times,
    now,
    has: fault,
    log: (text) =>
      log.add({ severity: 'OK', text, sensorType: POWER_UNIT, sensor: 1, offset: text === 'Power off' ? 0 : 1 }),
    signal,
  });
  log.add({ severity: 'OK', text: 'BMC started', sensorType: SYSTEM_EVENT, sensor: 2, offset: 0 });

  const mac = (hardware.nics[0]?.mac ?? '52:54:00:00:00:00').replace(/^52:54:00:/, '52:54:02:');
  return {
    profile,
    backend,
    power,
    boot,
    log,
    accounts: openAccounts({
      credentials,
      now,
      otherPassword: () => (fault('password-changed') ? `not-the-old-one` : undefined),
    }),
    setup,
    hardware() {
      const unknown = quirk('parts-after-post') && !power.everOn();
      return unknown ? { ...hardware, processors: [], memory: [], drives: [], nics: [], pci: [] } : hardware;
    },
    quirk,
    fault,
    clock,
    setClock(to) {
      offset = to - now();
    },
    identifying: () => lightUntil > now(),
    identifiesForever: () => lightUntil === Number.POSITIVE_INFINITY,
    identify(seconds) {
      lightUntil = seconds === 0 ? 0 : now() + seconds * 1000;
    },
    password: {
      mustChange: () => fault('must-change-password') && !passwordChanged,
      changed() {
        passwordChanged = true;
      },
    },
    restart() {
      // Once lives in the BMC's memory on many boards, and is lost with it.
      boot.set({ enabled: 'Disabled' });
      for (const listener of restarts) listener();
    },
    onRestart: (listener) => void restarts.push(listener),
    mac,
    address,
    ports: { redfish: 0, ipmi: 0 },
  };
}
