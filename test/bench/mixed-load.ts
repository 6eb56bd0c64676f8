import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

// What goes on beside DHCP in the mixed row, each in a process of its own, until it is ended:
//   mixed-load.ts streams URL COUNT BYTES_PER_SECOND    downloads, each as fast as that and no faster
//   mixed-load.ts lists URL TOKEN                       whole lists of machines, one after the other
// Says `going` when the first bytes have come.

const [what, url = '', ...more] = process.argv.slice(2);
let told = false;

function going(): void {
  if (!told) process.stdout.write('going\n');
  told = true;
}

/** Takes what a slower disk would take: reads no more in each tenth of a second than its share. */
async function stream(bytesPerSecond: number): Promise<void> {
  for (;;) {
    await new Promise<void>((resolve, reject) => {
      request(url, { agent: false }, (response) => {
        if (response.statusCode !== 200) reject(new Error(`${url}: ${response.statusCode}`));
        const share = bytesPerSecond / 10;
        let left = share;
        const timer = setInterval(() => {
          left = Math.min(share, left + share);
          if (left > 0) response.resume();
        }, 100);
        response.on('data', (chunk: Buffer) => {
          going();
          left -= chunk.length;
          if (left <= 0) response.pause();
        });
        response.once('close', () => {
          clearInterval(timer);
          resolve();
        });
      })
        .once('error', reject)
        .end();
    });
  }
}

async function lists(token: string): Promise<void> {
  for (;;) {
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
    going();
    // A page that is open, and a program that looks often.
    await sleep(50);
  }
}

switch (what) {
  case 'streams': {
    const [count, bytesPerSecond] = more.map(Number);
    if (count === undefined || bytesPerSecond === undefined) throw new Error('want COUNT and BYTES_PER_SECOND');
    await Promise.all(Array.from({ length: count }, () => stream(bytesPerSecond)));
    break;
  }
  case 'lists':
    await lists(more[0] ?? '');
    break;
  default:
    throw new Error(`got ${what}, want streams or lists`);
}
