import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { z } from 'zod';
import { type RackBmc, USER } from '../rig.ts';

export type Told = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Empty when the text is no JSON object. */
  readonly body: Readonly<Record<string, unknown>>;
};

const jsonObject = z.record(z.string(), z.unknown());

/** One request on a connection of its own, as bare as it can be; Basic login unless headers say another. */
export async function ask(
  { bmc }: Pick<RackBmc, 'bmc'>,
  method: string,
  path: string,
  options: {
    readonly body?: unknown;
    readonly headers?: Readonly<Record<string, string>>;
    readonly login?: { readonly username: string; readonly password: string } | 'none';
    readonly signal?: AbortSignal;
  } = {},
): Promise<Told> {
  const { body, login = USER, headers = {} } = options;
  const outgoing = request(new URL(path, bmc.url), {
    method,
    agent: false,
    rejectUnauthorized: false,
    signal: options.signal ?? AbortSignal.timeout(10_000),
    headers: {
      ...(login === 'none' || 'x-auth-token' in headers
        ? {}
        : { authorization: `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
  });
  outgoing.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  return { status: response.statusCode ?? 0, headers: response.headers, text, body: objectOf(text) };
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return jsonObject.parse(JSON.parse(text));
  } catch {
    return {};
  }
}

const redfishError = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    '@Message.ExtendedInfo': z.array(
      z.object({ MessageId: z.string(), RelatedProperties: z.array(z.string()).optional() }),
    ),
  }),
});

/** The key of an error's first message, and the properties that it is about. Throws for a body that is no error. */
export function errorOf(told: Told): { readonly key: string; readonly related: readonly string[] } {
  const { error } = redfishError.parse(told.body);
  const [first] = error['@Message.ExtendedInfo'];
  return { key: error.code.split('.').at(-1) ?? '', related: first?.RelatedProperties ?? [] };
}

const bootOf = z.object({
  Boot: z.object({
    BootSourceOverrideTarget: z.string(),
    BootSourceOverrideEnabled: z.string(),
    BootSourceOverrideMode: z.string().optional(),
  }),
});

/** `Pxe Once UEFI`, as it stands at this path. */
export async function bootAt(at: RackBmc, path: string): Promise<string> {
  const { Boot } = bootOf.parse((await ask(at, 'GET', path)).body);
  return [Boot.BootSourceOverrideTarget, Boot.BootSourceOverrideEnabled, Boot.BootSourceOverrideMode ?? '-'].join(' ');
}
