import { isIPv4 } from 'node:net';
import { COMPLETION, type Command, done, type IpmiService, NET_FN, refused } from '../command.ts';
import { algorithmRecords, suiteRecords } from '../decide/suites.ts';
import { offeredSuites } from '../log-in.ts';
import { LEVEL } from '../sessions.ts';

const LAN_CHANNEL = 1;
/** "The channel that this comes over". */
const THIS_CHANNEL = 0x0e;
const RECORD_BYTES = 16;

export const isLan = (channel: number | undefined): boolean => {
  const number = (channel ?? 0) & 0x0f;
  return number === LAN_CHANNEL || number === THIS_CHANNEL;
};

/** IPMI v2.0 §22: channels and sessions. */
export const SESSION_COMMANDS: readonly Command[] = [
  {
    // Get Channel Authentication Capabilities, §22.13: no type of IPMI 1.5, names are needed, 2.0 is spoken.
    netFn: NET_FN.app,
    command: 0x38,
    level: LEVEL.anybody,
    bytes: 2,
    run([channel = 0], service) {
      if (!isLan(channel)) return refused(COMPLETION.field);
      const asks20 = (channel & 0x80) !== 0;
      const status = 0x04 | (service.hasKg ? 0x20 : 0);
      return done(LAN_CHANNEL, asks20 ? 0x80 : 0, status, asks20 ? 0x02 : 0, 0, 0, 0, 0);
    },
  },
  {
    // Get Channel Cipher Suites, §22.15.
    netFn: NET_FN.app,
    command: 0x54,
    level: LEVEL.anybody,
    bytes: 3,
    run([channel, , list = 0], { board }) {
      if (board.quirk('hides-cipher-suites')) return 'silence';
      if (!isLan(channel)) return refused(COMPLETION.field);
      const offered = offeredSuites(board);
      const records = (list & 0x80) !== 0 ? suiteRecords(offered) : algorithmRecords(offered);
      const from = (list & 0x3f) * RECORD_BYTES;
      return done(LAN_CHANNEL, ...records.slice(from, from + RECORD_BYTES));
    },
  },
  {
    // Set Session Privilege Level, §22.18.
    netFn: NET_FN.app,
    command: 0x3b,
    level: LEVEL.callback,
    bytes: 1,
    run([wanted = 0], _service, session) {
      if (!session) return refused(COMPLETION.privilege);
      const level = wanted & 0x0f;
      if (level === 0) return done(session.level);
      if (level > LEVEL.administrator || level === LEVEL.callback) return refused(0x80);
      if (level > session.limit) return refused(0x81);
      session.level = level;
      return done(level);
    },
  },
  {
    // Close Session, §22.19: one's own, or as administrator another's.
    netFn: NET_FN.app,
    command: 0x3c,
    level: LEVEL.callback,
    bytes: 4,
    run(data, { sessions }, session) {
      const id = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
      const closed = sessions.byId(id);
      if (!closed) return refused(0x87);
      if (closed !== session && (session?.level ?? 0) < LEVEL.administrator) return refused(COMPLETION.privilege);
      return { code: COMPLETION.done, after: () => sessions.close(closed) };
    },
  },
  {
    // Get Session Info, §22.20: of the session itself, or of the one at a place in the list.
    netFn: NET_FN.app,
    command: 0x3d,
    level: LEVEL.user,
    bytes: 1,
    run([which = 0], service, own) {
      const { sessions } = service;
      const list = sessions.list();
      const shown = which === 0 ? own : list[which - 1];
      const counts = [sessions.limit, list.length];
      if (!shown) return done(0, ...counts);
      const address = isIPv4(shown.peer.address) ? shown.peer.address.split('.').map(Number) : [0, 0, 0, 0];
      return done(
        (list.indexOf(shown) + 1) & 0x3f,
        ...counts,
        Number(shown.account.id),
        shown.level,
        0x10 | LAN_CHANNEL,
        ...address,
        ...[0, 0, 0, 0, 0, 0],
        shown.peer.port & 0xff,
        shown.peer.port >> 8,
      );
    },
  },
  {
    // Get Channel Access, §22.23: always there, limit administrator.
    netFn: NET_FN.app,
    command: 0x41,
    level: LEVEL.user,
    bytes: 2,
    run: ([channel]) => (isLan(channel) ? done(0x02, LEVEL.administrator) : refused(COMPLETION.field)),
  },
  {
    // Get Channel Info, §22.24: 802.3, IPMB over LAN, many sessions.
    netFn: NET_FN.app,
    command: 0x42,
    level: LEVEL.user,
    bytes: 1,
    run: ([channel], service) =>
      isLan(channel)
        ? done(LAN_CHANNEL, 0x04, 0x01, 0x80 | activeSessions(service), 0xf2, 0x1b, 0x00, 0, 0)
        : refused(COMPLETION.field),
  },
];

const activeSessions = ({ sessions }: IpmiService): number => Math.min(sessions.list().length, 0x3f);
