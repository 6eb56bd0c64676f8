import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lossyRelay } from './lossy-relay.ts';
import { runningTftp, sampleBytes } from './running-server.ts';
import { fetchFile } from './tftp-client.ts';

const WEATHERS = {
  '10 % loss': { loss: 0.1, duplication: 0, reordering: 0 },
  '20 % duplication': { loss: 0, duplication: 0.2, reordering: 0 },
  '10 % reordering': { loss: 0, duplication: 0, reordering: 0.1 },
  'all at once': { loss: 0.05, duplication: 0.1, reordering: 0.1 },
} as const;

describe('a file arrives whole', { timeout: 60_000, concurrency: 4 }, () => {
  for (const [name, weather] of Object.entries(WEATHERS)) {
    for (const options of [{ blksize: 1428 }, { blksize: 1428, windowsize: 4 }, { blksize: 512, windowsize: 16 }]) {
      for (const singlePort of [false, true]) {
        const where = singlePort ? 'single port' : 'port per transfer';
        test(`${name}, ${JSON.stringify(options)}, ${where}`, async (t) => {
          const file = sampleBytes(100_000);
          const server = await runningTftp(t, { files: { file }, singlePort });
          const relay = await lossyRelay(t, { serverPort: server.port, seed: 7, weather });
          const { bytes } = await fetchFile(t, { port: relay.port, filename: 'file', options });
          assert.ok(bytes.equals(file));
          if (weather.loss > 0) assert.ok(relay.lost() > 0);
        });
      }
    }
  }

  test('duplicates are not answered with duplicates: in lock-step as many blocks are sent as there are', async (t) => {
    const file = sampleBytes(512 * 100);
    const server = await runningTftp(t, {
      files: { file },
      limits: {
        times: { firstTimeoutMs: 10_000, longestTimeoutMs: 10_000, firstRetries: 3, retries: 3, gapPatienceMs: 5 },
      },
    });
    const weather = { loss: 0, duplication: 1, reordering: 0 };
    const relay = await lossyRelay(t, { serverPort: server.port, seed: 1, weather });
    const { bytes, dataPackets } = await fetchFile(t, { port: relay.port, filename: 'file', patienceMs: 10_000 });
    assert.ok(bytes.equals(file));
    // The relay doubles each of the 101 blocks; the last one's double comes after the client has all.
    assert.ok(dataPackets <= 2 * 101, `${dataPackets} packets`);
    assert.equal((await server.event('sent')).retransmits, 0);
  });

  test('with windows, neither doubled ACKs nor doubled blocks make a window be sent again', async (t) => {
    const file = sampleBytes(512 * 400);
    const patient = {
      firstTimeoutMs: 10_000,
      longestTimeoutMs: 10_000,
      firstRetries: 3,
      retries: 3,
      gapPatienceMs: 5000,
    };
    const server = await runningTftp(t, { files: { file }, limits: { times: patient } });
    const weather = { loss: 0, duplication: 1, reordering: 0 };
    const relay = await lossyRelay(t, { serverPort: server.port, seed: 1, weather });
    const options = { blksize: 512, windowsize: 8 };
    const { bytes } = await fetchFile(t, { port: relay.port, filename: 'file', options, patienceMs: 10_000 });
    assert.ok(bytes.equals(file));
    const { retransmits } = await server.event('sent');
    assert.equal(retransmits, 0);
  });
});
