import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Access } from '#services/auth/access.ts';
import { cookieName, cookieRules } from './decide/host.ts';
import { SECURITY_HEADERS } from './guard.ts';

const DOOR = new URL('page/door.html', import.meta.url);
const DEFAULT_FOLDER = fileURLToPath(new URL('../../web/dist', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};
/** Vite's build writes it where a page may say its nonce. */
const NONCE = /csp-nonce(?=["'])(?<!property="csp-nonce)/g;
const MIN_ZIPPED = 1024;
const zip = promisify(gzip);

export type PageFile = {
  readonly bytes: Uint8Array;
  /** The same by gzip, where that is worth it; made when it is first asked for. */
  zipped(): Promise<Uint8Array | undefined>;
  readonly contentType: string;
};

/** The page, as web/dist has it, and the door before it. Files are read once, and again when they were built anew. */
export type Page = {
  /** The page at any of its addresses, with a policy of its own; or how to build it. */
  send(reply: FastifyReply): Promise<FastifyReply>;
  file(name: string): PageFile | undefined;
  /** For a browser that is not let in: takes a one-time code, or says where to get one. */
  door(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
};

export async function openPage(access: Access, folder: string = DEFAULT_FOLDER): Promise<Page> {
  const built = builtPage(folder);
  await built.read();
  const doorText = await readFile(DOOR, 'utf8');
  // The door stands outside, where no file of the page is served: its style and its script are inside it, allowed by
  // their digests.
  const policy = `default-src 'none'; style-src ${digestOf(doorText, 'style')}; script-src ${digestOf(doorText, 'script')}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;

  return {
    async send(reply) {
      const index = await built.read();
      if (index === undefined) return reply.code(503).type('text/plain; charset=utf-8').send(NOT_BUILT);
      // Mantine and xterm write style sheets of their own: they carry the nonce, and no other has it.
      const nonce = randomBytes(16).toString('base64');
      return reply
        .header(
          'content-security-policy',
          SECURITY_HEADERS['content-security-policy'].replace("style-src 'self'", `style-src 'self' 'nonce-${nonce}'`),
        )
        .type('text/html; charset=utf-8')
        .send(index.replace(NONCE, nonce));
    },
    file: (name) => built.files.get(name),
    async door(request, reply) {
      const { code } = request.query as { code?: unknown };
      const { 'sec-purpose': purpose, 'sec-fetch-site': site = 'none' } = request.headers;
      // A browser that loads an address ahead of its reader must not use the code up.
      const ahead = /prefetch|prerender/.test(String(purpose ?? request.headers['purpose'] ?? ''));
      // By a link on another site's page somebody would be let in as who wrote the link, and not know it.
      const led = site !== 'none' && site !== 'same-origin';
      const session = typeof code === 'string' && !ahead && !led ? await access.exchange(code) : undefined;
      if (session) {
        const maxAge = Math.floor(((session.key.expiresAt ?? 0) - session.key.createdAt) / 1000);
        return reply
          .setCookie(cookieName('session', request), session.secret, {
            ...cookieRules(request),
            sameSite: 'strict',
            maxAge,
          })
          .redirect('/', 303);
      }
      return reply
        .code(401)
        .headers({ ...SECURITY_HEADERS, 'content-security-policy': policy })
        .type('text/html; charset=utf-8')
        .send(
          doorText.replace('data-reason=""', `data-reason="${code === undefined ? 'none' : led ? 'led' : 'used'}"`),
        );
    },
  };
}

/** Of what stands in an element of a page, as its policy names it. */
function digestOf(text: string, element: 'style' | 'script'): string {
  const inside = new RegExp(`<${element}[^>]*>([^]*?)</${element}>`).exec(text)?.[1] ?? '';
  return `'sha256-${createHash('sha256').update(inside).digest('base64')}'`;
}

const NOT_BUILT = `The page is not built.

In a checkout: npm run web:build, then load this again. npm start builds it by itself.
Everything works without it: ingot machine list
`;

/** What lies in the folder of the page now. In a checkout it is built anew while the daemon runs. */
function builtPage(folder: string) {
  const files = new Map<string, PageFile>();
  let index: string | undefined;
  let readAt = 0;

  async function readFiles(): Promise<void> {
    for (const name of await readdir(folder)) {
      const contentType = TYPES[name.split('.').at(-1) ?? ''];
      if (contentType === undefined || files.has(name)) continue;
      const bytes = await readFile(join(folder, name));
      let made: Promise<Uint8Array | undefined> | undefined;
      const zipped = () => (made ??= bytes.length < MIN_ZIPPED ? Promise.resolve(undefined) : zip(bytes));
      files.set(name, { bytes, zipped, contentType });
    }
  }

  return {
    files,
    /** The page’s own text; nothing while it is not built. */
    async read(): Promise<string | undefined> {
      try {
        const { mtimeMs } = await stat(join(folder, 'index.html'));
        if (mtimeMs !== readAt) {
          index = await readFile(join(folder, 'index.html'), 'utf8');
          await readFiles();
          readAt = mtimeMs;
        }
        return index;
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return index;
        throw error;
      }
    },
  };
}
