import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FIRMWARES, LIMIT_MS, startIpxeGuest } from './http-ipxe-guest.ts';

/** The port of no server: refused at once. */
const NOWHERE = 'http://10.0.2.2:1/x';

for (const firmware of FIRMWARES) {
  describe(`every other script, run by Debian's iPXE of 2019 under ${firmware}`, { timeout: LIMIT_MS + 60_000 }, () => {
    it('menu: its own disk after the timeout', async (t) => {
      await using guest = await startIpxeGuest(t, firmware, { profile: { os: 'menu' } });
      if (!guest) return;
      await guest.bootsOwnDisk();
      assert.equal((await guest.world.event('script-rendered')).situation, 'menu');
    });

    it('chain: what cannot be fetched is told, then its own disk', async (t) => {
      await using guest = await startIpxeGuest(t, firmware, { profile: { os: 'chain', url: NOWHERE } });
      if (!guest) return;
      await guest.bootsOwnDisk();
      assert.match((await guest.world.event('log')).text, /^iPXE could not boot chain: error/);
    });

    it('script: the operator’s lines run, with the machine’s values', async (t) => {
      const script = '#!ipxe\necho hello {{machine.name}} of {{attempt}}\nexit 1';
      await using guest = await startIpxeGuest(t, firmware, { profile: { os: 'script', script } });
      if (!guest) return;
      await guest.says('hello r1-u12 of AAAAAAAAAAAAAAAAAAAAAA');
      await guest.bootsOwnDisk();
    });

    it('rescue: a failure ends in a shell', async (t) => {
      await using guest = await startIpxeGuest(t, firmware, { profile: { onFailure: 'shell' } });
      if (!guest) return;
      await guest.says('iPXE>');
      assert.equal((await guest.world.event('script-rendered')).situation, 'rescue');
    });

    it('stop: a boot loop ends at its own disk', async (t) => {
      await using guest = await startIpxeGuest(t, firmware, { loop: 'it booted 5 times in 10 minutes' });
      if (!guest) return;
      await guest.says('it booted 5 times in 10 minutes');
      await guest.bootsOwnDisk();
      assert.equal((await guest.world.event('script-rendered')).situation, 'stop');
    });
  });
}
