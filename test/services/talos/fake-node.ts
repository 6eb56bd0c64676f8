import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import grpc from '@grpc/grpc-js';
import { eventTypeUrl, type EventKind, type EventPayloads } from '#machines/api/messages/streams.ts';
import { openMachineApi } from '#services/machine-api/client.ts';
import { loadMachineApi, type WireMethod } from '#services/machine-api/definition.ts';
import { spkiFingerprint } from '#services/machine-api/pinned.ts';
import { testAuthority } from '../../machines/agent/certificates.ts';

export const definition = loadMachineApi();

export type Call = grpc.ServerUnaryCall<Record<string, unknown>, object> &
  grpc.ServerWritableStream<Record<string, unknown>, object>;
export type Handler = (call: Call, answer: grpc.sendUnaryData<object>) => void;

/**
 * A machine as the facts have it: envelopes with one element even where nothing is said, a hello before events, events
 * kept and sent to those who come later, sequences that are told by events and not by replies.
 */
export async function fakeNode(handlers: Readonly<Record<string, Handler>>) {
  const authority = await testAuthority();
  const own = await authority.machine(['127.0.0.1']);
  const history: object[] = [];
  const listeners = new Set<grpc.ServerWritableStream<object, object>>();
  const calls: { readonly path: string; readonly request: Record<string, unknown> }[] = [];

  const events: Handler = (call) => {
    call.write({ data: { type_url: '', value: Buffer.alloc(0) }, id: '', actor_id: '' });
    const tail = Number(call.request['tail_events']);
    for (const event of tail < 0 ? history : tail > 0 ? history.slice(-tail) : []) call.write(event);
    listeners.add(call);
    call.on('cancelled', () => listeners.delete(call));
  };
  const all: Readonly<Record<string, Handler>> = { '/machine.MachineService/Events': events, ...handlers };
  const recorded = Object.entries(all).map(([path, handler]): [string, Handler] => [
    path,
    (call, answer) => {
      calls.push({ path, request: call.request });
      handler(call, answer);
    },
  ]);
  const method = (path: string): WireMethod => definition.methods.get(path) ?? assert.fail(path);
  const server = new grpc.Server();
  server.addService(
    Object.fromEntries(recorded.map(([path]) => [path, method(path)])),
    Object.fromEntries(recorded) as never,
  );
  const credentials = grpc.ServerCredentials.createSsl(
    null,
    [{ private_key: Buffer.from(own.key), cert_chain: Buffer.from(own.certificate) }],
    false,
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (cause, bound) => (cause ? reject(cause) : resolve(bound))),
  );
  const client = await openMachineApi({
    definition,
    address: '127.0.0.1',
    port,
    trust: { kind: 'pinned', fingerprint: spkiFingerprint(new X509Certificate(own.certificate)) },
    signal: AbortSignal.timeout(5000),
  });

  return {
    client,
    calls,
    asked: (path: string) => calls.filter((one) => one.path === path).map(({ request }) => request),
    /** Tells everyone who listens, and those who will. */
    tell<Kind extends EventKind>(actorId: string, kind: Kind, payload: Partial<EventPayloads[Kind]>) {
      const value = definition.message(kind).serialize(payload);
      const event = { data: { type_url: eventTypeUrl(kind), value }, id: String(history.length), actor_id: actorId };
      history.push(event);
      for (const listener of listeners) listener.write(event);
    },
    /** As a machine does that goes down. */
    die: () => server.forceShutdown(),
    [Symbol.dispose]() {
      client[Symbol.dispose]();
      server.forceShutdown();
    },
  };
}
export type FakeNode = Awaited<ReturnType<typeof fakeNode>>;

export const says =
  (...elements: readonly object[]): Handler =>
  (_call, answer) =>
    answer(null, { messages: elements.length === 0 ? [{}] : elements });
export const refuses =
  (code: grpc.status, details = 'no'): Handler =>
  (_call, answer) =>
    answer({ code, details });
export const resourceOf =
  (specs: Readonly<Record<string, string>>): Handler =>
  (call, answer) => {
    const yaml = specs[String(call.request['type'])];
    if (yaml === undefined) answer({ code: grpc.status.NOT_FOUND, details: "doesn't exist" });
    else answer(null, { resource: { metadata: {}, spec: { yaml_spec: yaml } } });
  };
