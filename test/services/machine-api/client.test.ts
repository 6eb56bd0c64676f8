import assert from 'node:assert/strict';
import { once } from 'node:events';
import { X509Certificate } from 'node:crypto';
import http2 from 'node:http2';
import net from 'node:net';
import { describe, it } from 'node:test';
import grpc from '@grpc/grpc-js';
import { labelledKey } from '#machines/api/key-label.ts';
import { type MachineApiTrust, only, openMachineApi } from '#services/machine-api/client.ts';
import { loadMachineApi, type WireMethod } from '#services/machine-api/definition.ts';
import { spkiFingerprint } from '#services/machine-api/pinned.ts';
import { testAuthority } from '../../machines/agent/certificates.ts';

const definition = loadMachineApi();
type Handler = (
  call: grpc.ServerUnaryCall<object, object> & grpc.ServerWritableStream<object, object>,
  answer: grpc.sendUnaryData<object>,
) => void;

/** A machine in maintenance: it has a certificate of a CA that nobody knows, and asks for none. */
async function maintenance(handlers: Readonly<Record<string, Handler>>, addresses = ['127.0.0.1']) {
  const authority = await testAuthority();
  const own = await authority.machine(addresses);
  const server = new grpc.Server();
  const method = (path: string): WireMethod => definition.methods.get(path) ?? assert.fail(path);
  server.addService(Object.fromEntries(Object.keys(handlers).map((path) => [path, method(path)])), handlers as never);
  const credentials = grpc.ServerCredentials.createSsl(
    null,
    [{ private_key: Buffer.from(own.key), cert_chain: Buffer.from(own.certificate) }],
    false,
  );
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (cause, bound) => (cause ? reject(cause) : resolve(bound))),
  );
  return {
    port,
    authority,
    fingerprint: spkiFingerprint(new X509Certificate(own.certificate)),
    open: (trust: MachineApiTrust) =>
      openMachineApi({ definition, address: '127.0.0.1', port, trust, signal: AbortSignal.timeout(5000) }),
    [Symbol.dispose]: () => server.forceShutdown(),
  };
}

const VERSION = '/machine.MachineService/Version';
const DMESG = '/machine.MachineService/Dmesg';

describe('the client of the machine API', () => {
  it('talks to a machine in maintenance by the fingerprint on its screen', async () => {
    using machine = await maintenance({
      [VERSION]: (_call, answer) => answer(null, { messages: [{ version: { tag: 'v1.13.0' } }] }),
    });
    using client = await machine.open({ kind: 'pinned', fingerprint: machine.fingerprint });
    assert.equal(only(await client.call(VERSION, {})).version?.tag, 'v1.13.0');
  });

  it('sends nothing to a machine whose fingerprint is another', async () => {
    let calls = 0;
    using machine = await maintenance({
      [VERSION]: (_call, answer) => answer(null, { messages: [{ call: calls++ }] }),
    });
    const other = Buffer.alloc(32).toString('base64');
    await assert.rejects(machine.open({ kind: 'pinned', fingerprint: other }), { code: 'untrusted' });
    assert.equal(calls, 0);
  });

  it('refuses a machine whose certificate the CA did not give, and one that is for another address', async () => {
    using machine = await maintenance({ [VERSION]: (_call, answer) => answer(null, { messages: [{}] }) }, [
      '192.0.2.1',
    ]);
    const foreign = await testAuthority();
    const mutual = async (authority: typeof foreign): Promise<MachineApiTrust> => ({
      kind: 'mutual',
      ca: authority.ca,
      ...(await authority.client(['os:admin'])),
    });
    using other = await machine.open(await mutual(foreign));
    await assert.rejects(other.call(VERSION, {}), { code: 'untrusted' });
    using elsewhere = await machine.open(await mutual(machine.authority));
    await assert.rejects(elsewhere.call(VERSION, {}), { code: 'untrusted', message: /not for 127\.0\.0\.1/ });
  });

  it('takes a key with the label that the stock tools write', async () => {
    using machine = await maintenance({ [VERSION]: (_call, answer) => answer(null, { messages: [{}] }) });
    const { certificate, key } = await machine.authority.client(['os:admin']);
    using client = await machine.open({ kind: 'mutual', ca: machine.authority.ca, certificate, key: labelledKey(key) });
    assert.equal((await client.call(VERSION, {})).messages.length, 1);
  });

  it('names the nodes in metadata, each in a header of its own', async () => {
    const authority = await testAuthority();
    const own = await authority.machine(['127.0.0.1']);
    const { promise: headers, resolve } = Promise.withResolvers<readonly string[]>();
    const server = http2.createSecureServer({ key: own.key, cert: own.certificate });
    server.on(
      'stream',
      (stream: http2.ServerHttp2Stream, ...[, , raw]: readonly [unknown, unknown, readonly string[]]) => {
        resolve(raw);
        stream.respond({ 'content-type': 'application/grpc', 'grpc-status': '12' }, { endStream: true });
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const trust = { kind: 'pinned', fingerprint: spkiFingerprint(new X509Certificate(own.certificate)) } as const;
    const { port } = server.address() as net.AddressInfo;
    {
      const signal = AbortSignal.timeout(5000);
      using client = await openMachineApi({ definition, address: '127.0.0.1', port, trust, signal });
      const call = client.call(VERSION, {}, { nodes: ['10.0.0.1', '10.0.0.2'] });
      await assert.rejects(call, { code: 'not-implemented' });
    }
    const raw = await headers;
    assert.deepEqual(
      raw.filter((_text, index) => raw[index - 1] === 'nodes'),
      ['10.0.0.1', '10.0.0.2'],
    );
    server.close();
  });

  it('ends at its deadline, and with its signal', async () => {
    using machine = await maintenance({ [VERSION]: () => {}, [DMESG]: () => {} });
    using client = await machine.open({ kind: 'pinned', fingerprint: machine.fingerprint });
    await assert.rejects(client.call(VERSION, {}, { deadlineMs: 50 }), { code: 'timeout' });
    const stop = new AbortController();
    const call = client.call(VERSION, {}, { signal: stop.signal });
    const stream = client.stream(DMESG, {}, { signal: stop.signal }).next();
    stop.abort(new Error('enough'));
    await assert.rejects(call, { message: 'enough' });
    await assert.rejects(stream, { message: 'enough' });
  });

  it('says what kept it, by a word', async () => {
    const refuse =
      (code: grpc.status): Handler =>
      (_call, answer) =>
        answer({ code, details: 'no' });
    for (const [status, code] of [
      [grpc.status.UNIMPLEMENTED, 'not-implemented'],
      [grpc.status.FAILED_PRECONDITION, 'precondition'],
      [grpc.status.ALREADY_EXISTS, 'exists'],
      [grpc.status.UNKNOWN, 'failed'],
    ] as const) {
      using machine = await maintenance({ [VERSION]: refuse(status) });
      using client = await machine.open({ kind: 'pinned', fingerprint: machine.fingerprint });
      await assert.rejects(client.call(VERSION, {}), { name: 'MachineApiError', code });
    }
    const nobody = net.createServer().listen(0, '127.0.0.1');
    await once(nobody, 'listening');
    const { port } = nobody.address() as net.AddressInfo;
    nobody.close();
    const fingerprint = Buffer.alloc(32).toString('base64');
    const opening = openMachineApi({
      definition,
      address: '127.0.0.1',
      port,
      trust: { kind: 'pinned', fingerprint },
      signal: AbortSignal.timeout(5000),
    });
    await assert.rejects(opening, { code: 'unreachable' });
  });

  it('makes the machine wait for a slow reader, and ends the call when the reader leaves', async () => {
    let sent = 0;
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const { promise: stalled, resolve: stall } = Promise.withResolvers<void>();
    using machine = await maintenance({
      [DMESG]: (call) => {
        call.on('cancelled', () => resolve());
        const more = () => {
          while (call.write({ bytes: Buffer.alloc(65_536) })) sent++;
          call.once('drain', more);
          // Nobody reads: what the transport takes by itself is finite.
          stall();
        };
        more();
      },
    });
    using client = await machine.open({ kind: 'pinned', fingerprint: machine.fingerprint });
    for await (const data of client.stream(DMESG, {})) {
      assert.equal(data.bytes.length, 65_536);
      await stalled;
      break;
    }
    await ended;
    assert.ok(sent < 2000, `${sent} chunks were sent to a reader of one`);
  });

  it('keeps numbers of newer enumerations, and 64 bits', () => {
    const { responseDeserialize } = definition.methods.get('/storage.StorageService/Disks') ?? assert.fail();
    // messages: { disks: { size: 2^64 - 1, type: 77 } }
    const bytes = Buffer.from('0a0f120d08ffffffffffffffffff01484d', 'hex');
    const [envelope] = (responseDeserialize(bytes) as { messages: { disks: object[] }[] }).messages;
    const disk = envelope?.disks[0] as { size: string; type: unknown };
    assert.deepEqual([disk.size, disk.type], ['18446744073709551615', 77]);
  });
});
