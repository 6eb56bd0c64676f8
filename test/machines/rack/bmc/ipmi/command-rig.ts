import assert from 'node:assert/strict';
import { type Board, openBoard } from '#machines/rack/bmc/board.ts';
import type { BmcFault } from '#machines/rack/bmc/faults.ts';
import { type Completion, freshMemory, type IpmiService } from '#machines/rack/bmc/ipmi/command.ts';
import { carryOut } from '#machines/rack/bmc/ipmi/commands.ts';
import { SUITE_17 } from '#machines/rack/bmc/ipmi/decide/suites.ts';
import { openSerialOverLan } from '#machines/rack/bmc/ipmi/serial-over-lan.ts';
import { type IpmiSession, LEVEL, openIpmiSessions } from '#machines/rack/bmc/ipmi/sessions.ts';
import { simulatedPower } from '#machines/rack/bmc/power-backend.ts';
import { BMC_PROFILES, type BmcQuirk } from '#machines/rack/bmc/quirks.ts';
import { HARDWARE, OPERATOR, READER, USER } from '../rig.ts';

export type CommandRig = {
  readonly board: Board;
  readonly service: IpmiService;
  readonly session: IpmiSession;
  /** Completion code and data, as `00 01 02`; `silence`. */
  readonly ask: (request: string, by?: IpmiSession) => string;
  readonly faults: Set<BmcFault>;
  readonly boots: readonly string[];
  /** Lets the clock go on. */
  readonly pass: (ms: number) => void;
};

/** The commands of a BMC without a socket: netFn, command and data in, completion code and data out. */
export function commandRig(
  options: { readonly quirks?: readonly BmcQuirk[]; readonly level?: number; readonly user?: number } = {},
): CommandRig {
  const { level = LEVEL.administrator, user = 0 } = options;
  const signal = new AbortController().signal;
  let time = Date.UTC(2026, 0, 1);
  const boots: string[] = [];
  const faults = new Set<BmcFault>();
  const backend = simulatedPower({
    boot: async ({ takeBoot, stage }) => {
      const { device, mode } = takeBoot();
      boots.push(`${device} ${mode}`);
      stage('running');
      return 'stays-on';
    },
    shutdownMs: 0,
    onError: (error) => assert.fail(String(error)),
  });
  const board = openBoard({
    hardware: HARDWARE,
    profile: BMC_PROFILES.plain,
    quirks: new Set(options.quirks),
    faults,
    credentials: [USER, OPERATOR, READER],
    backend,
    times: { onMs: 0, offMs: 0, restMs: 0, restartMs: 0 },
    address: '127.0.0.1',
    now: () => time,
    signal,
  });
  const sessions = openIpmiSessions({ limit: 4, now: () => time });
  const account = board.accounts.list()[user] ?? assert.fail();
  const opened = {
    consoleId: 1,
    keys: { suite: SUITE_17, integrity: new Uint8Array(32), encryption: new Uint8Array(16) },
    account,
    limit: level,
    peer: { address: '127.0.0.1', port: 1 },
  };
  const session = sessions.open({ ...opened, bmcId: 7 });
  session.level = level;
  const service: IpmiService = {
    board,
    sessions,
    console: openSerialOverLan({ backend, send: () => {}, signal }),
    hasKg: false,
    port: () => 623,
    memory: freshMemory(),
  };
  return {
    board,
    service,
    session,
    faults,
    boots,
    pass: (ms) => void (time += ms),
    ask(text, by = session) {
      const [netFn = 0, command = 0, ...data] = Buffer.from(text.replaceAll(' ', ''), 'hex');
      const route = { responder: 0x20, responderLun: 0, requester: 0x81, requesterLun: 0, number: 1 };
      const answer: Completion | 'silence' = carryOut(
        { netFn, command, data: Uint8Array.from(data), route },
        service,
        by,
      );
      if (answer === 'silence') return answer;
      answer.after?.();
      return Buffer.from([answer.code, ...(answer.data ?? [])]).toString('hex');
    },
  };
}
