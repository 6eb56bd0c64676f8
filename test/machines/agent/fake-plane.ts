import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { openJournal } from '#machines/agent/journal.ts';
import {
  agentCertificateRequest,
  type AgentOrders,
  agentLogs,
  agentRegistration,
  agentStatus,
  agentWelcome,
  agentInventory,
} from '#machines/contract/agent.ts';
import { spkiFingerprint } from '#services/machine-api/pinned.ts';
import { testAuthority } from './certificates.ts';

export const TOKEN = 'the-boot-token-of-this-attempt';

/** What an agent sent, read as strictly as the contract says. */
export type Sent =
  | { readonly kind: 'register'; readonly body: ReturnType<typeof agentRegistration.parse> }
  | { readonly kind: 'inventory'; readonly body: ReturnType<typeof agentInventory.parse> }
  | { readonly kind: 'logs'; readonly body: ReturnType<typeof agentLogs.parse> }
  | { readonly kind: 'status'; readonly body: ReturnType<typeof agentStatus.parse> }
  | { readonly kind: 'certificate'; readonly body: ReturnType<typeof agentCertificateRequest.parse> }
  | { readonly kind: 'refused' }
  | { readonly kind: 'image'; readonly range: string | undefined };
type Kind = Sent['kind'];

const CALLS: Readonly<Record<string, Exclude<Kind, 'refused' | 'image'>>> = {
  '/agent/register': 'register',
  '/agent/certificate': 'certificate',
  '/agent/inventory': 'inventory',
  '/agent/logs': 'logs',
  '/agent/status': 'status',
};

/** The daemon's machine plane as an agent sees it: the contract, and nothing behind it. */
export async function fakePlane(
  parts: {
    /** By which others reach the machine, beside its own: a guest behind a forwarded port. */
    readonly forwardedFrom?: string;
  } = {},
) {
  const authority = await testAuthority();
  const own = await authority.machine(['127.0.0.1']);
  const sent = openJournal<Sent>(10_000);
  const sockets = new Set<Socket>();
  const sessions = new Set<string>();
  const state = {
    token: TOKEN,
    notice: 'waiting to be accepted: ingot machine accept m-525400000001',
    orders: [] as AgentOrders['order'][],
    /** Status codes that the next calls of a kind get. */
    faults: [] as { kind: Kind; status: number }[],
    image: Buffer.alloc(0),
    /** The image's connection is cut once after so many bytes. */
    cutImageAt: undefined as number | undefined,
    /** After the first answer it has another ETag. */
    imageChanged: false,
    /** Nothing comes of the image but its head. */
    stallImage: false,
    clockOffsetMs: 0,
    /** Of the certificates that are asked for later. */
    certificateDays: 30,
  };

  const server = createServer({ key: own.key, cert: own.certificate }, (request, response) => {
    void answer(request, response).catch((cause: unknown) => {
      response.writeHead(400).end(String(cause));
    });
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const piece of request as AsyncIterable<Uint8Array>) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    const credential = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const kind = CALLS[request.url ?? ''] ?? 'image';
    response.setHeader('date', new Date(Date.now() + state.clockOffsetMs).toUTCString());
    const fault = state.faults.findIndex((one) => one.kind === kind);
    if (fault >= 0) return void response.writeHead(state.faults.splice(fault, 1)[0]?.status ?? 500).end();
    if (kind === 'register' ? credential !== state.token : !sessions.has(credential)) {
      sent.push({ kind: 'refused' });
      return void response.writeHead(404).end();
    }
    const json = (value: unknown) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    };
    switch (kind) {
      case 'register': {
        const body = agentRegistration.parse(JSON.parse(text));
        const session = `session-${sessions.size + 1}-${sent.end()}`;
        sessions.add(session);
        const addresses = [...body.addresses, ...(parts.forwardedFrom === undefined ? [] : [parts.forwardedFrom])];
        const certificate = await authority.sign(body.csr, addresses);
        const welcome = { machine: 'r1-u12', certificate, ca: authority.ca, session, heartbeatSeconds: 1 };
        json(agentWelcome.parse(welcome));
        sent.push({ kind, body });
        return;
      }
      case 'certificate': {
        const body = agentCertificateRequest.parse(JSON.parse(text));
        json({ certificate: await authority.sign(body.csr, ['127.0.0.1'], state.certificateDays) });
        sent.push({ kind, body });
        return;
      }
      case 'inventory':
        response.writeHead(204).end();
        sent.push({ kind, body: agentInventory.parse(JSON.parse(text)) });
        return;
      case 'logs':
        response.writeHead(204).end();
        sent.push({ kind, body: agentLogs.parse(JSON.parse(text)) });
        return;
      case 'status': {
        json({ notice: state.notice, order: state.orders.shift() ?? 'wait' });
        sent.push({ kind, body: agentStatus.parse(JSON.parse(text)) });
        return;
      }
      default:
        return sendImage(request, response);
    }
  }

  function sendImage(request: IncomingMessage, response: ServerResponse): void {
    const { range } = request.headers;
    sent.push({ kind: 'image', range });
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    const bytes = state.image.subarray(from);
    const headers = { etag: '"1"', 'content-length': bytes.length };
    // RFC 9110 §13.1.5: a part of what has changed is no part, so all of it is sent.
    if (state.imageChanged && range !== undefined) return void response.writeHead(200).end(state.image);
    if (range === undefined) response.writeHead(200, headers);
    else {
      const contentRange = `bytes ${from}-${state.image.length - 1}/${state.image.length}`;
      response.writeHead(206, { ...headers, 'content-range': contentRange });
    }
    if (state.stallImage) return response.flushHeaders();
    const cut = state.cutImageAt;
    state.cutImageAt = undefined;
    if (cut === undefined) response.end(bytes);
    else response.write(bytes.subarray(0, cut), () => response.destroy());
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    state,
    sent,
    authority,
    url: `https://127.0.0.1:${port}`,
    pin: spkiFingerprint(new X509Certificate(own.certificate)),
    /** As a daemon that was started anew: it knows no session. */
    forget: () => sessions.clear(),
    /** The first of its kind from a place on, that is so, once it was sent. */
    async got<K extends Kind>(
      kind: K,
      isSo: (one: Extract<Sent, { readonly kind: K }>) => boolean = () => true,
      from = 0,
      limitMs = 15_000,
    ): Promise<Extract<Sent, { readonly kind: K }>> {
      const signal = AbortSignal.timeout(limitMs);
      for await (const one of sent.follow(from, signal)) {
        const found = one as Extract<Sent, { readonly kind: K }>;
        if (one.kind === kind && isSo(found)) return found;
      }
      const others = sent.read(from).entries.map((one) => one.kind);
      throw new Error(`no ${kind} of that kind came; there were ${others.join()}`);
    },
    all: <K extends Kind>(kind: K): readonly Extract<Sent, { readonly kind: K }>[] =>
      sent.read(0).entries.filter((one): one is Extract<Sent, { readonly kind: K }> => one.kind === kind),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
export type FakePlane = Awaited<ReturnType<typeof fakePlane>>;
