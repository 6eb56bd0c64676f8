// Fills the disk that it is given with leases, goes on when there is room again, and prints what it saw as JSON.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IpAddress } from '#machines/values/ip-address.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { StoreError } from '#services/store/store-error.ts';
import { lease } from '#test/services/store/conformance.ts';

const dir = process.argv[2] ?? '';
const ballast = join(dir, 'ballast');
const address = (number: number) => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}` as IpAddress;
const acknowledged: IpAddress[] = [];
const codes = new Set<string>();

await writeFile(ballast, new Uint8Array(512 << 10));
const store = await openSqliteStore({ dir });

async function bind(number: number): Promise<boolean> {
  try {
    await store.leases.bind(lease({ address: address(number), key: `key ${number}`, hostname: 'x'.repeat(200) }));
    acknowledged.push(address(number));
    return true;
  } catch (error) {
    codes.add(error instanceof StoreError ? error.code : String(error));
    return false;
  }
}

let next = 0;
let refused = 0;
while (refused < 100) {
  const results = await Promise.all(Array.from({ length: 16 }, () => bind(next++)));
  refused += results.filter((bound) => !bound).length;
}
const readable = (await store.leases.all()).length;
const beforeRoom = acknowledged.length;
await rm(ballast);
const afterwards = await Promise.all(Array.from({ length: 50 }, () => bind(next++)));
await store[Symbol.asyncDispose]();

const again = await openSqliteStore({ dir });
const stored = new Set((await again.leases.all()).map(({ address: one }) => one));
await again[Symbol.asyncDispose]();
process.stdout.write(
  `${JSON.stringify({
    codes: [...codes],
    beforeRoom,
    readable,
    boundAfterwards: afterwards.filter(Boolean).length,
    lost: acknowledged.filter((one) => !stored.has(one)),
  })}\n`,
);
