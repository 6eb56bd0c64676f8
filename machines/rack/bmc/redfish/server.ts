import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './answer.ts';
import { isObject } from './answer.ts';
import { refusal } from './message.ts';
import type { Service } from './resource.ts';
import { NEVER, respond } from './respond.ts';

const BODY_LIMIT = 1 << 20;
const SLOW_MS = 1000;

/** HTTP for one BMC. It never listens: connections that speak TLS already are handed to it. */
export function redfishServer(service: Service, signal: AbortSignal): Server {
  const { board } = service;
  const server = createServer((request, response) => {
    void answerOne(request, response).catch(() => response.destroy());
  });
  // Firmware gives idle connections up early; a client has to live with it.
  server.keepAliveTimeout = 5000;

  async function answerOne(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    if (board.fault('hangs')) return;
    if (board.fault('slow')) await sleep(SLOW_MS, undefined, { signal });
    const { method = 'GET', url = '/', headers } = request;
    const answer =
      body === undefined
        ? refusal(413, 'GeneralError')
        : URL.canParse(url, 'https://bmc')
          ? respond(service, { method, url, headers, body })
          : refusal(400, 'GeneralError');
    if (answer === NEVER) return;
    send(request, response, answer);
  }

  function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    const { status, headers = {} } = answer;
    response.statusCode = status;
    for (const [name, value] of Object.entries(headers)) {
      const isLocal = name === 'Location' && value.startsWith('/');
      response.setHeader(
        name,
        isLocal && board.quirk('absolute-location')
          ? `https://${request.headers.host ?? board.address}${value}`
          : value,
      );
    }
    response.setHeader('OData-Version', '4.0');
    response.setHeader('Cache-Control', 'no-store');
    if (status >= 400 && board.quirk('html-errors')) {
      response.setHeader('Content-Type', 'application/xhtml+xml');
      response.end(`<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>${status}</h1></body></html>`);
      return;
    }
    const text = textOf(answer);
    if (text === undefined) {
      response.end();
      return;
    }
    if (!response.hasHeader('Content-Type')) response.setHeader('Content-Type', 'application/json; charset=utf-8');
    response.setHeader('Content-Length', Buffer.byteLength(text));
    if (board.fault('cuts-answers')) {
      response.write(text.slice(0, text.length / 2), () => request.socket.destroy());
      return;
    }
    response.end(request.method === 'HEAD' ? undefined : text);
  }

  function textOf({ status, body, text }: Answer): string | undefined {
    if (status === 204) return undefined;
    if (text !== undefined) return text;
    if (board.fault('malformed')) return '{"@odata.id": ';
    if (!body) return '';
    const error = body['error'];
    if (!board.quirk('extended-info-object') || !isObject(error)) return JSON.stringify(body);
    const [info] = error['@Message.ExtendedInfo'] as readonly unknown[];
    return JSON.stringify({ error: { ...error, '@Message.ExtendedInfo': info } });
  }

  return server;
}

/** Nothing when it is too long. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= BODY_LIMIT) chunks.push(chunk);
  }
  return length > BODY_LIMIT ? undefined : Buffer.concat(chunks).toString('utf8');
}
