import { COMPLETION, type Command, type Completion, done, NET_FN, refused } from '../command.ts';
import type { Board } from '../../board.ts';
import type { PowerRequest } from '../../power.ts';
import { LEVEL } from '../sessions.ts';

/** Chassis Control, IPMI v2.0 table 28-4. */
const CONTROLS: readonly (PowerRequest | 'interrupt')[] = ['off', 'on', 'cycle', 'reset', 'interrupt', 'soft'];
const IDENTIFY_SECONDS = 15;

/** IPMI v2.0 §28, but for the boot options. */
export const CHASSIS_COMMANDS: readonly Command[] = [
  // Get Chassis Capabilities, §28.1: no sensors of its own; all of it is the BMC.
  { netFn: NET_FN.chassis, command: 0x00, level: LEVEL.user, bytes: 0, run: () => done(0, 0x20, 0x20, 0x20, 0x20) },
  {
    // Get Chassis Status, §28.2.
    netFn: NET_FN.chassis,
    command: 0x01,
    level: LEVEL.user,
    bytes: 0,
    run(_data, { board, memory }) {
      // The supply is still on while it goes off, and not yet on while it comes.
      const state = board.power.state();
      const isOn = state === 'on' || state === 'powering-off';
      const fanFault = isOn && board.fault('fan-failed') ? 0x08 : 0;
      const lastEvent = board.power.turnedOnByCommand() ? 0x10 : 0;
      return done((isOn ? 0x01 : 0) | (memory.restorePolicy << 5), lastEvent, 0x40 | (lamp(board) << 4) | fanFault);
    },
  },
  {
    // Chassis Control, §28.3.
    netFn: NET_FN.chassis,
    command: 0x02,
    level: LEVEL.operator,
    bytes: 1,
    run([wanted = 0], { board }) {
      const control = CONTROLS[wanted & 0x0f];
      if (control === undefined) return refused(COMPLETION.field);
      return switchPower(board, control);
    },
  },
  {
    // Chassis Identify, §28.5.
    netFn: NET_FN.chassis,
    command: 0x04,
    level: LEVEL.operator,
    bytes: 0,
    run([seconds = IDENTIFY_SECONDS, force = 0], { board }) {
      if (!board.fault('lies')) board.identify((force & 1) === 1 ? Number.POSITIVE_INFINITY : seconds);
      return done();
    },
  },
  {
    // Set Power Restore Policy, §28.8; 3 only asks which there are.
    netFn: NET_FN.chassis,
    command: 0x06,
    level: LEVEL.operator,
    bytes: 1,
    run([wanted = 0], { board, memory }) {
      const policy = wanted & 0x07;
      if (policy > 3) return refused(COMPLETION.field);
      if (policy < 3 && !board.fault('lies')) memory.restorePolicy = policy;
      return done(0x07);
    },
  },
  {
    // Get System Restart Cause, §28.11: Chassis Control, or nobody knows.
    netFn: NET_FN.chassis,
    command: 0x07,
    level: LEVEL.user,
    bytes: 0,
    run: (_data, { board }) => done(board.power.turnedOnByCommand() ? 0x01 : 0x00, 1),
  },
];

function switchPower(board: Board, control: PowerRequest | 'interrupt'): Completion {
  if (board.fault('lies')) return done();
  if (control === 'interrupt') return board.power.state() === 'on' ? done() : refused(COMPLETION.state);
  return board.power.request(control) === 'off' ? refused(COMPLETION.state) : done();
}

/** 0 dark, 1 for a time, 2 until somebody turns it off. */
function lamp(board: Board): number {
  if (!board.identifying()) return 0;
  return board.identifiesForever() ? 2 : 1;
}
