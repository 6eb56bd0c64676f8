// Binds leases until it is killed, and prints the address of each whose promise has resolved: what was printed was
// durable before.
import type { IpAddress } from '#machines/values/ip-address.ts';
import { openSqliteStore } from '#services/store/sqlite/open-sqlite-store.ts';
import { lease } from './conformance.ts';

const store = await openSqliteStore({ dir: process.argv[2] ?? '' });
let next = 0;
await Promise.all(
  Array.from({ length: 16 }, async () => {
    for (;;) {
      const number = next++;
      const address = `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}` as IpAddress;
      await store.leases.bind(lease({ address, key: `key ${number}` }));
      process.stdout.write(`${address}\n`);
    }
  }),
);
