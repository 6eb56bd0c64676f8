import { COMPLETION, type Command, done, NET_FN, refused } from '../command.ts';
import { SOL_CHARACTERS } from '../serial-over-lan.ts';
import { LEVEL } from '../sessions.ts';
import { isLan } from './session.ts';
import { long, word } from '../wire/byte-reader.ts';
import { PAYLOAD } from '../wire/datagram.ts';

const INSTANCE = 1;
/** Table 24-2, auxiliary byte 1. */
const AUX = { encrypted: 0x80 } as const;
const NO_VLAN = 0xffff;
const REVISION = 0x11;
/** 115.2 kbit/s, table 26-5. */
const BIT_RATE = 0x0a;

/** IPMI v2.0 §24 and §26: the serial console as a payload. */
export const PAYLOAD_COMMANDS: readonly Command[] = [
  {
    // Activate Payload, §24.1.
    netFn: NET_FN.app,
    command: 0x48,
    level: LEVEL.operator,
    bytes: 2,
    run([type = 0, instance = 0, aux = 0], { console, port }, session) {
      if ((type & 0x3f) !== PAYLOAD.sol || (instance & 0x0f) !== INSTANCE || !session) return refused(COMPLETION.field);
      // Without encryption where the session has it: that is not offered.
      if ((aux & AUX.encrypted) === 0 && session.keys.suite.confidentiality !== 0) return refused(0x84);
      if ((aux & AUX.encrypted) !== 0 && session.keys.suite.confidentiality === 0) return refused(0x83);
      if (!console.activate(session)) return refused(0x80);
      return done(0, 0, 0, 0, ...word(SOL_CHARACTERS), ...word(SOL_CHARACTERS), ...word(port()), ...word(NO_VLAN));
    },
  },
  {
    // Deactivate Payload, §24.2: by anybody who might have activated it.
    netFn: NET_FN.app,
    command: 0x49,
    level: LEVEL.operator,
    bytes: 2,
    run([type = 0, instance = 0], { console }) {
      if ((type & 0x3f) !== PAYLOAD.sol || (instance & 0x0f) !== INSTANCE) return refused(COMPLETION.field);
      if (!console.holder()) return refused(0x80);
      return { code: COMPLETION.done, after: () => console.deactivate() };
    },
  },
  {
    // Get Payload Activation Status, §24.4.
    netFn: NET_FN.app,
    command: 0x4a,
    level: LEVEL.user,
    bytes: 1,
    run: ([type = 0], { console }) =>
      (type & 0x3f) === PAYLOAD.sol ? done(1, console.holder() ? 1 : 0, 0) : refused(COMPLETION.field),
  },
  {
    // Get Payload Instance Info, §24.5.
    netFn: NET_FN.app,
    command: 0x4b,
    level: LEVEL.user,
    bytes: 2,
    run: ([type = 0], { console }) =>
      (type & 0x3f) === PAYLOAD.sol
        ? done(...long(console.holder()?.bmcId ?? 0), 1, ...[0, 0, 0, 0, 0, 0, 0])
        : refused(COMPLETION.field),
  },
  {
    // Get Channel Payload Support, §24.8: IPMI and SOL, and the six of a login.
    netFn: NET_FN.app,
    command: 0x4e,
    level: LEVEL.user,
    bytes: 1,
    run: ([channel]) => (isLan(channel) ? done(0x03, 0, 0x3f, 0, 0, 0, 0, 0) : refused(COMPLETION.field)),
  },
  {
    // Get Channel Payload Version, §24.9: 1.0.
    netFn: NET_FN.app,
    command: 0x4f,
    level: LEVEL.user,
    bytes: 2,
    run: ([, type = 0]) => (type <= PAYLOAD.sol ? done(0x10) : refused(0x80)),
  },
  {
    // Get SOL Configuration Parameters, §26.3.
    netFn: NET_FN.transport,
    command: 0x22,
    level: LEVEL.user,
    bytes: 4,
    run([channel = 0, selector = 0], { port }) {
      if ((channel & 0x80) !== 0) return done(REVISION);
      const values: Readonly<Record<number, readonly number[]>> = {
        0: [0],
        1: [1],
        2: [0x80 | 0x40 | LEVEL.operator],
        3: [12, 96],
        4: [7, 50],
        5: [BIT_RATE],
        6: [BIT_RATE],
        7: [1],
        8: word(port()),
      };
      const value = values[selector];
      return value ? done(REVISION, ...value) : refused(COMPLETION.parameterUnknown);
    },
  },
];
