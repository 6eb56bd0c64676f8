import { wattsOf } from '../../power-draw.ts';
import { COMPLETION, type Command, done, NET_FN, refused } from '../command.ts';
import { guidOf } from '../guid.ts';
import { LEVEL } from '../sessions.ts';
import { word } from '../wire/byte-reader.ts';

/** IPMI v2.0 §20: the BMC itself. */
export const DEVICE_COMMANDS: readonly Command[] = [
  {
    // Get Device ID, §20.1.
    netFn: NET_FN.app,
    command: 0x01,
    level: LEVEL.user,
    bytes: 0,
    run(_data, { board }) {
      const { profile } = board;
      const [, major = '1', minor = '0'] = /(\d+)\.(\d+)/.exec(profile.version) ?? [];
      // Chassis device, FRU inventory, SEL, an empty SDR repository; no sensors.
      const support = 0x8e;
      const maker = [profile.iana & 0xff, (profile.iana >> 8) & 0xff, (profile.iana >> 16) & 0x0f];
      return done(
        0x20,
        0x01,
        Number(major) & 0x7f,
        Number.parseInt(minor.slice(0, 2), 16),
        0x02,
        support,
        ...maker,
        ...word(0x0001),
        0,
        0,
        0,
        0,
      );
    },
  },
  {
    // Cold Reset, §20.2.
    netFn: NET_FN.app,
    command: 0x02,
    level: LEVEL.administrator,
    bytes: 0,
    run: (_data, { board }) => ({ code: COMPLETION.done, after: () => board.restart() }),
  },
  {
    // Warm Reset, §20.3.
    netFn: NET_FN.app,
    command: 0x03,
    level: LEVEL.administrator,
    bytes: 0,
    run: (_data, { board }) => ({ code: COMPLETION.done, after: () => board.restart() }),
  },
  // Get Self Test Results, §20.4: all passed.
  { netFn: NET_FN.app, command: 0x04, level: LEVEL.user, bytes: 0, run: () => done(0x55, 0x00) },
  {
    // Get System GUID, §22.14.
    netFn: NET_FN.app,
    command: 0x37,
    level: LEVEL.anybody,
    bytes: 0,
    run: (_data, { board }) => done(...guidOf(board)),
  },
  {
    // DCMI v1.5 §6.6.1, Get Power Reading of the system.
    netFn: NET_FN.group,
    command: 0x02,
    level: LEVEL.user,
    bytes: 4,
    run([group, mode], { board }) {
      if (group !== 0xdc) return refused(COMPLETION.unknownCommand);
      if (mode !== 0x01) return refused(COMPLETION.field);
      const watts = word(wattsOf(board));
      const seconds = Math.floor(board.clock() / 1000);
      const time = [...word(seconds & 0xffff), ...word(Math.floor(seconds / 0x1_0000))];
      // Now, least, most, average; when; over how long; measuring.
      return done(0xdc, ...watts, ...watts, ...watts, ...watts, ...time, 0xe8, 0x03, 0, 0, 0x40);
    },
  },
];
