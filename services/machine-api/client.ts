import { type ChannelCredentials, type ClientOptions, Client, credentials, Metadata } from '@grpc/grpc-js';
import { X509Certificate } from 'node:crypto';
import { isIP, isIPv6 } from 'node:net';
import { readableKey } from '#machines/api/key-label.ts';
import type { Sendable } from '#machines/api/messages/shape.ts';
import type { StreamMethods, StreamPath, UnaryMethods, UnaryPath } from '#machines/api/methods.ts';
import { MAX_MESSAGE_BYTES } from '#machines/api/protos.ts';
import type { MachineApiDefinition, WireMethod } from './definition.ts';
import { MachineApiError, machineApiError } from './machine-api-error.ts';
import { pinnedCredentials } from './pinned.ts';

/** For a call whose caller said nothing of a deadline. */
export const DEFAULT_DEADLINE_MS = 30_000;

export type MachineApiTrust =
  /** The running mode: both sides have a certificate of the machine's CA. All PEM. */
  | { readonly kind: 'mutual'; readonly ca: string; readonly certificate: string; readonly key: string }
  /** Maintenance: the fingerprint that the machine shows on its screen, valid for that boot only. */
  | { readonly kind: 'pinned'; readonly fingerprint: string };

export type CallOptions = {
  /** Ends the call; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** From now; for a stream over all of it, and none where it is left out. */
  readonly deadlineMs?: number;
  /** Asks the connected machine to pass the call on: to one, for every service. */
  readonly node?: string;
  /** To several, each of which adds its element to the envelope, or an element with `metadata.error`. */
  readonly nodes?: readonly string[];
};

/**
 * A machine that is reached by the machine API. Connects at the first call, and again after it was lost; never repeats
 * a call by itself. Calls reject with a `MachineApiError`, or with the reason of the caller's signal.
 */
export type MachineApiClient = Disposable & {
  call<Path extends UnaryPath>(
    path: Path,
    request: Sendable<UnaryMethods[Path]['request']>,
    options?: CallOptions,
  ): Promise<UnaryMethods[Path]['response']>;
  /**
   * Starts when it is first read, and is read no faster than its reader: a slow one makes the machine wait. Leaving the
   * loop ends the call.
   */
  stream<Path extends StreamPath>(
    path: Path,
    request: Sendable<StreamMethods[Path]['request']>,
    options?: CallOptions,
  ): AsyncGenerator<StreamMethods[Path]['response'], void, undefined>;
};

/** Rejects with `untrusted` before anything is sent where a pinned fingerprint is another. */
export async function openMachineApi(parts: {
  readonly definition: MachineApiDefinition;
  /** An IP address, or a name that the system resolves. */
  readonly address: string;
  readonly port: number;
  readonly trust: MachineApiTrust;
  /** For the first connection of a pinned one. */
  readonly signal: AbortSignal;
}): Promise<MachineApiClient> {
  const { address, port, trust } = parts;
  const channel =
    trust.kind === 'pinned'
      ? await pinnedCredentials({ address, port, fingerprint: trust.fingerprint, signal: parts.signal })
      : mutualCredentials(address, trust);
  const client = new Client(`${isIPv6(address) ? `[${address}]` : address}:${port}`, channel, CHANNEL);
  const where = `${address}:${port}`;
  return {
    async call<Path extends UnaryPath>(
      path: Path,
      request: Sendable<UnaryMethods[Path]['request']>,
      options: CallOptions = {},
    ) {
      const answer: unknown = await unary(client, methodOf(parts.definition, path), request, options, where);
      return answer as UnaryMethods[Path]['response'];
    },
    stream<Path extends StreamPath>(
      path: Path,
      request: Sendable<StreamMethods[Path]['request']>,
      options: CallOptions = {},
    ) {
      const answers: unknown = serverStream(client, methodOf(parts.definition, path), request, options, where);
      return answers as AsyncGenerator<StreamMethods[Path]['response'], void, undefined>;
    },
    [Symbol.dispose]: () => client.close(),
  };
}

const CHANNEL: ClientOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  // Machines are in the rack: neither a proxy of this host's environment nor a TXT record has a say in how to call them.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_retries': 0,
  // Channels to one address differ in whom they trust, and a rebooted machine is not the one that was connected.
  'grpc.use_local_subchannel_pool': 1,
  'grpc.initial_reconnect_backoff_ms': 500,
  'grpc.max_reconnect_backoff_ms': 5_000,
  // From Node 26 on an IP address is refused as a server's name in TLS. What is checked is the address itself.
  'grpc.ssl_target_name_override': 'machine.invalid',
};

function mutualCredentials(address: string, trust: MachineApiTrust & { readonly kind: 'mutual' }): ChannelCredentials {
  return credentials.createSsl(
    Buffer.from(trust.ca),
    Buffer.from(readableKey(trust.key)),
    Buffer.from(trust.certificate),
    {
      checkServerIdentity(_name, peer) {
        const certificate = new X509Certificate(peer.raw);
        const matched = isIP(address) === 0 ? certificate.checkHost(address) : certificate.checkIP(address);
        return matched ? undefined : new Error(`certificate is not for ${address}: ${certificate.subjectAltName}`);
      },
    },
  );
}

function methodOf(definition: MachineApiDefinition, path: string): WireMethod {
  const method = definition.methods.get(path);
  if (!method) throw new Error(`no method ${path} in the protos`);
  return method;
}

function metadataOf(options: CallOptions): Metadata {
  const metadata = new Metadata();
  if (options.node !== undefined) metadata.set('node', options.node);
  for (const node of options.nodes ?? []) metadata.add('nodes', node);
  return metadata;
}

async function unary(
  client: Client,
  method: WireMethod,
  request: object,
  options: CallOptions,
  where: string,
): Promise<object> {
  const { signal } = options;
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<object>();
  const call = client.makeUnaryRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    request,
    metadataOf(options),
    { deadline: Date.now() + (options.deadlineMs ?? DEFAULT_DEADLINE_MS) },
    (error, response) => (response === undefined ? reject(error ?? new Error('no answer')) : resolve(response)),
  );
  const cancel = () => call.cancel();
  signal?.addEventListener('abort', cancel);
  try {
    return await promise;
  } catch (cause) {
    signal?.throwIfAborted();
    throw machineApiError(`${method.path} at ${where}`, cause);
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

async function* serverStream(
  client: Client,
  method: WireMethod,
  request: object,
  options: CallOptions,
  where: string,
): AsyncGenerator<object, void, undefined> {
  const { signal, deadlineMs } = options;
  signal?.throwIfAborted();
  const call = client.makeServerStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    request,
    metadataOf(options),
    deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
  );
  // After its reader has gone, a cancelled call still reports that it was cancelled.
  call.on('error', () => {});
  const cancel = () => call.cancel();
  signal?.addEventListener('abort', cancel);
  try {
    for await (const message of call as AsyncIterable<object>) yield message;
  } catch (cause) {
    signal?.throwIfAborted();
    throw machineApiError(`${method.path} at ${where}`, cause);
  } finally {
    signal?.removeEventListener('abort', cancel);
    call.cancel();
  }
}

/** The first element of an envelope: the only one where one machine was asked. */
export function only<T>(envelope: { readonly messages: readonly T[] }): T {
  const [first] = envelope.messages;
  if (first === undefined) throw new MachineApiError('failed', 'the machine answered with an empty envelope');
  return first;
}
