import { createHmac, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { type BmcVerb, POWER_STATES } from '#machines/contract/power.ts';
import { type BmcDriver, BmcError, type BmcErrorCode, type BmcTarget } from './contract.ts';
import { notSupported } from './not-supported.ts';

/** What a webhook can be, at most; which of them it has is said in the machine's document. */
export const WEBHOOK_VERBS = [
  'status',
  'on',
  'off',
  'soft',
  'reset',
  'boot-once',
  'identify',
] as const satisfies readonly BmcVerb[];
const USUAL_VERBS: readonly BmcVerb[] = ['status', 'on', 'off'];
const MAX_ANSWER = 64 * 1024;

const answer = z.looseObject({
  power: z.enum(POWER_STATES).optional(),
  health: z.enum(['ok', 'warning', 'critical']).optional(),
});

/**
 * Asks a program of the operator's: one POST a verb, to the target's address.
 *
 * The body is JSON: `{"verb":"on","machine":"r1-u1"}`, with `boot` for boot-once and `seconds` for identify. Headers:
 * `Ingot-Id` (never twice the same), `Ingot-Timestamp` (seconds since the epoch) and `Ingot-Signature:
 * sha256=HEX`, the HMAC-SHA256 over `ID.TIMESTAMP.BODY` with the credential's password as key; the receiver refuses what
 * is old or was there before. 2xx: done; status answers `{"power":"on"}`. 409: not now; 429 and 503: come again
 * (`Retry-After`); 401 and 403: the signature is wrong; 404, 405, 501: it has no such verb.
 */
export async function openWebhook(
  target: Pick<BmcTarget, 'address' | 'credential' | 'verbs' | 'machine'>,
  now: () => number = Date.now,
): Promise<BmcDriver> {
  const { address, credential, machine } = target;
  const name = `webhook ${address}`;
  const verbs = new Set((target.verbs ?? USUAL_VERBS).filter((verb) => WEBHOOK_VERBS.some((one) => one === verb)));
  if (!credential)
    throw new BmcError('credential', `${name}: it needs a credential, whose password signs the requests`);
  const key = credential.password;
  const lacks = notSupported(name);

  async function call(verb: BmcVerb, more: Readonly<Record<string, unknown>>, signal: AbortSignal) {
    if (!verbs.has(verb)) throw new BmcError('not-supported', `${name} has no ${verb}`);
    const body = JSON.stringify({ verb, ...(machine === undefined ? {} : { machine }), ...more });
    const id = randomUUID();
    const timestamp = String(Math.floor(now() / 1000));
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('hex');
    const response = await reach(address, name, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'ingot-id': id,
        'ingot-timestamp': timestamp,
        'ingot-signature': `sha256=${signature}`,
      },
      body,
      // Elsewhere is an address that nobody named.
      redirect: 'error',
      signal,
    });
    const text = await bodyOf(response, name);
    if (!response.ok) throw refusal(name, response);
    return text;
  }

  return {
    ...lacks,
    type: 'webhook',
    verbs,
    async status(signal) {
      const { power = 'unknown', health } = parse(await call('status', {}, signal), name);
      return { power, ...(health === undefined ? {} : { health }) };
    },
    async power(action, signal) {
      await call(action, {}, signal);
    },
    async bootOnce(boot, signal) {
      await call('boot-once', { boot }, signal);
    },
    async identify(seconds, signal) {
      await call('identify', { seconds }, signal);
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function reach(address: string, name: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch (cause) {
    if (init.signal?.aborted === true) throw cause;
    throw new BmcError('unreachable', `${name} does not answer`, { cause });
  }
}

async function bodyOf(response: Response, name: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MAX_ANSWER) throw new BmcError('malformed', `${name} answered more than ${MAX_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string, name: string): z.output<typeof answer> {
  if (text.trim() === '') return {};
  try {
    return answer.parse(JSON.parse(text));
  } catch (cause) {
    throw new BmcError('malformed', `${name}: want JSON such as {"power":"on"}`, { cause });
  }
}

function refusal(name: string, { status, headers }: Response): BmcError {
  const after = Number(headers.get('retry-after'));
  const retryAfterMs = Number.isFinite(after) && after > 0 ? after * 1000 : undefined;
  return new BmcError(codeOf(status), `${name} answered ${status}`, {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function codeOf(status: number): BmcErrorCode {
  switch (status) {
    case 401:
    case 403:
      return 'credential';
    case 404:
    case 405:
    case 501:
      return 'not-supported';
    case 409:
      return 'state';
    case 429:
    case 503:
      return 'busy';
    default:
      return 'refused';
  }
}
