import { randomInt } from 'node:crypto';
import type { RemoteInfo } from 'node:dgram';
import type { Account } from '../accounts.ts';
import type { SessionKeys } from './crypto.ts';
import { admit, NOTHING_SEEN, type SequenceWindow } from './decide/sequence-window.ts';

/** Privilege levels, IPMI v2.0 table 22-17 and appendix G; `anybody` needs no session. */
export const LEVEL = { anybody: 0, callback: 1, user: 2, operator: 3, administrator: 4 } as const;
export type Level = (typeof LEVEL)[keyof typeof LEVEL];

/** Where datagrams of a session go. */
export type Peer = Pick<RemoteInfo, 'address' | 'port'>;

export type IpmiSession = {
  readonly bmcId: number;
  readonly consoleId: number;
  readonly keys: SessionKeys;
  readonly account: Account;
  /** The highest that it may ask for. */
  readonly limit: number;
  level: number;
  peer: Peer;
  usedAt: number;
  heard: SequenceWindow;
  sent: number;
};

/** A session that nobody speaks in ends after 60 s (IPMI v2.0 §6.12.15, ±3 s). */
const IDLE_MS = 60_000;

/** The sessions of one BMC: each ends by its own close, by idleness, or with the BMC. */
export type IpmiSessions = {
  readonly limit: number;
  isFull(): boolean;
  /** One that no session has; never 0. */
  freeId(): number;
  open(session: Omit<IpmiSession, 'usedAt' | 'heard' | 'sent' | 'level'>): IpmiSession;
  byId(bmcId: number): IpmiSession | undefined;
  /** Whether a packet of that number counts; it then counts as use. */
  admits(session: IpmiSession, sequence: number): boolean;
  close(session: IpmiSession): void;
  closeAll(): void;
  list(): readonly IpmiSession[];
  onClose(listener: (session: IpmiSession) => void): void;
};

export function openIpmiSessions(options: { readonly limit: number; readonly now: () => number }): IpmiSessions {
  const { limit, now } = options;
  const sessions = new Map<number, IpmiSession>();
  const listeners: ((session: IpmiSession) => void)[] = [];

  function close(session: IpmiSession): void {
    if (!sessions.delete(session.bmcId)) return;
    for (const listener of listeners) listener(session);
  }

  function dropIdle(): void {
    const oldest = now() - IDLE_MS;
    for (const session of sessions.values()) if (session.usedAt < oldest) close(session);
  }

  return {
    limit,
    isFull() {
      dropIdle();
      return sessions.size >= limit;
    },
    freeId() {
      for (;;) {
        const id = randomInt(1, 0x1_0000_0000);
        if (!sessions.has(id)) return id;
      }
    },
    open(opened) {
      const session: IpmiSession = {
        ...opened,
        // IPMI v2.0 §22.18: a session begins as a user's.
        level: Math.min(LEVEL.user, opened.limit),
        usedAt: now(),
        heard: NOTHING_SEEN,
        sent: 0,
      };
      sessions.set(session.bmcId, session);
      return session;
    },
    byId(bmcId) {
      dropIdle();
      return sessions.get(bmcId);
    },
    admits(session, sequence) {
      const next = admit(session.heard, sequence);
      if (!next) return false;
      session.heard = next;
      session.usedAt = now();
      return true;
    },
    close,
    closeAll() {
      for (const session of sessions.values()) close(session);
    },
    list() {
      dropIdle();
      return [...sessions.values()];
    },
    onClose: (listener) => void listeners.push(listener),
  };
}
