import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GUEST_NEEDS, startGuest } from '#test/lab/guest.ts';
import { openLab } from '#test/lab/lab.ts';
import { need } from '#test/lab/need.ts';
import { startForeignBootServer, startForeignDhcpServer } from './foreign-boot-server.ts';

test('the lab boots a BIOS guest from servers that are not ours, up to its user space', async (t) => {
  const tools = need(t, [...GUEST_NEEDS, 'dnsmasq']);
  if (!tools) return;
  await using lab = openLab();
  await startForeignBootServer(lab, tools, 'ingot.network ingot.get=http://192.168.77.1:8080/boot.ipxe');
  const guest = startGuest(lab, { tools, firmware: 'bios-pxe', mac: '52:54:00:00:00:0a' });
  await guest.waitForSerial(/INGOT-GUEST-UP mac=52:54:00:00:00:0a cmdline=.*ingot\.network/, 240_000);
  await guest.waitForSerial(/INGOT-GUEST-ADDRESS ip=192\.168\.77\.1\d\d server=192\.168\.77\.1/, 60_000);
  await guest.waitForSerial(/INGOT-GUEST-GOT http:\S+\/boot\.ipxe bytes=\d+ sha256=[0-9a-f]{64}/, 60_000);
  await guest.waitForPowerOff(60_000);
});

test('the client namespace is given an address over its cable, unless that loses everything', async (t) => {
  const tools = need(t, ['root', 'netns', 'tun', 'ip', 'nft', 'dnsmasq', 'busybox']);
  if (!tools) return;
  await using lab = openLab();
  await startForeignDhcpServer(lab, tools);
  const ask = [tools.busybox, 'udhcpc', '-i', lab.clientInterface, '-f', '-n', '-q', '-s', '/bin/true'] as const;
  lab.lose({ nft: tools.nft, place: 'server', interface: 's0', percent: 100 });
  const deaf = await lab.run([...ask, '-t', '1', '-T', '1'], 30_000, { place: 'client' });
  assert.equal(deaf.status, 1, deaf.output);
  lab.lose({ nft: tools.nft, place: 'server', interface: 's0', percent: 0 });
  const client = await lab.run(ask, 30_000, { place: 'client' });
  assert.equal(client.status, 0, client.output);
  assert.match(client.output, /lease of 192\.168\.77\.1\d\d obtained from 192\.168\.77\.1/);
});
