import { randomBytes } from 'node:crypto';
import type { Account } from '../accounts.ts';

export type Session = {
  readonly id: string;
  readonly token: string;
  readonly userName: string;
  readonly password: string;
  usedAt: number;
};

/** Who is logged in. A session ends by its idle time, by its DELETE, or with the BMC. */
export type Sessions = {
  /** Nothing when none is free. */
  open(account: Account): Session | undefined;
  /** Counts as use. */
  byToken(token: string): Session | undefined;
  list(): readonly Session[];
  close(id: string): boolean;
  closeAll(): void;
  /** Seconds. */
  idleSeconds: number;
};

export function openSessions(options: {
  readonly limit: number;
  readonly idleSeconds: number;
  readonly now: () => number;
}): Sessions {
  const { limit, now } = options;
  const sessions = new Map<string, Session>();

  function dropIdle(): void {
    const oldest = now() - self.idleSeconds * 1000;
    for (const [id, { usedAt }] of sessions) if (usedAt < oldest) sessions.delete(id);
  }

  const self: Sessions = {
    idleSeconds: options.idleSeconds,
    open({ userName, password }) {
      dropIdle();
      if (sessions.size >= limit) return undefined;
      const session = {
        id: randomBytes(5).toString('hex'),
        token: randomBytes(16).toString('hex'),
        userName,
        password,
        usedAt: now(),
      };
      sessions.set(session.id, session);
      return session;
    },
    byToken(token) {
      dropIdle();
      const found = [...sessions.values()].find((one) => one.token === token);
      if (found) found.usedAt = now();
      return found;
    },
    list() {
      dropIdle();
      return [...sessions.values()];
    },
    close: (id) => sessions.delete(id),
    closeAll: () => sessions.clear(),
  };
  return self;
}
