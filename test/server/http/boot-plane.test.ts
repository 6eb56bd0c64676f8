import assert from 'node:assert/strict';
import { once } from 'node:events';
import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ask, open, parseAnswer, readAll, sendRaw } from './raw-client.ts';
import { ATTEMPT, MAC, startWorld } from './world.ts';

const KERNEL = `/a/${ATTEMPT}/kernel`;
const INITRD = `/a/${ATTEMPT}/initrd-0`;
const SCRIPT = `/a/${ATTEMPT}/boot.ipxe`;
const LOADER = '/ipxe/x86_64/snponly.efi';

describe('the boot plane', () => {
  it('serves a script, a kernel, an initrd and a loader, whole and with their length', async () => {
    await using world = await startWorld();
    const script = await ask(world.port, `GET ${SCRIPT}`);
    assert.equal(script.status, 200);
    assert.match(script.body.toString(), /^#!ipxe\n/);
    for (const [path, bytes] of [
      [KERNEL, world.files.kernel],
      [INITRD, world.files.initrd],
      [LOADER, world.files.snponly],
    ] as const) {
      const { status, headers, body } = await ask(world.port, `GET ${path}`);
      assert.equal(status, 200, path);
      assert.equal(headers.get('content-length'), String(bytes.length), path);
      assert.ok(body.equals(bytes), path);
    }
  });

  it('pads an initrd that another one follows to a multiple of four, and the last one not', async () => {
    for (const padding of [0, 1, 2, 3]) {
      const first = Buffer.alloc(2_000_000 - padding, 'x');
      await using world = await startWorld({ firstInitrd: first, initrdBytes: 1001 });
      const whole = Buffer.concat([first, Buffer.alloc(padding)]);
      const head = await ask(world.port, `HEAD ${INITRD}`);
      const get = await ask(world.port, `GET ${INITRD}`);
      assert.equal(head.headers.get('content-length'), String(whole.length));
      assert.ok(get.body.equals(whole));
      const tail = await ask(world.port, `GET ${INITRD}`, { Range: 'bytes=1999995-' });
      assert.ok(tail.body.equals(whole.subarray(1_999_995)));
      const end = await ask(world.port, `GET ${INITRD}`, { Range: 'bytes=-2' });
      assert.ok(end.body.equals(whole.subarray(-2)));
      const last = await ask(world.port, `GET /a/${ATTEMPT}/initrd-1`);
      assert.ok(last.body.equals(world.files.initrd));
    }
  });

  it('answers HEAD with the same head and nothing else', async () => {
    await using world = await startWorld();
    for (const path of [SCRIPT, KERNEL, LOADER, '/autoexec.ipxe']) {
      const get = await ask(world.port, `GET ${path}`);
      const head = await ask(world.port, `HEAD ${path}`);
      assert.equal(head.status, get.status, path);
      assert.equal(head.body.length, 0, path);
      const without = (headers: ReadonlyMap<string, string>) => [...headers].filter(([name]) => name !== 'date');
      assert.deepEqual(without(head.headers), without(get.headers), path);
      assert.equal(get.headers.get('content-length'), String(get.body.length), path);
      assert.equal(get.headers.has('transfer-encoding'), false, path);
    }
  });

  it('calls a UEFI program what UEFI HTTP Boot takes', async () => {
    await using world = await startWorld();
    assert.equal((await ask(world.port, `HEAD ${LOADER}`)).headers.get('content-type'), 'application/efi');
  });

  it('does what EDK2 does: HEAD, GET, and after a break Range with If-Match', async () => {
    await using world = await startWorld();
    const agent = { 'User-Agent': 'UefiHttpBoot/1.0', Host: '127.0.0.1' };
    const head = await ask(world.port, `HEAD ${LOADER}`, agent);
    const etag = head.headers.get('etag') ?? '';
    const half = Math.floor(world.files.snponly.length / 2);
    const rest = await ask(world.port, `GET ${LOADER}`, { ...agent, Range: `bytes=${half}-`, 'If-Match': etag });
    assert.equal(rest.status, 206);
    assert.equal(
      rest.headers.get('content-range'),
      `bytes ${half}-${world.files.snponly.length - 1}/${world.files.snponly.length}`,
    );
    assert.ok(rest.body.equals(world.files.snponly.subarray(half)));
    const date = head.headers.get('last-modified') ?? '';
    const byDate = await ask(world.port, `GET ${LOADER}`, { Range: `bytes=${half}-`, 'If-Unmodified-Since': date });
    assert.equal(byDate.status, 206);
  });

  it('does not resume a file that became another one', async () => {
    await using world = await startWorld();
    const etag = (await ask(world.port, `HEAD ${KERNEL}`)).headers.get('etag') ?? '';
    await writeFile(join(world.directory, 'vmlinuz'), 'another kernel');
    assert.equal((await ask(world.port, `GET ${KERNEL}`, { Range: 'bytes=1-', 'If-Match': etag })).status, 412);
    const whole = await ask(world.port, `GET ${KERNEL}`, { Range: 'bytes=1-', 'If-Range': etag });
    assert.equal(whole.status, 200);
    assert.equal(whole.body.toString(), 'another kernel');
  });

  it('tells a file that was replaced by one of the same size and date', async () => {
    await using world = await startWorld();
    const path = join(world.directory, 'vmlinuz');
    const date = new Date(1e12);
    await utimes(path, date, date);
    const before = (await ask(world.port, `HEAD ${KERNEL}`)).headers.get('etag');
    const { rename } = await import('node:fs/promises');
    await writeFile(`${path}.new`, Buffer.alloc(world.files.kernel.length));
    await utimes(`${path}.new`, date, date);
    await rename(`${path}.new`, path);
    assert.notEqual((await ask(world.port, `HEAD ${KERNEL}`)).headers.get('etag'), before);
  });

  it('answers ranges, and refuses those beyond the end', async () => {
    await using world = await startWorld();
    const { kernel } = world.files;
    const chunk = 1 << 20;
    for (const [start, last] of [
      [0, 0],
      [chunk - 1, chunk],
      [chunk, 2 * chunk - 1],
      [5, kernel.length - 1],
    ] as const) {
      const { status, body } = await ask(world.port, `GET ${KERNEL}`, { Range: `bytes=${start}-${last}` });
      assert.equal(status, 206);
      assert.ok(body.equals(kernel.subarray(start, last + 1)), `${start}-${last}`);
    }
    const beyond = await ask(world.port, `GET ${KERNEL}`, { Range: `bytes=${kernel.length}-` });
    assert.equal(beyond.status, 416);
    assert.equal(beyond.headers.get('content-range'), `bytes */${kernel.length}`);
  });

  it('serves a path with slashes too many, without a redirect', async () => {
    await using world = await startWorld();
    for (const path of [
      `/${KERNEL}`,
      KERNEL.replaceAll('/', '//'),
      `http://anything:1${KERNEL}`,
      KERNEL.replace('k', '%6b'),
    ]) {
      assert.equal((await ask(world.port, `HEAD ${path}`)).status, 200, path);
    }
  });

  it('answers 404 at once for what is not there, and never leaves its names', async () => {
    await using world = await startWorld();
    for (const path of [
      '/autoexec.ipxe',
      '/ipxe/x86_64/autoexec.ipxe',
      '/ipxe/../../etc/passwd',
      '/ipxe/%2e%2e/%2e%2e/etc/passwd',
      '/..%2f..%2fetc%2fpasswd',
      '/%00',
      '/%zz',
      '*',
      '/ipxe/undionly.kpxe',
    ]) {
      const { status, headers, body } = await ask(world.port, `GET ${path}`);
      assert.equal(status, 404, path);
      assert.equal(headers.get('content-length'), String(body.length));
      assert.ok(body.length > 0, 'an empty answer could be taken for an empty file');
    }
  });

  it('takes GET and HEAD only', async () => {
    await using world = await startWorld();
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND']) {
      const { status, headers } = await ask(world.port, `${method} ${KERNEL}`, { 'Content-Length': '0' });
      assert.equal(status, 405, method);
      assert.equal(headers.get('allow'), 'GET, HEAD', method);
    }
  });

  it('refuses what is no request, and goes on', async () => {
    await using world = await startWorld({ limits: { headerBytes: 4096 } });
    const refused = async (request: string | Buffer) => parseAnswer(await sendRaw(world.port, request)).status;
    assert.equal(await refused(`GET ${KERNEL} HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(8192)}\r\n\r\n`), 431);
    assert.equal(await refused(`GET /\u00e9 HTTP/1.1\r\nHost: x\r\n\r\n`), 400);
    assert.equal(await refused('hello\r\n\r\n'), 400);
    assert.equal(await refused(`GET ${KERNEL} HTTP/9.9\r\n\r\n`), 400);
    assert.equal(await refused(Buffer.from([0x16, 3, 1, 0, 200, 1])), 400, 'TLS');
    assert.equal(
      await refused(`GET ${KERNEL} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`),
      400,
    );
    assert.equal((await ask(world.port, `HEAD ${KERNEL}`)).status, 200);
  });

  it('does not read the body that somebody sends with a GET', async () => {
    await using world = await startWorld();
    const { status, headers } = await ask(world.port, `GET ${SCRIPT}`, {
      'Content-Length': '5',
      Connection: 'keep-alive',
    });
    assert.equal(status, 200);
    assert.equal(headers.get('connection'), 'close');
  });

  it('never reflects the Host header', async () => {
    await using world = await startWorld();
    const { body } = await ask(world.port, `GET ${SCRIPT}`, { Host: 'evil.example:1' });
    assert.doesNotMatch(body.toString(), /evil/);
    assert.match(body.toString(), new RegExp(`http://127\\.0\\.0\\.1:${world.port}/a/${ATTEMPT}/kernel`));
  });

  it('names the advertised URL where one is configured', async () => {
    await using world = await startWorld({ advertise: () => 'http://boot.example:8080' });
    const { body } = await ask(world.port, `GET ${SCRIPT}`);
    assert.match(body.toString(), /^kernel http:\/\/boot\.example:8080\/a\//m);
  });

  it('speaks HTTP/1.0 to those who know no other, without chunks', async () => {
    await using world = await startWorld();
    const answer = parseAnswer(await sendRaw(world.port, `GET ${LOADER} HTTP/1.0\r\n\r\n`));
    assert.equal(answer.status, 200);
    assert.ok(answer.body.equals(world.files.snponly));
  });

  it('answers requests sent ahead in their order', async () => {
    await using world = await startWorld();
    const request = (path: string, close: boolean) =>
      `GET ${path} HTTP/1.1\r\nHost: x\r\n${close ? 'Connection: close\r\n' : ''}\r\n`;
    const bytes = await sendRaw(world.port, request(KERNEL, false) + request(INITRD, false) + request(LOADER, true));
    const first = parseAnswer(bytes);
    const second = parseAnswer(first.body.subarray(world.files.kernel.length));
    const third = parseAnswer(second.body.subarray(world.files.initrd.length));
    assert.ok(first.body.subarray(0, world.files.kernel.length).equals(world.files.kernel));
    assert.ok(second.body.subarray(0, world.files.initrd.length).equals(world.files.initrd));
    assert.ok(third.body.equals(world.files.snponly));
  });
});

describe('clients of the boot plane that do not behave', () => {
  it('one that reads nothing is left after a while, and its memory is free again', async () => {
    await using world = await startWorld({
      limits: { idleMs: 200 },
      initrdBytes: 64 << 20,
      chunks: { maxBytes: 4 << 20 },
    });
    const socket = await open(world.port);
    socket.pause();
    socket.write(`GET ${INITRD} HTTP/1.1\r\nHost: x\r\n\r\n`);
    const sent = await world.event('http-sent', ({ path }) => path === INITRD);
    assert.ok(sent.bytes < sent.size, 'it did not get all');
    socket.destroy();
    const after = await ask(world.port, `GET ${KERNEL}`);
    assert.ok(after.body.equals(world.files.kernel));
    assert.ok(world.parts.chunks.bytesHeld() <= 4 << 20);
  });

  it('one that vanishes in the middle is told in the trace with what it got', async () => {
    await using world = await startWorld({ initrdBytes: 64 << 20 });
    const socket = await open(world.port);
    socket.write(`GET ${INITRD} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(socket, 'data');
    socket.resetAndDestroy();
    const { bytes, size, status } = await world.event('http-sent', ({ path }) => path === INITRD);
    assert.equal(status, 200);
    assert.ok(bytes < size);
    assert.equal(size, 64 << 20);
  });

  it('one that vanishes before its answer costs nothing', async () => {
    await using world = await startWorld();
    for (let index = 0; index < 50; index++) {
      const socket = await open(world.port);
      socket.write(`GET ${KERNEL} HTTP/1.1\r\nHost: x\r\n\r\n`);
      socket.resetAndDestroy();
    }
    assert.ok((await ask(world.port, `GET ${KERNEL}`)).body.equals(world.files.kernel));
  });

  it('one that never ends its request is left', async () => {
    await using world = await startWorld({ limits: { requestMs: 200 } });
    const socket = await open(world.port);
    socket.write('GET /a HTTP/1.1\r\nHost:');
    const bytes = await readAll(socket);
    assert.equal(parseAnswer(bytes).status, 408);
  });

  it('one that says nothing at all is left', async () => {
    await using world = await startWorld({ limits: { idleMs: 200, requestMs: 200 } });
    await readAll(await open(world.port));
  });

  it('more connections than allowed are closed, and those that are open go on', async () => {
    await using world = await startWorld({ limits: { connectionsPerPeer: 2 } });
    const first = await open(world.port);
    const second = await open(world.port);
    assert.equal((await readAll(await open(world.port))).length, 0);
    second.destroy();
    await once(second, 'close');
    first.write(`GET ${LOADER} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    assert.ok(parseAnswer(await readAll(first)).body.equals(world.files.snponly));
  });

  it('one that sends a thousand requests ahead holds one chunk', async () => {
    await using world = await startWorld({ initrdBytes: 64 << 20, chunks: { maxBytes: 8 << 20 } });
    const socket = await open(world.port);
    socket.pause();
    const ahead = Array.from(
      { length: 1000 },
      (_, index) => `GET ${INITRD} HTTP/1.1\r\nHost: x\r\nRange: bytes=${(index % 64) << 20}-\r\n\r\n`,
    );
    socket.write(ahead.join(''));
    await world.event('http-asked', ({ path }) => path === INITRD);
    // Another client has been served whole meanwhile, so the thousand have had their turn to ask for memory.
    assert.ok((await ask(world.port, `GET ${KERNEL}`)).body.equals(world.files.kernel));
    assert.ok(world.parts.chunks.chunkReads() < 40, `${world.parts.chunks.chunkReads()} chunks were read`);
    socket.destroy();
  });
});

describe('memory of the boot plane', () => {
  it('a file that many want at once is read once', async () => {
    await using world = await startWorld();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(world.port, `GET ${INITRD}`)));
    for (const { body } of answers) assert.ok(body.equals(world.files.initrd));
    assert.equal(world.parts.chunks.chunkReads(), 5, 'its five chunks');
    assert.equal(world.parts.chunks.bytesHeld(), world.files.initrd.length);
  });

  it('a file larger than the bound is served whole to many, and the bound holds', async () => {
    const maxBytes = 2 << 20;
    await using world = await startWorld({ initrdBytes: 12 << 20, chunks: { maxBytes } });
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, world.parts.chunks.bytesHeld())), 1);
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(world.port, `GET ${INITRD}`)));
    clearInterval(watch);
    for (const { body } of answers) assert.ok(body.equals(world.files.initrd));
    assert.ok(most > 0 && most <= maxBytes, `${most} bytes were held`);
  });

  it('where no chunk fits at all, everybody is served in small pieces', async () => {
    await using world = await startWorld({ chunks: { maxBytes: 0 } });
    assert.ok((await ask(world.port, `GET ${KERNEL}`)).body.equals(world.files.kernel));
    assert.equal(world.parts.chunks.bytesHeld(), 0);
  });

  it('a file that changes while it is sent is broken off rather than mixed', async () => {
    await using world = await startWorld({ initrdBytes: 64 << 20, chunks: { maxBytes: 4 << 20 } });
    const socket = await open(world.port);
    socket.write(`GET ${INITRD} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(socket, 'data');
    socket.pause();
    await writeFile(join(world.directory, 'initrd.zst'), Buffer.alloc(64 << 20));
    socket.resume();
    await readAll(socket);
    const { bytes, size } = await world.event('http-sent', ({ path }) => path === INITRD);
    assert.ok(bytes < size);
  });
});

describe('what the boot plane tells', () => {
  it('a script and its files, with who asked', async () => {
    await using world = await startWorld();
    await ask(world.port, `GET ${SCRIPT}`, { 'User-Agent': 'iPXE/1.0.0+' });
    const rendered = await world.event('script-rendered');
    assert.equal(rendered.situation, 'kernel');
    const sent = await world.event('http-sent');
    assert.deepEqual(
      { ...sent, ms: 0 },
      {
        kind: 'http-sent',
        method: 'GET',
        path: SCRIPT,
        role: 'script',
        status: 200,
        bytes: rendered.bytes,
        size: rendered.bytes,
        ms: 0,
        userAgent: 'iPXE/1.0.0+',
      },
    );
    assert.equal(world.events.at(-1)?.attempt, ATTEMPT);
  });

  it('what iPXE claims about its machine becomes facts', async () => {
    await using world = await startWorld();
    const claims = `uuid=12345678-1234-5678-9abc-def012345678&serial=S%204&manufacturer=Dell&product=R650&asset=A1&platform=efi&busid=01`;
    await ask(world.port, `GET ${KERNEL}?${claims}`);
    assert.deepEqual(world.sightings.at(-1), {
      mac: MAC,
      uuid: '12345678-1234-5678-9abc-def012345678',
      serial: 'S 4',
      facts: { firmware: 'uefi', manufacturer: 'Dell', product: 'R650', asset: 'A1', 'nic.busid': '01' },
      source: 'ipxe',
      at: world.sightings.at(-1)?.at,
    });
  });

  it('HEAD only looks: nothing is rendered, claimed or spent', async () => {
    await using world = await startWorld({ grant: true });
    for (const path of [`${SCRIPT}?serial=1`, `${KERNEL}?serial=1`, INITRD]) await ask(world.port, `HEAD ${path}`);
    assert.deepEqual(world.sightings, []);
    assert.deepEqual(new Set(world.events.map(({ body }) => body.kind)), new Set(['http-sent']));
    assert.equal(world.grant()?.attempt, undefined);
    assert.equal(world.grant()?.spentAt, undefined);
  });

  it('iPXE tells what failed', async () => {
    await using world = await startWorld();
    const { status, body } = await ask(world.port, `GET /a/${ATTEMPT}/failed?what=initrd-0&errno=0x2d0c613b`);
    assert.equal(status, 200);
    assert.ok(body.length > 0);
    const { text, source } = await world.event('log');
    assert.equal(source, 'ipxe');
    assert.equal(text, 'iPXE could not boot initrd-0: error 0x2d0c613b');
  });
});

describe('grants', () => {
  it('a machine without one gets its own disk, and no kernel with the reason in the trace', async () => {
    await using world = await startWorld({ grant: false });
    const script = await ask(world.port, `GET ${SCRIPT}`);
    assert.match(script.body.toString(), /boots from its own disk/);
    const kernel = await ask(world.port, `GET ${KERNEL}`);
    assert.equal(kernel.status, 404);
    const { because } = await world.event('http-sent', ({ path }) => path === KERNEL);
    assert.match(because ?? '', /under a grant, and r1-u12 has none/);
  });

  it('is spent when kernel and last initrd have been sent whole', async () => {
    await using world = await startWorld({ grant: true });
    await ask(world.port, `GET ${SCRIPT}`);
    assert.equal(world.grant()?.attempt, ATTEMPT);
    await ask(world.port, `GET ${KERNEL}`);
    await world.event('http-sent', ({ path }) => path === KERNEL);
    assert.equal(world.grant()?.spentAt, undefined);
    await ask(world.port, `GET ${INITRD}`);
    await world.event('grant-spent');
    assert.notEqual(world.grant()?.spentAt, undefined);
    assert.equal((await ask(world.port, `GET ${KERNEL}`)).status, 200, 'the same attempt may fetch again');
    assert.equal(world.events.filter(({ body }) => body.kind === 'grant-spent').length, 1);
  });

  it('is spent by a download that broke off and was resumed', async () => {
    await using world = await startWorld({ grant: true });
    await ask(world.port, `GET ${KERNEL}`, { Range: 'bytes=0-1000' });
    await ask(world.port, `GET ${INITRD}`);
    await world.event('http-sent', ({ path }) => path === INITRD);
    assert.equal(world.grant()?.spentAt, undefined);
    await ask(world.port, `GET ${KERNEL}`, { Range: 'bytes=1001-' });
    await world.event('grant-spent');
  });

  it('of a script with nothing of ours to fetch is spent when the script was sent', async () => {
    await using world = await startWorld({ grant: true, profile: { os: 'chain', url: 'http://192.0.2.9/x' } });
    await ask(world.port, `GET ${SCRIPT}`);
    await world.event('grant-spent');
  });
});

describe('a script asked for by hand', () => {
  it('begins an attempt for the MAC, and what it names is served', async () => {
    await using world = await startWorld();
    const { status, body } = await ask(world.port, `GET /boot.ipxe?mac=${MAC}&platform=pcbios`);
    assert.equal(status, 200);
    const kernel = /^kernel http:\/\/[^/]+(\/a\/[A-Za-z0-9_-]{22}\/kernel)\?/m.exec(body.toString())?.[1] ?? '';
    assert.ok((await ask(world.port, `GET ${kernel}`)).body.equals(world.files.kernel));
    assert.doesNotMatch(body.toString(), / initrd=/, 'BIOS, as iPXE said');
    const { bytes } = await world.event('script-rendered');
    assert.equal(bytes, body.length, 'the trace has the length of what was sent');
  });

  it('needs a MAC that can be a machine’s', async () => {
    await using world = await startWorld();
    for (const mac of ['', '00:00:00:00:00:00', 'ff:ff:ff:ff:ff:ff', 'x', '..%2f']) {
      assert.equal((await ask(world.port, `GET /boot.ipxe?mac=${mac}`)).status, 404, mac);
    }
    assert.deepEqual(world.sightings, []);
  });

  it('is what a machine gets whose attempt is long forgotten', async () => {
    await using world = await startWorld();
    const forgotten = 'Z'.repeat(22);
    assert.equal((await ask(world.port, `GET /a/${forgotten}/boot.ipxe`)).status, 404);
    const { status, body } = await ask(world.port, `GET /a/${forgotten}/boot.ipxe?mac=${MAC}`);
    assert.equal(status, 200);
    assert.doesNotMatch(body.toString(), new RegExp(forgotten));
  });
});
