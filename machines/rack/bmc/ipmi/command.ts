import type { Board } from '../board.ts';
import type { Level, IpmiSession, IpmiSessions } from './sessions.ts';
import type { SerialOverLan } from './serial-over-lan.ts';

/** Completion codes, IPMI v2.0 table 5-2. */
export const COMPLETION = {
  done: 0x00,
  /** Of the command's own list: 80h and up. */
  parameterUnknown: 0x80,
  nodeBusy: 0xc0,
  unknownCommand: 0xc1,
  reservation: 0xc5,
  length: 0xc7,
  range: 0xc9,
  tooMuch: 0xca,
  notThere: 0xcb,
  field: 0xcc,
  privilege: 0xd4,
  state: 0xd5,
} as const;

export type Completion = {
  readonly code: number;
  readonly data?: Uint8Array;
  /** Done when the answer is on its way. */
  readonly after?: () => void;
};

/** What commands work on. What a BMC itself remembers of them stands in `memory`. */
export type IpmiService = {
  readonly board: Board;
  readonly sessions: IpmiSessions;
  readonly console: SerialOverLan;
  readonly hasKg: boolean;
  readonly port: () => number;
  readonly memory: IpmiMemory;
};

export type IpmiMemory = {
  /** Chassis power restore policy: 0 stays off, 1 as it was, 2 on. */
  restorePolicy: number;
  /** Boot option 0: whose change is under way. */
  settingBoot: number | undefined;
  /** Boot option 3. */
  keepsValid: number;
  /** Boot option 4. */
  acknowledged: number;
  /** The last three bytes of boot option 5, which mean nothing here. */
  bootRest: Uint8Array;
  /** Of the event log; 0: none. */
  reservation: number;
};

export const freshMemory = (): IpmiMemory => ({
  restorePolicy: 1,
  settingBoot: undefined,
  keepsValid: 0,
  acknowledged: 0,
  bootRest: new Uint8Array(3),
  reservation: 0,
});

export type Command = {
  readonly netFn: number;
  readonly command: number;
  /** The least that a caller must be (IPMI v2.0 appendix G). */
  readonly level: Level;
  /** How many bytes of data there must be at least. */
  readonly bytes: number;
  /** `silence`: a BMC that never answers this one. A session is there where the level asks for one. */
  readonly run: (data: Uint8Array, service: IpmiService, session: IpmiSession | undefined) => Completion | 'silence';
};

export const NET_FN = { chassis: 0x00, sensor: 0x04, app: 0x06, storage: 0x0a, transport: 0x0c, group: 0x2c } as const;

export const done = (...bytes: readonly number[]): Completion => ({
  code: COMPLETION.done,
  data: Uint8Array.from(bytes),
});
export const refused = (code: number): Completion => ({ code });
