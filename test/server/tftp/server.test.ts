import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';
import { ANY_IPV4 } from '#machines/values/ip-address.ts';
import type { TftpFileRequest } from '#server/tftp/contract.ts';
import { diskFiles } from '#server/tftp/disk-files.ts';
import { tftpServer } from '#server/tftp/server.ts';
import { decodeTftp } from '#server/tftp/wire/packet.ts';
import { runningTftp, sampleBytes } from './running-server.ts';
import { fetchFile, rawClient } from './tftp-client.ts';

for (const singlePort of [false, true]) {
  describe(singlePort ? 'from a single port' : 'from a port per transfer', { timeout: 20_000 }, () => {
    for (const size of [0, 1, 511, 512, 513, 1024, 100_000]) {
      for (const options of [{}, { blksize: 1428, tsize: 0 }, { blksize: 512, windowsize: 4 }]) {
        test(`${size} bytes arrive whole with ${JSON.stringify(options)}`, async (t) => {
          const file = sampleBytes(size);
          const server = await runningTftp(t, { files: { file }, singlePort });
          const { bytes } = await fetchFile(t, { port: server.port, filename: 'file', options });
          assert.ok(bytes.equals(file));
          const sent = await server.event('sent');
          assert.deepEqual([sent.bytes, sent.retransmits, sent.name], [size, 0, 'file']);
        });
      }
    }

    test('the first datagrams are shown for the trace, each way and with both ends, and no more', async (t) => {
      const server = await runningTftp(t, { files: { file: sampleBytes(512 * 20) }, singlePort });
      await fetchFile(t, { port: server.port, filename: 'file', options: { blksize: 512 } });
      await server.event('sent');
      const seen = server.datagrams.map(({ source, destination, payload, peer }) => {
        const decoded = decodeTftp(payload);
        assert.ok(decoded.kind === 'packet');
        assert.ok(source.port === peer.port || destination.port === peer.port);
        return `${source.port === peer.port ? 'client' : 'server'} ${decoded.packet.kind}`;
      });
      const acknowledged = ['server DATA', 'client ACK'];
      assert.deepEqual(seen, [
        ...['client RRQ', 'server OACK', 'client ACK'],
        ...[...acknowledged, ...acknowledged, ...acknowledged].slice(0, 5),
      ]);
      const ports = new Set(server.datagrams.flatMap(({ source, destination }) => [source.port, destination.port]));
      assert.equal(ports.size, singlePort ? 2 : 3);
    });

    test('a refusal is shown with its request', async (t) => {
      const server = await runningTftp(t, { singlePort });
      const client = await rawClient(t);
      await client.request(server.port, 'nothing');
      await client.next();
      await server.event('refused');
      assert.deepEqual(
        server.datagrams.map(({ payload }) => payload[1]),
        [1, 5],
      );
    });

    test('a client that acknowledges everything twice gets every block once (Sorcerer’s Apprentice)', async (t) => {
      const server = await runningTftp(t, { files: { file: sampleBytes(512 * 50) }, singlePort });
      const client = await rawClient(t);
      await client.request(server.port, 'file');
      for (let block = 1; block <= 51; block++) {
        const { packet, port } = await client.next();
        assert.equal(packet.kind === 'DATA' && packet.block, block);
        await client.send({ kind: 'ACK', block }, port);
        await client.send({ kind: 'ACK', block }, port);
      }
      const sent = await server.event('sent');
      assert.deepEqual([sent.retransmits, client.unread().length], [0, 0]);
    });

    test('a request that is repeated while it is served is not served twice', async (t) => {
      const server = await runningTftp(t, { files: { file: sampleBytes(600) }, singlePort });
      const client = await rawClient(t);
      for (let times = 0; times < 3; times++) await client.request(server.port, 'file');
      const { port } = await client.next();
      await client.send({ kind: 'ACK', block: 1 }, port);
      const second = await client.next();
      assert.deepEqual([second.packet.kind === 'DATA' && second.packet.block, second.port], [2, port]);
      await client.send({ kind: 'ACK', block: 2 }, port);
      await server.event('sent');
      assert.equal(server.kinds().filter((kind) => kind === 'asked').length, 1);
    });

    test('an end by the client after the size is a probe, and silent', async (t) => {
      const server = await runningTftp(t, { files: { file: sampleBytes(5000) }, singlePort });
      const client = await rawClient(t);
      await client.request(server.port, 'file', { tsize: 0, blksize: 1468, windowsize: 4 });
      const { packet, port } = await client.next();
      assert.deepEqual(packet.kind === 'OACK' && packet.options, [
        { name: 'tsize', value: '5000' },
        { name: 'blksize', value: '1468' },
        { name: 'windowsize', value: '4' },
      ]);
      await client.send({ kind: 'ERROR', code: 8, text: 'User aborted the transfer' }, port);
      const aborted = await server.event('aborted-by-client');
      assert.deepEqual([aborted.probe, aborted.code, aborted.bytes], [true, 8, 0]);
    });

    test('a client that never answers is tried a few times and given up', async (t) => {
      const server = await runningTftp(t, { files: { file: sampleBytes(5000) }, singlePort });
      const client = await rawClient(t);
      await client.request(server.port, 'file');
      const timedOut = await server.event('timed-out');
      assert.deepEqual([timedOut.stage, timedOut.bytes, timedOut.size], ['first-ack', 0, 5000]);
      assert.equal(client.unread().length, 4);
    });

    test('junk in a running transfer changes nothing', async (t) => {
      const server = await runningTftp(t, { files: { file: sampleBytes(600) }, singlePort });
      const client = await rawClient(t);
      await client.request(server.port, 'file');
      const { port } = await client.next();
      for (const junk of [[], [0], [0, 4], [0, 4, 0], [0, 9, 1, 1], [0, 3, 0, 1, 7], [255, 255, 255], [0, 6, 65, 0]]) {
        await client.sendBytes(Uint8Array.from(junk), port);
      }
      await client.send({ kind: 'ACK', block: 1 }, port);
      const second = await client.next();
      assert.equal(second.packet.kind === 'DATA' && second.packet.block, 2);
      await client.send({ kind: 'ACK', block: 2 }, port);
      await server.event('sent');
    });
  });
}

describe('the TFTP server', { timeout: 20_000 }, () => {
  test('a missing autoexec.ipxe, which iPXE always asks for first, is answered at once', async (t) => {
    const server = await runningTftp(t, {
      limits: {
        times: { firstTimeoutMs: 60_000, longestTimeoutMs: 60_000, firstRetries: 9, retries: 9, gapPatienceMs: 10 },
      },
    });
    const client = await rawClient(t);
    await client.request(server.port, 'autoexec.ipxe', { blksize: 1432, tsize: 0 });
    const { packet } = await client.next();
    assert.equal(packet.kind === 'ERROR' && packet.code, 1);
    assert.equal((await server.event('refused')).code, 1);
  });

  test('every write is refused', async (t) => {
    const server = await runningTftp(t, { files: { file: sampleBytes(1) } });
    const client = await rawClient(t);
    await client.send({ kind: 'WRQ', filename: 'file', mode: 'octet', options: [] }, server.port);
    const { packet } = await client.next();
    assert.equal(packet.kind === 'ERROR' && packet.code, 2);
  });

  test('datagrams of any small size do not stop it', async (t) => {
    const file = sampleBytes(3000);
    const server = await runningTftp(t, { files: { file } });
    const client = await rawClient(t);
    for (let length = 0; length < 6; length++) {
      for (const fill of [0, 1, 4, 255]) await client.sendBytes(new Uint8Array(length).fill(fill), server.port);
    }
    assert.ok((await fetchFile(t, { port: server.port, filename: 'file' })).bytes.equals(file));
    const dropped = server.events.flatMap((event) => (event.kind === 'dropped' ? [event.because] : []));
    assert.ok(dropped.some((because) => because.startsWith('malformed')));
  });

  test('a stranger on the transfer’s port is told so, and the transfer goes on', async (t) => {
    const server = await runningTftp(t, { files: { file: sampleBytes(600) } });
    const client = await rawClient(t);
    const stranger = await rawClient(t);
    await client.request(server.port, 'file');
    const { port } = await client.next();
    await stranger.send({ kind: 'ACK', block: 1 }, port);
    const told = await stranger.next();
    assert.deepEqual([told.packet.kind === 'ERROR' && told.packet.code, told.port], [5, port]);
    // An ERROR is not answered: the next thing the stranger hears is about the packet after it.
    await stranger.send({ kind: 'ERROR', code: 0, text: 'die' }, port);
    await stranger.send({ kind: 'ACK', block: 1 }, port);
    await stranger.next();
    assert.equal(stranger.unread().length, 0);
    await client.send({ kind: 'ACK', block: 1 }, port);
    const second = await client.next();
    assert.equal(second.packet.kind === 'DATA' && second.packet.block, 2);
    await client.send({ kind: 'ACK', block: 2 }, port);
    await server.event('sent');
  });

  for (const rollover of [0, 1] as const) {
    test(`more than 65535 blocks arrive whole, counting on from ${rollover}`, async (t) => {
      const file = sampleBytes(8 * 66_000 + 3);
      const server = await runningTftp(t, { files: { file }, rollover });
      const options = { blksize: 8, windowsize: 16 };
      const { bytes } = await fetchFile(t, {
        port: server.port,
        filename: 'file',
        options,
        rollover,
        patienceMs: 1000,
      });
      assert.ok(bytes.equals(file));
    });
  }

  test('netascii has network line ends and tells no size', async (t) => {
    const server = await runningTftp(t, { files: { file: Buffer.from('a\nb\r') } });
    const client = await rawClient(t);
    await client.request(server.port, 'file', { tsize: 0, blksize: 512 }, 'netascii');
    const oack = await client.next();
    assert.deepEqual(oack.packet.kind === 'OACK' && oack.packet.options.map(({ name }) => name), ['blksize']);
    await client.send({ kind: 'ACK', block: 0 }, oack.port);
    const { packet } = await client.next();
    assert.equal(packet.kind === 'DATA' && Buffer.from(packet.data).toString(), 'a\r\nb\r\0');
    await client.send({ kind: 'ACK', block: 1 }, oack.port);
    await server.event('sent');
  });

  test('a file too large for netascii is refused with the way out', async (t) => {
    const server = await runningTftp(t, { files: { file: sampleBytes(100) }, limits: { netasciiBytes: 99 } });
    await assert.rejects(fetchFile(t, { port: server.port, filename: 'file', mode: 'netascii' }), /ask for octet/);
  });

  test('whoever serves files is told the machine in the name, the peer and the address asked', async (t) => {
    const asked: TftpFileRequest[] = [];
    const server = await runningTftp(t, {
      files: {
        open(request) {
          asked.push(request);
          return { kind: 'refused', code: 1, because: 'none' };
        },
      },
    });
    const client = await rawClient(t);
    await client.request(server.port, '\\pxelinux.cfg\\01-52-54-00-00-00-01');
    await client.next();
    assert.deepEqual(asked, [
      {
        name: 'pxelinux.cfg/01-52-54-00-00-00-01',
        mapped: { kind: 'machine', key: { by: 'mac', mac: '52:54:00:00:00:01' }, rest: 'pxelinux.cfg' },
        peer: { address: '127.0.0.1', port: client.port() },
        local: { address: '127.0.0.1', port: server.port },
      },
    ]);
    assert.equal((await server.event('refused')).mac, '52:54:00:00:00:01');
  });

  test('a file source that throws ends that request only', async (t) => {
    const files = diskFiles({ served: new Map([['good', { kind: 'bytes', bytes: sampleBytes(10) }]]) });
    const server = await runningTftp(t, {
      files: {
        async open(request) {
          if (request.name === 'bad') throw new Error('disk on fire');
          return await files.open(request);
        },
      },
    });
    await assert.rejects(fetchFile(t, { port: server.port, filename: 'bad' }), /ERROR 0/);
    assert.match((await server.event('failed')).because, /disk on fire/);
    assert.equal((await fetchFile(t, { port: server.port, filename: 'good' })).bytes.length, 10);
  });

  test('a file that cannot be read on ends the transfer with an ERROR, and is closed', async (t) => {
    let closed = 0;
    const server = await runningTftp(t, {
      files: {
        open: () => ({
          kind: 'file',
          size: 200_000,
          content: async (offset, length) => {
            if (offset > 100_000) throw new Error('bad sector');
            return new Uint8Array(length);
          },
          close: () => void closed++,
        }),
      },
    });
    await assert.rejects(
      fetchFile(t, { port: server.port, filename: 'x', options: { blksize: 1428 } }),
      /could not be read/,
    );
    assert.equal((await server.event('failed')).because, 'the file could not be read');
    await server.end();
    assert.equal(closed, 1);
  });

  test('transfers are bounded in all and per peer; who comes too late is left to ask again', async (t) => {
    const server = await runningTftp(t, { files: { file: sampleBytes(600) }, limits: { transfersPerPeer: 2 } });
    const clients = [await rawClient(t), await rawClient(t)];
    for (const client of clients) {
      await client.request(server.port, 'file');
      await client.next();
    }
    const late = await rawClient(t);
    await late.request(server.port, 'file');
    assert.match((await server.event('dropped')).because, /transfer limit of this address/);
    assert.equal(late.unread().length, 0);
    await server.event('timed-out');
    await late.request(server.port, 'file');
    assert.equal((await late.next()).packet.kind, 'DATA');
  });

  test('a flood of requests from one address is cut to its rate', async (t) => {
    const server = await runningTftp(t, { limits: { requestBurst: 5, requestsPerSecond: 0.001 } });
    const client = await rawClient(t);
    for (let times = 0; times < 20; times++) await client.request(server.port, `absent-${times}`);
    assert.match((await server.event('dropped')).because, /too many requests/);
    for (let answers = 0; answers < 5; answers++) assert.equal((await client.next()).packet.kind, 'ERROR');
    assert.deepEqual(
      server.kinds().filter((kind) => kind === 'dropped'),
      ['dropped'],
    );
  });

  test('a client whose port is closed is let go at once', async (t) => {
    const times = { firstTimeoutMs: 60_000, longestTimeoutMs: 60_000, firstRetries: 9, retries: 9, gapPatienceMs: 10 };
    const server = await runningTftp(t, { files: { file: sampleBytes(5000) }, limits: { times } });
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.send(Buffer.from('\0\x01file\0octet\0', 'latin1'), server.port, '127.0.0.1');
    const [, from] = (await once(socket, 'message')) as [Buffer, { readonly port: number }];
    const port = socket.address().port;
    socket.send(Buffer.from([0, 4, 0, 1]), from.port, '127.0.0.1', () => socket.close());
    const aborted = await server.event('aborted-by-client');
    assert.deepEqual([aborted.peer.port, aborted.text], [port, 'its port is closed']);
  });

  test('on stopping, running transfers are told', async (t) => {
    const server = await runningTftp(t, { files: { file: sampleBytes(600) } });
    const client = await rawClient(t);
    await client.request(server.port, 'file');
    await client.next();
    await server.end();
    const { packet } = await client.next();
    assert.deepEqual(packet, { kind: 'ERROR', code: 0, text: 'the server is stopping' });
    assert.match((await server.event('failed')).because, /stopping/);
  });

  test('an address that is taken is an error that names it', async (t) => {
    const first = await runningTftp(t);
    const [local] = first.addresses;
    assert.ok(local);
    const second = tftpServer({ listen: [local], files: diskFiles({}), events: () => {} });
    await assert.rejects(second.run(new AbortController().signal), (error: Error) => {
      assert.match((error.cause as Error).message, new RegExp(`cannot listen on UDP 127.0.0.1 port ${local.port}`));
      return true;
    });
  });

  test('a wildcard is one socket for each address, and the asked one answers', async (t) => {
    const file = sampleBytes(2000);
    const server = await runningTftp(t, { files: { file }, address: ANY_IPV4 });
    const mine = Object.values(networkInterfaces())
      .flatMap((infos = []) => infos)
      .filter(({ family }) => family === 'IPv4')
      .map(({ address }) => address);
    assert.deepEqual(server.addresses.map(({ address }) => address).toSorted(), mine.toSorted());
    for (const { address, port } of server.addresses) {
      const client = await rawClient(t, { address });
      await client.request(port, 'file');
      const answer = await client.next();
      assert.deepEqual([answer.packet.kind, answer.address], ['DATA', address]);
      await client.send({ kind: 'ERROR', code: 0, text: '' }, answer.port);
    }
  });

  test('IPv6 works like IPv4', async (t) => {
    const loopback6 = Object.values(networkInterfaces()).some((infos = []) =>
      infos.some(({ address }) => address === '::1'),
    );
    if (!loopback6) return t.skip('this machine has no ::1');
    const server = await runningTftp(t, { files: { file: sampleBytes(10) }, address: '::1' });
    const client = await rawClient(t, { address: '::1' });
    await client.request(server.port, 'file');
    const { packet, port } = await client.next();
    assert.equal(packet.kind === 'DATA' && packet.data.length, 10);
    await client.send({ kind: 'ACK', block: 1 }, port);
    await server.event('sent');
  });
});
