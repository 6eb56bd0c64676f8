import { describe, it } from 'node:test';
import { need } from '#test/lab/need.ts';
import { grantBootsOnce, OWN_DISK_NEEDS, strangerBootsOwnDisk } from './own-disk-boot.ts';

describe('with the network first in its boot order', { concurrency: 2 }, () => {
  it('proxy mode: an unknown uefi-pxe machine boots its own disk', async (t) => {
    const tools = need(t, OWN_DISK_NEEDS);
    if (tools) await strangerBootsOwnDisk(tools, 'proxy', 'uefi-pxe');
  });

  it('a grant boots a uefi-pxe machine once; at the next start it boots its own disk', async (t) => {
    const tools = need(t, OWN_DISK_NEEDS);
    if (tools) await grantBootsOnce(tools, 'uefi-pxe');
  });
});
