import grpc, {
  type Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';
import { once } from 'node:events';
import type { MachineApiDefinition, WireMethod } from '#services/machine-api/definition.ts';
import { MAX_MESSAGE_BYTES } from '../../api/protos.ts';
import { mayCall } from '../../api/roles.ts';
import type { AgentLog } from '../log.ts';
import { CallRefusal, type Caller, forbidden, type StreamHandlers, type UnaryHandlers } from './call.ts';

/** How long open streams may take to end when the server closes. */
const FAREWELL_MS = 2000;

type AnyHandlers = Readonly<Record<string, ((request: never, caller: Caller) => unknown) | undefined>>;
type UnaryCall = ServerUnaryCall<object, object>;
type StreamCall = ServerWritableStream<object, object>;
type Call = UnaryCall | StreamCall;

export type MachineApiServer = AsyncDisposable & {
  readonly port: number;
  /** Another certificate for the same key, PEM: whoever connects from now on sees it, whoever is connected stays. */
  renew(certificate: string): void;
};

/**
 * Serves the machine API over mutual TLS: clients without a certificate of the CA do not get past the handshake, and
 * neither does another machine's, since that one is for servers. Roles stand in the certificate's Organization.
 *
 * Closing lets open streams send what they have, for two seconds at most.
 */
export async function serveMachineApi(parts: {
  readonly definition: MachineApiDefinition;
  readonly unary: UnaryHandlers;
  readonly streams: StreamHandlers;
  readonly address: string;
  /** 0: any. */
  readonly port: number;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** None: clients are not asked for a certificate, and have no roles. */
  readonly ca: string | undefined;
  /** What stands between a call and its handler; by {@link mayCall} where nothing is said. */
  readonly refuses?: (path: string, roles: readonly string[]) => CallRefusal | undefined;
  /** Whether a name in `node` or `nodes` means this machine. */
  readonly isOurself: (name: string) => boolean;
  readonly log: Pick<AgentLog, 'warn'>;
}): Promise<MachineApiServer> {
  const server = new grpc.Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  });
  const closing = new AbortController();
  const unary: AnyHandlers = parts.unary;
  const streams: AnyHandlers = parts.streams;
  const admit = admission(parts);
  for (const methods of byService(parts.definition.methods)) {
    const handlers = Object.fromEntries(
      methods.map((method) => [
        method.path,
        method.responseStream
          ? streamHandler(method, streams[method.path], admit, closing.signal)
          : unaryHandler(method, unary[method.path], admit),
      ]),
    );
    server.addService(Object.fromEntries(methods.map((method) => [method.path, method])), handlers);
  }
  const identity = identityOf(parts);
  const { ca } = parts;
  const credentials =
    ca === undefined
      ? grpc.ServerCredentials.createSsl(null, [
          { private_key: Buffer.from(parts.key), cert_chain: Buffer.from(parts.certificate) },
        ])
      : grpc.experimental.createCertificateProviderServerCredentials(identity, identity, true);
  const host = parts.address.includes(':') ? `[${parts.address}]` : parts.address;
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${parts.port}`, credentials, (cause, bound) => (cause ? reject(cause) : resolve(bound)));
  });
  return {
    port,
    renew: (certificate) => identity.renew(certificate),
    async [Symbol.asyncDispose]() {
      closing.abort();
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(() => resolve(), FAREWELL_MS);
      server.tryShutdown(() => resolve());
      await promise;
      clearTimeout(timer);
      server.forceShutdown();
    },
  };
}

type CertificateProvider = NonNullable<
  Parameters<typeof grpc.experimental.createCertificateProviderServerCredentials>[1]
>;
type IdentityListener = Parameters<CertificateProvider['addIdentityCertificateListener']>[0];

/** The server's certificate, which may become another one, and the CA of its clients, which stays. */
function identityOf(parts: {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string | undefined;
}): CertificateProvider & { renew(certificate: string): void } {
  const listeners = new Set<IdentityListener>();
  const privateKey = Buffer.from(parts.key);
  let certificate = Buffer.from(parts.certificate);
  const tell = (listener: IdentityListener): void => listener({ certificate, privateKey });
  return {
    // Later, because the server listens to what its listeners heard only after they were added.
    addCaCertificateListener: (listener) =>
      queueMicrotask(() => listener({ caCertificate: Buffer.from(parts.ca ?? '') })),
    removeCaCertificateListener() {},
    addIdentityCertificateListener(listener) {
      listeners.add(listener);
      queueMicrotask(() => tell(listener));
    },
    removeIdentityCertificateListener: (listener) => void listeners.delete(listener),
    renew(text) {
      certificate = Buffer.from(text);
      listeners.forEach(tell);
    },
  };
}

type Admit = (call: Call, path: string) => { readonly caller: Caller; readonly hostname?: string };

/** Who calls, and whether they may. Throws the refusal. */
function admission(parts: {
  readonly isOurself: (name: string) => boolean;
  readonly refuses?: (path: string, roles: readonly string[]) => CallRefusal | undefined;
  readonly log: Pick<AgentLog, 'warn'>;
}): Admit {
  const refuses = parts.refuses ?? ((path, roles) => (mayCall(path, roles) ? undefined : forbidden('not authorized')));
  return (call, path) => {
    const names = call.getAuthContext().sslPeerCertificate?.subject;
    const roles = [names?.O ?? []].flat();
    const who = `${call.getPeer()} ${[names?.CN ?? []].flat().join()} (${roles.join()})`;
    const refused = refuses(path, roles);
    if (refused) {
      parts.log.warn(`${path} refused to ${who}`);
      throw refused;
    }
    const nodes = namesOf(call.metadata, 'nodes');
    if (![...namesOf(call.metadata, 'node'), ...nodes].every((name) => parts.isOurself(name)))
      throw forbidden('no request forwarding');
    const gone = new AbortController();
    call.on('cancelled', () => gone.abort());
    const [hostname] = nodes;
    return { caller: { signal: gone.signal, who }, ...(hostname === undefined ? {} : { hostname }) };
  };
}

/** Node's HTTP/2 joins a header that came several times by commas. */
const namesOf = (metadata: Metadata, header: string): string[] =>
  metadata.get(header).flatMap((text) => String(text).split(/\s*,\s*/));

function unaryHandler(method: WireMethod, handler: AnyHandlers[string], admit: Admit) {
  return (call: UnaryCall, answer: sendUnaryData<object>): void => {
    void (async () => {
      try {
        const { caller, hostname } = admit(call, method.path);
        const response = (await implemented(handler)(call.request as never, caller)) as object;
        answer(null, hostname === undefined ? response : withHostname(response, hostname));
      } catch (cause) {
        answer(refusal(cause));
      }
    })();
  };
}

function streamHandler(method: WireMethod, handler: AnyHandlers[string], admit: Admit, closing: AbortSignal) {
  return (call: StreamCall): void => {
    void (async () => {
      try {
        const { caller, hostname } = admit(call, method.path);
        const signal = AbortSignal.any([caller.signal, closing]);
        const messages = implemented(handler)(call.request as never, { ...caller, signal }) as AsyncIterable<object>;
        for await (const message of messages) {
          if (caller.signal.aborted) return;
          const sent = hostname === undefined ? message : withHostname(message, hostname);
          if (!call.write(sent)) await drained(call, caller.signal);
        }
        call.end();
      } catch (cause) {
        if (!call.cancelled) call.emit('error', refusal(cause));
      }
    })();
  };
}

/** A reader that is slow makes the source wait. */
async function drained(call: StreamCall, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await once(call, 'drain', { signal }).catch(() => {});
}

function implemented(handler: AnyHandlers[string]): NonNullable<AnyHandlers[string]> {
  if (handler) return handler;
  throw new CallRefusal(status.UNIMPLEMENTED, 'not implemented in agent mode');
}

const refusal = (cause: unknown): { readonly code: status; readonly details: string } =>
  cause instanceof CallRefusal
    ? { code: cause.code, details: cause.message }
    : { code: status.UNKNOWN, details: cause instanceof Error ? cause.message : String(cause) };

/** Whoever asked for a node by name finds that name in the answer, as a proxy would put it there. */
function withHostname(message: object, hostname: string): object {
  const metadata = { hostname };
  if (!('messages' in message)) return { ...message, metadata };
  return { messages: (message.messages as readonly object[]).map((one) => ({ ...one, metadata })) };
}

function byService(methods: ReadonlyMap<string, WireMethod>): Iterable<readonly WireMethod[]> {
  return Map.groupBy(methods.values(), (method) => method.path.slice(0, method.path.lastIndexOf('/'))).values();
}
