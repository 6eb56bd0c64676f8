import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { openDaemon } from '#machines/agent/daemon.ts';
import { blockDisks } from '#machines/agent/disks/block-disks.ts';
import { NOTHING_AFTER } from '#machines/agent/disks/decide/after-image.ts';
import { writeImage } from '#machines/agent/disks/write-image.ts';
import { linuxHost } from '#machines/agent/linux-host.ts';
import type { StreamOrder } from './stream-order.ts';

// Stands in for the agent in its image: writes an image to a disk as the agent does, and as a shell would, in turns.
// Says each time as one line, and turns the guest off.
const ROUNDS = 3;
/** Written by stream.ts of this very checkout. */
const order = JSON.parse(readFileSync('/peer/order.json', 'utf8')) as StreamOrder;
const sh = (command: string): void => {
  const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
};
sh('ip link set eth0 up && ip address add 10.0.2.15/24 dev eth0');
const host = linuxHost();
const disks = blockDisks({ host });
const { signal } = new AbortController();

async function ours(): Promise<void> {
  const identity = await (async () => {
    await using disk = await disks.open('vda');
    return disk.identity;
  })();
  using daemon = openDaemon({ url: new URL(order.url), pin: order.pin, random: Math.random });
  await writeImage({
    wanted: { ...identity, name: 'vda' },
    source: {
      open: (inner) => daemon.fetch(() => 'token', '/image', inner),
      compression: 'zstd',
      sha256: order.sha256,
      rawBytes: order.rawBytes,
    },
    after: NOTHING_AFTER,
    disks,
    now: Date.now,
    told: () => {},
    signal,
  });
}

/** The programs of Debian, with the libraries that they were built with. */
const PEER = (name: string): string => `/peer/lib/ld.so --library-path /peer/lib /peer/bin/${name}`;
const PIPELINE = `
mkfifo /run/raw
${PEER('sha256sum')} </run/raw >/run/sum &
${PEER('curl')} --silent --fail --insecure ${order.url}/image | ${PEER('zstd')} -dc | ${PEER('tee')} /run/raw |
  ${PEER('dd')} of=/dev/vda bs=4M iflag=fullblock conv=fdatasync status=none
wait
rm /run/raw
`;

async function peer(): Promise<void> {
  writeFileSync('/run/peer.sh', PIPELINE);
  const child = spawn('sh', ['/run/peer.sh'], { stdio: 'inherit' });
  const [status] = (await once(child, 'exit')) as [number];
  if (status !== 0) throw new Error(`the pipeline ended with ${status}`);
  if (!readFileSync('/run/sum', 'utf8').startsWith(order.rawSha256))
    throw new Error('the pipeline wrote another image');
}

try {
  for (let round = 0; round < ROUNDS; round++) {
    for (const [who, write] of [
      ['peer', peer],
      ['ours', ours],
    ] as const) {
      writeFileSync('/proc/sys/vm/drop_caches', '3');
      const started = performance.now();
      await write();
      console.log(`TOOK ${who} ${Math.round(performance.now() - started)} END`);
    }
  }
  console.log('ROUNDS-OVER');
} catch (error) {
  console.log(`PROBE-FAILED ${error instanceof Error ? error.stack : String(error)}`);
}
sh('poweroff -f');
