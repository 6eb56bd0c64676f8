import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(argon2);

/** RFC 9106 §4 with less memory than its second choice: 32 MiB, so that two at once do not count beside the daemon. */
export type PasswordCost = { readonly memoryKib: number; readonly passes: number; readonly lanes: number };
export const PASSWORD_COST: PasswordCost = { memoryKib: 32_768, passes: 3, lanes: 1 };
const SALT_BYTES = 16;
const TAG_BYTES = 32;
/** Each takes its memory for some 50 ms. */
const AT_ONCE = 2;
const MAX_WAITING = 32;

export class TooManyLogins extends Error {
  constructor() {
    super(`${MAX_WAITING} passwords wait to be looked at already`);
  }
}

/** Hashes passwords (argon2id) and looks at them, two at a time. */
export type Passwords = {
  /** As a PHC string: `$argon2id$v=19$m=…,t=…,p=…$SALT$TAG`. */
  hash(password: string): Promise<string>;
  /**
   * Takes as long for a user who has none as for one who has. Rejects with `TooManyLogins` where too many wait.
   */
  verify(password: string, kept: string | undefined): Promise<boolean>;
};

export function openPasswords(cost: PasswordCost = PASSWORD_COST): Passwords {
  let running = 0;
  const waiting: (() => void)[] = [];

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running >= AT_ONCE) {
      if (waiting.length >= MAX_WAITING) throw new TooManyLogins();
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running += 1;
    try {
      return await work();
    } finally {
      // The place goes to the next one, or is free.
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  }

  /** RFC 8265 §4.2.2: the same letters by another keyboard are the same password. */
  const messageOf = (password: string): Buffer => Buffer.from(password.normalize('NFC'), 'utf8');
  const tagOf = (password: string, { memoryKib, passes, lanes }: PasswordCost, salt: Uint8Array): Promise<Buffer> =>
    inTurn(() =>
      derive('argon2id', {
        message: messageOf(password),
        nonce: salt,
        parallelism: lanes,
        tagLength: TAG_BYTES,
        memory: memoryKib,
        passes,
      }),
    );
  const nobody = { cost, salt: randomBytes(SALT_BYTES), tag: randomBytes(TAG_BYTES) };

  return {
    async hash(password) {
      const salt = randomBytes(SALT_BYTES);
      const tag = await tagOf(password, cost, salt);
      const { memoryKib, passes, lanes } = cost;
      return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${bare(salt)}$${bare(tag)}`;
    },
    async verify(password, kept) {
      const read = kept === undefined ? undefined : readHash(kept);
      const { cost: itsCost, salt, tag } = read ?? nobody;
      const got = await tagOf(password, itsCost, salt);
      return timingSafeEqual(got, tag) && read !== undefined;
    },
  };
}

const bare = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');

const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

function readHash(text: string) {
  const [, m, t, p, salt = '', tag = ''] = PHC.exec(text) ?? [];
  const bytes = Buffer.from(tag, 'base64');
  if (m === undefined || bytes.length !== TAG_BYTES) return undefined;
  const cost = { memoryKib: Number(m), passes: Number(t), lanes: Number(p) };
  return { cost, salt: Buffer.from(salt, 'base64'), tag: bytes };
}
