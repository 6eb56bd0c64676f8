import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FIRMWARES, LIMIT_MS, startIpxeGuest } from './http-ipxe-guest.ts';

for (const firmware of FIRMWARES) {
  describe(`Debian's iPXE of 2019 under ${firmware}`, { timeout: LIMIT_MS + 60_000 }, () => {
    it('fetches kernel and initrd; when they do not start it says so, and boots its own disk', async (t) => {
      await using guest = await startIpxeGuest(t, firmware);
      if (!guest) return;
      await guest.bootsOwnDisk();
      const { world } = guest;
      const kernel = await world.event('http-sent', ({ role }) => role === 'kernel');
      assert.equal(kernel.bytes, world.files.kernel.length);
      assert.match(kernel.userAgent ?? '', /^iPXE\/1\.0\.0/);
      assert.match((await world.event('log')).text, /^iPXE could not boot kernel: error 0x[0-9a-f]+$/);
      const facts = world.sightings.at(-1)?.facts;
      assert.equal(facts?.['firmware'], firmware);
      assert.equal(facts?.['manufacturer'], 'QEMU');
    });

    it('boots its own disk when it is told to', async (t) => {
      await using guest = await startIpxeGuest(t, firmware, { machine: { service: 'adopted' } });
      if (!guest) return;
      await guest.bootsOwnDisk();
      assert.equal((await guest.world.event('script-rendered')).situation, 'disk');
    });

    it('waits until it is accepted, and goes on by itself', async (t) => {
      await using guest = await startIpxeGuest(t, firmware, { discovery: 'hold', machine: { acceptance: 'seen' } });
      if (!guest) return;
      await guest.says('ingot machine accept r1-u12');
      guest.world.change({ acceptance: 'accepted' });
      await guest.world.event('http-sent', ({ role }) => role === 'kernel');
    });
  });
}
