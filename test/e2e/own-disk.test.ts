import { describe, it } from 'node:test';
import { need } from '#test/lab/need.ts';
import { grantBootsOnce, OWN_DISK_NEEDS, strangerBootsOwnDisk } from './own-disk-boot.ts';

// OVMF waits a minute for each of its ways to boot over the network; the other core has time for the others.
describe('with the network first in its boot order', { concurrency: 2 }, () => {
  it('server mode: an unknown uefi-pxe machine boots its own disk', async (t) => {
    const tools = need(t, OWN_DISK_NEEDS);
    if (tools) await strangerBootsOwnDisk(tools, 'server', 'uefi-pxe');
  });

  for (const mode of ['server', 'proxy'] as const) {
    it(`${mode} mode: an unknown bios-pxe machine boots its own disk`, async (t) => {
      const tools = need(t, OWN_DISK_NEEDS);
      if (tools) await strangerBootsOwnDisk(tools, mode, 'bios-pxe');
    });
  }

  it('a grant boots a bios-pxe machine once; at the next start it boots its own disk', async (t) => {
    const tools = need(t, OWN_DISK_NEEDS);
    if (tools) await grantBootsOnce(tools, 'bios-pxe');
  });
});
