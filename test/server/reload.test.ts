import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { knownOf } from '#server/api/tls.ts';
import { operatorCertificate } from '#services/pki/operator-certificate.ts';
import { type Daemon, startDaemon } from '#test/harness/daemon.ts';
import { waitFor } from '#test/lab/wait.ts';
import { openPinned, pinnedFetch, WrongCertificate } from '../../cli/pinned-fetch.ts';
import { rawClient } from './tftp/tftp-client.ts';

const LIMIT_MS = 30_000;
const LOADER = 'ipxe/ipxe.pxe';
const LOADER_BYTES = 24 << 20;
/** The last block is empty. */
const BY_TFTP = 'ipxe/undionly.kpxe';
const TFTP_BLOCKS = 101;
const SUBNET = { cidr: '192.0.2.0/24', pools: ['192.0.2.10-192.0.2.20'] };

describe('SIGHUP', { timeout: 120_000 }, () => {
  let directory = '';
  let daemon: Daemon;
  const file = (): string => join(directory, 'ingot.yaml');
  let original = '';

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ingot-reload-'));
    const loader = join(directory, 'data/loaders', LOADER);
    mkdirSync(join(loader, '..'), { recursive: true });
    writeFileSync(loader, Buffer.alloc(LOADER_BYTES, 'ingot'));
    writeFileSync(join(directory, 'data/loaders', BY_TFTP), Buffer.alloc((TFTP_BLOCKS - 1) * 512, 'ingot'));
    daemon = await startDaemon({ directory });
    original = readFileSync(file(), 'utf8');
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  /** Writes what differs, sends the signal and waits for the line that it is done. */
  async function reload(text: string, wanted: RegExp): Promise<string> {
    const seen = daemon.output().length;
    writeFileSync(file(), text);
    process.kill(daemon.pid, 'SIGHUP');
    const said = () => daemon.output().slice(seen);
    await waitFor(`the daemon to say ${wanted}, it says ${said()}`, () => wanted.test(said()), LIMIT_MS);
    return said();
  }
  const withChanges = (changes: object): string => JSON.stringify({ ...JSON.parse(original), ...changes });
  const subnets = async (): Promise<readonly string[]> => {
    const { items } = await daemon.api<{ items: readonly { cidr: string }[] }>('GET', '/api/v1/subnets');
    return items.map(({ cidr }) => cidr);
  };

  test('changes subnets and the log while a TFTP and an HTTP transfer go on to their ends', async (t) => {
    const client = await rawClient(t);
    await client.request(Number(daemon.ready.tftp.split(':').at(-1)), BY_TFTP);
    let next = await client.next();
    assert.equal(next.packet.kind, 'DATA');
    const asked = get(`${daemon.ready.boot}/${LOADER}`);
    const download = await new Promise<IncomingMessage>((resolve) => asked.once('response', resolve));
    assert.equal(download.statusCode, 200);

    const said = await reload(withChanges({ subnets: [SUBNET], log: { level: 'debug' } }), /reload: changed .*"/);
    assert.match(said, /reload: changed subnets, log/);
    assert.deepEqual(await subnets(), ['192.0.2.0/24']);

    let bytes = 0;
    for await (const part of download) bytes += part instanceof Buffer ? part.length : 0;
    assert.equal(bytes, LOADER_BYTES);
    for (let block = 1; ; next = await client.next()) {
      assert.equal(next.packet.kind, 'DATA');
      // One that we were slow to acknowledge comes twice.
      if (next.packet.kind !== 'DATA' || next.packet.block !== block) continue;
      await client.send({ kind: 'ACK', block }, next.port);
      if (block === TFTP_BLOCKS) break;
      block += 1;
    }
  });

  test('takes a new certificate of the API, and the connections that are open go on', async (t) => {
    const place = await mkdtemp(join(tmpdir(), 'ingot-reload-tls-'));
    t.after(() => rm(place, { recursive: true, force: true }));
    const files = { certificate: join(place, 'api.pem'), key: join(place, 'api.key') };
    const lay = async (): Promise<string> => {
      const { certificate, key } = await operatorCertificate({
        vault: { read: async () => undefined, write: async () => {} },
        now: Date.now,
        names: ['127.0.0.1'],
      });
      writeFileSync(files.certificate, certificate);
      writeFileSync(files.key, key);
      return knownOf(certificate).pin;
    };
    const first = await lay();
    await using secure = await startDaemon({
      directory: place,
      config: { api: { listen: '127.0.0.1:0', tls: files } },
    });
    const { api } = secure.ready;
    const ask = (pin: string) => pinnedFetch({ pin })(`${api}/healthz`);
    assert.equal((await ask(first)).status, 200);
    const { socket } = await openPinned(new URL(api), { pin: first });
    t.after(() => socket.destroy());
    const request = `GET /api/v1/watch HTTP/1.1\r\nhost: ${new URL(api).host}\r\nauthorization: Bearer ${secure.token}\r\n\r\n`;
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.write(request);
    await waitFor('the stream to begin', () => /retry: /.test(heard), LIMIT_MS);

    const second = await lay();
    // One reload after another: when the second begins, the first has ended, certificate included.
    for (const count of [1, 2]) {
      process.kill(secure.pid, 'SIGHUP');
      const done = () => secure.output().split('reload: nothing that changes at runtime').length > count;
      await waitFor(`reload ${count}, it says ${secure.output()}`, done, LIMIT_MS);
    }
    assert.match(secure.output(), /the API has a new certificate/);
    assert.equal((await ask(second)).status, 200);
    await assert.rejects(ask(first), WrongCertificate);
    const headers = { authorization: `Bearer ${secure.token}`, 'content-type': 'application/json' };
    const changed = await pinnedFetch({ pin: second })(`${api}/api/v1/machines/r1-u1`, {
      method: 'PUT',
      headers,
      body: JSON.stringify({ kind: 'Machine', name: 'r1-u1' }),
    });
    assert.ok(changed.ok, await changed.text());
    await waitFor('the stream that was open to tell of it', () => heard.includes('"name":"r1-u1"'), LIMIT_MS);
  });

  test('with a wrong file says where, and changes nothing', async () => {
    const said = await reload('subnets:\n  - { cidr: 192.0.2.0/33 }\n', /reload: nothing was changed/);
    assert.match(said, /ingot\.yaml:2:7: subnets\[0\]\.cidr: got/);
    assert.deepEqual(await subnets(), ['192.0.2.0/24']);
  });

  test('names what only a restart changes', async () => {
    const changed = withChanges({ subnets: [SUBNET], log: { level: 'debug' }, tftp: { listen: '127.0.0.1:1' } });
    assert.match(await reload(changed, /reload: restart the daemon/), /restart the daemon to change tftp\.listen"/);
  });

  test('with an interface that is not there goes on as before', async () => {
    const changed = withChanges({ subnets: [SUBNET], interfaces: [{ name: 'no-such-if0', mode: 'proxy' }] });
    const said = await reload(changed, /reload: nothing was changed: /);
    assert.match(said, /there is no interface no-such-if0/);
    const again = await reload(withChanges({}), /reload: changed /);
    assert.match(again, /reload: changed subnets, log/);
    assert.deepEqual(await subnets(), []);
  });
});
