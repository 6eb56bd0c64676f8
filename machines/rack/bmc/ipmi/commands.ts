import { BOOT_COMMANDS } from './commands/boot-options.ts';
import { CHASSIS_COMMANDS } from './commands/chassis.ts';
import { DEVICE_COMMANDS } from './commands/device.ts';
import { EVENT_LOG_COMMANDS } from './commands/event-log.ts';
import { INVENTORY_COMMANDS } from './commands/inventory.ts';
import { LAN_COMMANDS } from './commands/lan.ts';
import { PAYLOAD_COMMANDS } from './commands/payloads.ts';
import { SENSOR_COMMANDS } from './commands/sensors.ts';
import { SESSION_COMMANDS } from './commands/session.ts';
import { USER_COMMANDS } from './commands/users.ts';
import { COMPLETION, type Command, type Completion, type IpmiService, NET_FN, refused } from './command.ts';
import { type IpmiSession, LEVEL } from './sessions.ts';
import type { IpmiRequest } from './wire/message.ts';

const keyOf = (netFn: number, command: number): number => (netFn << 8) | command;

const COMMANDS: ReadonlyMap<number, Command> = new Map(
  [
    ...DEVICE_COMMANDS,
    ...SESSION_COMMANDS,
    ...CHASSIS_COMMANDS,
    ...BOOT_COMMANDS,
    ...EVENT_LOG_COMMANDS,
    ...INVENTORY_COMMANDS,
    ...SENSOR_COMMANDS,
    ...USER_COMMANDS,
    ...LAN_COMMANDS,
    ...PAYLOAD_COMMANDS,
  ].map((command) => [keyOf(command.netFn, command.command), command] as const),
);

const SET_PASSWORD = keyOf(NET_FN.app, 0x47);

/** What the BMC says to one request, inside of a session or outside of any. */
export function carryOut(
  request: IpmiRequest,
  service: IpmiService,
  session: IpmiSession | undefined,
): Completion | 'silence' {
  const { board } = service;
  if (board.fault('unavailable')) return refused(COMPLETION.nodeBusy);
  const key = keyOf(request.netFn, request.command);
  const command = COMMANDS.get(key);
  const level = session?.level ?? LEVEL.anybody;
  if (!command) return refused(level === LEVEL.anybody ? COMPLETION.privilege : COMPLETION.unknownCommand);
  if (level < command.level) return refused(COMPLETION.privilege);
  const isOfSession = command.level <= LEVEL.callback;
  if (board.password.mustChange() && key !== SET_PASSWORD && !isOfSession) return refused(COMPLETION.privilege);
  if (request.data.length < command.bytes) return refused(COMPLETION.length);
  return command.run(request.data, service, session);
}
