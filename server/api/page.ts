import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Access } from '#services/auth/access.ts';
import { sessionCookie } from './decide/host.ts';
import { SECURITY_HEADERS } from './guard.ts';

const FOLDER = new URL('page/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  mjs: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/** The status page and the door before it. Files are read once; a missing one is a broken installation. */
export type Page = {
  readonly index: string;
  file(name: string): { readonly bytes: Uint8Array; readonly contentType: string } | undefined;
  /** For a browser that is not let in: takes a one-time code, or says where to get one. */
  door(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
};

const FILES = [
  'page.css',
  'icon.svg',
  'main.mjs',
  'api.mjs',
  'dom.mjs',
  'empty-state.mjs',
  'event-text.mjs',
  'machine-row.mjs',
  'machine-state.mjs',
  'timeline.mjs',
] as const;

export async function openPage(access: Access): Promise<Page> {
  const read = (name: string) => readFile(new URL(name, FOLDER));
  const [index, door, ...contents] = await Promise.all([read('index.html'), read('door.html'), ...FILES.map(read)]);
  const files = new Map(FILES.map((name, at) => [name as string, contents[at] ?? Buffer.alloc(0)]));
  const doorText = door.toString('utf8');
  const style = /<style>([\s\S]*?)<\/style>/.exec(doorText)?.[1] ?? '';
  // The door stands outside, where no file of the page is served: its style is inside it, allowed by its digest.
  const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`;

  return {
    index: index.toString('utf8'),
    file(name) {
      const bytes = files.get(name);
      return bytes && { bytes, contentType: TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream' };
    },
    async door(request, reply) {
      const { code } = request.query as { code?: unknown };
      // A browser that loads an address ahead of its reader must not use the code up.
      const ahead = /prefetch|prerender/.test(
        String(request.headers['sec-purpose'] ?? request.headers['purpose'] ?? ''),
      );
      const session = typeof code === 'string' && !ahead ? await access.exchange(code) : undefined;
      if (session) {
        const maxAge = Math.floor(((session.key.expiresAt ?? 0) - session.key.createdAt) / 1000);
        return reply
          .setCookie(sessionCookie(request.headers.host), session.secret, {
            path: '/',
            httpOnly: true,
            sameSite: 'strict',
            secure: request.protocol === 'https',
            maxAge,
          })
          .redirect('/', 303);
      }
      return reply
        .code(401)
        .headers({ ...SECURITY_HEADERS, 'content-security-policy': policy })
        .type('text/html; charset=utf-8')
        .send(doorText.replace('data-reason=""', `data-reason="${code === undefined ? 'none' : 'used'}"`));
    },
  };
}
