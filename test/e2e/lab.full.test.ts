import { test } from 'node:test';
import { makeDisk } from '#test/lab/disk.ts';
import { GUEST_NEEDS, startGuest } from '#test/lab/guest.ts';
import { openLab } from '#test/lab/lab.ts';
import { need } from '#test/lab/need.ts';
import { startForeignBootServer, startForeignDhcpServer } from './foreign-boot-server.ts';

for (const firmware of ['uefi-pxe', 'uefi-http'] as const) {
  test(`the lab boots a ${firmware} guest from servers that are not ours`, async (t) => {
    const tools = need(t, [...GUEST_NEEDS, 'dnsmasq']);
    if (!tools) return;
    await using lab = openLab();
    await startForeignBootServer(lab, tools, 'ingot.network');
    const guest = startGuest(lab, { tools, firmware });
    await guest.waitForSerial(/INGOT-GUEST-UP mac=52:54:00:00:00:01/, 300_000);
    await guest.waitForSerial(/INGOT-GUEST-ADDRESS ip=192\.168\.77\.1\d\d/, 60_000);
    await guest.waitForPowerOff(60_000);
  });
}

test('the lab boots a BIOS guest although one frame in twenty is lost', async (t) => {
  const tools = need(t, [...GUEST_NEEDS, 'dnsmasq', 'nft']);
  if (!tools) return;
  await using lab = openLab();
  await startForeignBootServer(lab, tools, 'ingot.network');
  const guest = startGuest(lab, { tools, firmware: 'bios-pxe' });
  lab.lose({ nft: tools.nft, place: 'server', interface: guest.tap, percent: 5 });
  await guest.waitForSerial(/INGOT-GUEST-UP/, 300_000);
  await guest.waitForPowerOff(60_000);
});

for (const firmware of ['bios-pxe', 'uefi-pxe'] as const) {
  test(`a ${firmware} guest with the network first boots its own disk when no server names a boot file`, async (t) => {
    const tools = need(t, [...GUEST_NEEDS, 'dnsmasq']);
    if (!tools) return;
    await using lab = openLab();
    await startForeignDhcpServer(lab, tools);
    const disk = makeDisk(lab.folder, firmware === 'bios-pxe' ? 'bios' : 'uefi', 'OWN DISK');
    // Else OVMF spends a minute more on DHCPv6.
    const extraArgs = ['-fw_cfg', 'name=opt/org.tianocore/IPv6PXESupport,string=n'];
    const guest = startGuest(lab, { tools, firmware, disk, extraArgs });
    await guest.waitForSerial(/^OWN DISK$/m, 300_000);
    await guest.stop();
  });
}
