import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { need } from '#test/lab/need.ts';
import { startAgentGuest } from './agent-guest.ts';
import { agentImage } from './agent-image.ts';

const PROBE = join(import.meta.dirname, 'agent-image-probe.ts');

function emptyDisk(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-agent-disk-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'disk.img');
  writeFileSync(path, '');
  truncateSync(path, 64 << 20);
  return path;
}

const drive = (id: string, path: string) => ['-drive', `if=none,id=${id},format=raw,file=${path}`];

test('the image for servers drives network cards, NVMe and SATA disks and a BMC, and its programs are whole', async (t) => {
  const tools = need(t, ['qemu-system-x86_64']);
  if (!tools) return;
  const image = await agentImage({ variant: 'metal', entry: PROBE });
  if (image.said !== '') t.diagnostic(image.said);
  await using guest = startAgentGuest({
    qemu: tools['qemu-system-x86_64'],
    ...image,
    commandLine: `${image.manifest.commandLine} quiet`,
    extraArgs: [
      ...['-machine', 'q35', '-nic', 'user,restrict=on,model=e1000e', '-nic', 'user,restrict=on,model=virtio-net-pci'],
      ...[...drive('n', emptyDisk(t)), '-device', 'nvme,drive=n,serial=N1'],
      ...[...drive('s', emptyDisk(t)), '-device', 'ide-hd,drive=s,serial=S1'],
      ...['-device', 'ipmi-bmc-sim,id=bmc', '-device', 'isa-ipmi-kcs,bmc=bmc'],
    ],
  });
  const [, text = ''] = await guest.waitFor(/PROBE (\{.*\}) END/, 300_000);
  const seen: Record<string, unknown> = JSON.parse(text);
  assert.deepEqual(seen['lacking'], []);
  assert.deepEqual(
    new Set(seen['programs'] as string[]).intersection(new Set(image.manifest.programs)),
    new Set(image.manifest.programs),
  );
  assert.deepEqual((seen['drivers'] as string[]).sort(), ['e1000e', 'virtio_net']);
  const disks = seen['disks'] as { blockdevices: { name: string; type: string }[] };
  assert.deepEqual(
    disks.blockdevices.filter((one) => one.type === 'disk').map((one) => one.name),
    ['sda', 'nvme0n1'],
  );
  assert.equal(seen['ipmi'], true);
  assert.equal(seen['settled'], true);
  assert.equal(seen['modprobe'], '');
  assert.equal(seen['consoles'], '/dev/tty1 /dev/ttyS0');

  // It died, and is started again.
  await guest.waitFor(/ingot: the agent ended with status 3 \(time 1 of 5\)/, 60_000);
  await guest.waitFor(/time 1 of 5\)\n(?:.*\n)*.*PROBE \{.*\} END/, 120_000);
});

test('who asks for a rescue shell gets one, and no agent', async (t) => {
  const tools = need(t, ['qemu-system-x86_64']);
  if (!tools) return;
  const image = await agentImage({ variant: 'vm', entry: PROBE });
  await using guest = startAgentGuest({
    qemu: tools['qemu-system-x86_64'],
    ...image,
    commandLine: `${image.manifest.commandLine} quiet ingot.rescue`,
  });
  await guest.waitFor(/ingot: rescue shell\n(?:.*\n)*.*\/ # /, 240_000);
  assert.doesNotMatch(guest.serial(), /PROBE/);
});

test('an agent that does not stay up is given up after five times, with the reason on the console', async (t) => {
  const tools = need(t, ['qemu-system-x86_64']);
  if (!tools) return;
  const image = await agentImage({ variant: 'vm', entry: PROBE });
  await using guest = startAgentGuest({
    qemu: tools['qemu-system-x86_64'],
    ...image,
    commandLine: `${image.manifest.commandLine} quiet`,
  });
  await guest.waitFor(/time 5 of 5\)\n(?:.*\n)*.*ingot: FAILED: the agent does not stay up\n.*restarting in/, 300_000);
});
