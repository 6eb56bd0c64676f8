import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DOWNLOAD_LIMITS, downloads, type Mirror, type Remote } from '#services/images/downloads.ts';
import { readRecord } from '#services/images/records.ts';
import { vendor } from './vendor.ts';

const FILE = Buffer.alloc(300_000, 'kernel');
const SHA256 = createHash('sha256').update(FILE).digest('hex');
const LIMITS = { ...DOWNLOAD_LIMITS, retryMs: [1] };

/** A server whose answers the test decides, and a directory; `requests` are their Range headers. */
async function place(answer: (request: http.IncomingMessage, response: http.ServerResponse, number: number) => void) {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-images-'));
  const ranges: (string | undefined)[] = [];
  const server = http.createServer((request, response) => {
    ranges.push(request.headers.range);
    answer(request, response, ranges.length);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/vmlinuz`;
  const said: string[] = [];
  const log = {
    info: (about: unknown) => void said.push(JSON.stringify(about)),
    warn: (about: unknown) => void said.push(JSON.stringify(about)),
  };
  return {
    dir,
    url,
    ranges,
    said,
    log,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await rm(dir, { recursive: true });
    },
  };
}

const whole = (_request: http.IncomingMessage, response: http.ServerResponse) => {
  response.writeHead(200, { 'content-length': FILE.length });
  response.end(FILE);
};

/** Asks until the file is here or `fits` says that this state was waited for. */
async function until(
  ask: () => Promise<{ readonly kind: string }>,
  fits: (state: { readonly kind: string }) => boolean,
): Promise<{ readonly kind: string }> {
  for (;;) {
    const state = await ask();
    if (fits(state)) return state;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('downloads of images', () => {
  it('come through redirects, and from no link-local address, named or redirected to', async () => {
    const inside = [
      'http://169.254.169.254/latest/meta-data/',
      'http://[fe80::1]/x',
      'http://[::ffff:169.254.169.254]/x',
      'http://[fd00:ec2::254]/x',
      'http://0xa9fea9fe/x',
    ];
    await using at = await place((request, response) => {
      const to = new URL(request.url ?? '', at.url).searchParams.get('to');
      if (to === null) return whole(request, response);
      return response.writeHead(302, { location: to === 'round' ? '?to=round' : to }).end();
    });
    await using files = downloads({ dir: at.dir, log: at.log, limits: { ...LIMITS, retryMs: [3_600_000] } });
    const stateOf = (url: string) =>
      until(
        () => files.want({ url }),
        ({ kind }) => kind === 'here' || kind === 'failed',
      );
    assert.equal((await stateOf(`${at.url}?to=${encodeURIComponent('/vmlinuz')}`)).kind, 'here');
    for (const url of inside.flatMap((one) => [one, `${at.url}?to=${encodeURIComponent(one)}`])) {
      const state = await stateOf(url);
      assert.match(JSON.stringify(state), /is the link-local address .*, from which no image comes/, url);
    }
    assert.match(JSON.stringify(await stateOf(`${at.url}?to=${encodeURIComponent('file:///etc/passwd')}`)), /no HTTP/);
    assert.match(JSON.stringify(await stateOf(`${at.url}?to=round`)), /redirects more than 10 times/);
  });

  it('a file is fetched once, checked, and kept under its digest', async () => {
    await using at = await place(whole);
    await using files = downloads({ dir: at.dir, log: at.log, limits: LIMITS });
    const remote = { url: at.url, sha256: SHA256 };
    assert.deepEqual(await files.want(remote), { kind: 'waiting' });
    await Promise.all([files.want(remote), files.want(remote)]);
    const here = await until(
      () => files.want(remote),
      ({ kind }) => kind === 'here',
    );
    assert.deepEqual(here, { kind: 'here', path: join(at.dir, SHA256) });
    assert.deepEqual(await readFile(join(at.dir, SHA256)), FILE);
    assert.equal(at.ranges.length, 1);
    assert.deepEqual(await readdir(join(at.dir, 'parts')), []);
    await using again = downloads({ dir: at.dir, log: at.log, limits: LIMITS });
    assert.equal((await again.want(remote)).kind, 'here', 'after a restart it is still here');
  });

  it('a file without a named digest is fetched once too', async () => {
    await using at = await place(whole);
    const remote = { url: at.url, sha256: undefined };
    {
      await using files = downloads({ dir: at.dir, log: at.log, limits: LIMITS });
      await until(
        () => files.want(remote),
        ({ kind }) => kind === 'here',
      );
    }
    await using again = downloads({ dir: at.dir, log: at.log, limits: LIMITS });
    assert.deepEqual(await again.want(remote), { kind: 'here', path: join(at.dir, SHA256) });
    assert.equal(at.ranges.length, 1);
  });

  it('a download that broke off is gone on with where it ended', async () => {
    await using at = await place((request, response, number) => {
      if (number === 1) {
        response.writeHead(200, { 'content-length': FILE.length });
        response.write(FILE.subarray(0, 100_000), () => response.destroy());
        return;
      }
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { 'content-length': FILE.length - from });
      response.end(FILE.subarray(from));
    });
    await using files = downloads({ dir: at.dir, log: at.log, limits: LIMITS });
    await until(
      () => files.want({ url: at.url, sha256: SHA256 }),
      ({ kind }) => kind === 'here',
    );
    assert.deepEqual(await readFile(join(at.dir, SHA256)), FILE);
    assert.match(String(at.ranges[1]), /^bytes=\d+-$/);
  });

  it('a server that cannot resume is asked for the whole again', async () => {
    await using at = await place((_request, response, number) => {
      response.writeHead(200, { 'content-length': FILE.length });
      if (number === 1) response.write(FILE.subarray(0, 100_000), () => response.destroy());
      else response.end(FILE);
    });
    await using files = downloads({ dir: at.dir, log: at.log, limits: LIMITS });
    await until(
      () => files.want({ url: at.url, sha256: SHA256 }),
      ({ kind }) => kind === 'here',
    );
    assert.deepEqual(await readFile(join(at.dir, SHA256)), FILE);
  });

  it('a file with another digest is thrown away, and the reason says both digests', async () => {
    await using at = await place((_request, response) => response.end('something else'));
    await using files = downloads({ dir: at.dir, log: at.log, limits: { ...LIMITS, retryMs: [600_000] } });
    const state = await until(
      () => files.want({ url: at.url, sha256: SHA256 }),
      ({ kind }) => kind === 'failed',
    );
    assert.match(JSON.stringify(state), new RegExp(`it has sha256 [0-9a-f]{64}, the image says ${SHA256}`));
    assert.deepEqual((await readdir(at.dir)).toSorted(), ['by-url', 'parts']);
    assert.deepEqual(await readdir(join(at.dir, 'parts')), []);
  });

  const failures: readonly {
    readonly name: string;
    readonly answer: Parameters<typeof place>[0];
    readonly want: RegExp;
    readonly limits?: Partial<typeof LIMITS>;
  }[] = [
    {
      name: 'a refusal',
      answer: (_request, response) => response.writeHead(404).end(),
      want: /the server answered 404/,
    },
    { name: 'a closed connection', answer: (request) => request.socket.destroy(), want: /fetch failed: / },
    {
      name: 'a file larger than allowed',
      answer: whole,
      limits: { bytes: 1000 },
      want: /it has 300000 bytes, more than allowed/,
    },
    {
      name: 'a file larger than allowed, without a length',
      answer: (_request, response) => void response.write(FILE),
      limits: { bytes: 1000 },
      want: /it has more than 1000 bytes/,
    },
    { name: 'a server that says nothing', answer: () => {}, limits: { idleMs: 20 }, want: /nothing came for 0.02 s/ },
  ];
  for (const { name, answer, want, limits } of failures) {
    it(`${name} is a reason, not an exception`, async () => {
      await using at = await place(answer);
      await using files = downloads({
        dir: at.dir,
        log: at.log,
        limits: { ...LIMITS, retryMs: [600_000], ...limits },
      });
      const state = await until(
        () => files.want({ url: at.url, sha256: SHA256 }),
        ({ kind }) => kind === 'failed',
      );
      assert.match(JSON.stringify(state), want);
    });
  }

  it('only so many run at once', async () => {
    let open = 0;
    let most = 0;
    await using at = await place((_request, response) => {
      open++;
      most = Math.max(most, open);
      setImmediate(() => {
        open--;
        response.end('x');
      });
    });
    await using files = downloads({ dir: at.dir, log: at.log, limits: { ...LIMITS, atOnce: 2 } });
    const remotes = Array.from({ length: 8 }, (_, index) => ({ url: `${at.url}?${index}`, sha256: undefined }));
    await Promise.all(
      remotes.map((remote) =>
        until(
          () => files.want(remote),
          ({ kind }) => kind === 'here',
        ),
      ),
    );
    assert.ok(most <= 2, `${most} at once`);
  });

  it('ends in the middle of a download', async () => {
    const asked = Promise.withResolvers<void>();
    await using at = await place(() => asked.resolve());
    {
      await using files = downloads({ dir: at.dir, log: at.log, limits: LIMITS });
      await files.want({ url: at.url, sha256: SHA256 });
      await asked.promise;
    }
    assert.deepEqual(at.said, [], 'being stopped is no failure');
  });
});

/** A file of a vendor, and what is proven of it as it comes. */
async function proven(
  remote: (url: string) => Remote,
  files: Readonly<Record<string, string>>,
  mirrors: (url: string) => readonly Mirror[] = () => [],
) {
  const dir = await mkdtemp(join(tmpdir(), 'ingot-proven-'));
  const server = await vendor();
  for (const [path, text] of Object.entries({ '/vmlinuz': FILE.toString(), ...files })) {
    server.files.set(path, Buffer.from(text));
  }
  const log = { info() {}, warn() {} };
  const limits = { ...LIMITS, retryMs: [600_000] };
  const fetched = downloads({ dir, log, limits, mirrors: mirrors(server.url), now: () => 7 });
  return {
    dir,
    server,
    refresh: () => fetched.refresh(remote(server.url)),
    state: (of: (url: string) => Remote = remote) =>
      until(
        () => fetched.want(of(server.url)),
        ({ kind }) => kind === 'here' || kind === 'failed',
      ),
    async [Symbol.asyncDispose]() {
      await fetched[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await rm(dir, { recursive: true });
    },
  };
}

const SHA512 = createHash('sha512').update(FILE).digest('hex');
const listed = (url: string): Remote => ({ url: `${url}/vmlinuz`, digests: { url: `${url}/SHA512SUMS` } });

describe('what a download must be proven by', () => {
  for (const [name, remote, files, checked] of [
    [
      'nothing',
      (url) => ({ url: `${url}/vmlinuz` }),
      {},
      /^nothing was known to compare with; kept as it was at the first fetch$/,
    ],
    ['its SHA-512', (url) => ({ url: `${url}/vmlinuz`, sha512: SHA512 }), {}, /^sha512 of the image$/],
    ['a list', listed, { '/SHA512SUMS': `${SHA512}  vmlinuz\n` }, /^sha512 of http:\S+SUMS, which is not signed$/],
  ] satisfies readonly [string, (url: string) => Remote, Record<string, string>, RegExp][]) {
    it(`${name} is kept with the file`, async () => {
      await using at = await proven(remote, files);
      assert.equal((await at.state()).kind, 'here');
      const record = await readRecord(at.dir, SHA256);
      assert.match(record?.checked.join('\n') ?? '', checked);
      assert.equal(record?.at, 7);
    });
  }

  for (const [name, remote, files, why] of [
    [
      'another SHA-512',
      (url) => ({ url: `${url}/vmlinuz`, sha512: '0'.repeat(128) }),
      {},
      /it has sha512 \w+, the image says 0+/,
    ],
    ['another digest in a list', listed, { '/SHA512SUMS': `${'0'.repeat(128)}  vmlinuz\n` }, /SUMS says 0+/],
    ['a list without it', listed, { '/SHA512SUMS': `${SHA512}  other\n` }, /SUMS has no digest of vmlinuz/],
    ['a list that is not there', listed, {}, /SHA512SUMS: the server answered 404/],
    [
      'a signature that proves nothing',
      (url) => ({
        url: `${url}/vmlinuz`,
        signature: { kind: 'minisign', url: `${url}/sig`, key: 'RWQ=' },
      }),
      { '/sig': 'none' },
      /want the line of base64/,
    ],
  ] satisfies readonly [string, (url: string) => Remote, Record<string, string>, RegExp][]) {
    it(`${name} leaves nothing that could be served`, async () => {
      await using at = await proven(remote, files);
      assert.match(JSON.stringify(await at.state()), why);
      const left = await readdir(at.dir);
      assert.ok(!left.some((one) => /^[0-9a-f]{64}$/.test(one)), left.join());
    });
  }

  it('is proven anew when more is demanded of a file that is here', async () => {
    await using at = await proven((url) => ({ url: `${url}/vmlinuz`, sha256: SHA256 }), {});
    assert.equal((await at.state()).kind, 'here');
    const more = await at.state((url) => ({ ...listed(url), sha256: SHA256 }));
    assert.match(JSON.stringify(more), /SHA512SUMS: the server answered 404/);
  });

  it('stays the same by a mirror, which is told', async () => {
    await using at = await proven(
      () => ({ url: 'http://vendor.invalid/d/vmlinuz', digests: { url: 'http://vendor.invalid/d/SHA512SUMS' } }),
      { '/SHA512SUMS': `${SHA512}  vmlinuz\n` },
      (url) => [{ from: 'http://vendor.invalid/d/', to: `${url}/` }],
    );
    assert.equal((await at.state()).kind, 'here');
    const record = await readRecord(at.dir, SHA256);
    assert.match(
      record?.checked.join('\n') ?? '',
      /vendor\.invalid\/d\/SHA512SUMS.*\ncame from the mirror http:\/\/127/,
    );
  });
});

describe('a refresh', () => {
  const newer = `newer ${FILE.toString()}`;
  const digest = (text: string, kind: string): string => createHash(kind).update(text).digest('hex');

  it('by a list fetches what has changed, and keeps the old one until it is proven', async () => {
    await using at = await proven(listed, { '/SHA512SUMS': `${SHA512}  vmlinuz\n` });
    assert.equal((await at.state()).kind, 'here');
    assert.equal(await at.refresh(), 'unchanged');
    assert.deepEqual(at.server.asked, ['/SHA512SUMS', '/vmlinuz', '/SHA512SUMS'], 'the file was not asked for again');
    at.server.files.set('/SHA512SUMS', Buffer.from(`${digest(newer, 'sha512')}  vmlinuz\n`));
    await assert.rejects(at.refresh(), /it has sha512/, 'the list is ahead of the file');
    assert.deepEqual(await at.state(), { kind: 'here', path: join(at.dir, SHA256) });
    at.server.files.set('/vmlinuz', Buffer.from(newer));
    assert.equal(await at.refresh(), 'changed');
    assert.deepEqual(await at.state(), { kind: 'here', path: join(at.dir, digest(newer, 'sha256')) });
    assert.ok((await readdir(at.dir)).includes(SHA256), 'a job may still send the old one');
  });

  it('without a list goes by the mark of the server', async () => {
    await using at = await proven((url) => ({ url: `${url}/vmlinuz` }), {});
    await at.state();
    assert.equal(await at.refresh(), 'unchanged');
    assert.deepEqual(at.server.asked, ['/vmlinuz', 'HEAD /vmlinuz']);
    at.server.files.set('/vmlinuz', Buffer.from(newer));
    assert.equal(await at.refresh(), 'changed');
  });

  it('leaves alone what is named by its digest', async () => {
    await using at = await proven((url) => ({ url: `${url}/vmlinuz`, sha256: SHA256 }), {});
    await at.state();
    at.server.files.clear();
    assert.equal(await at.refresh(), 'not-wanted');
  });
});
