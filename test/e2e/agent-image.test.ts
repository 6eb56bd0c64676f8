import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { debianMirrors, openPackageSource } from '../../deploy/agent/apt.ts';
import { buildAgentImage } from '../../deploy/agent/image.ts';
import { need } from '#test/lab/need.ts';
import { startAgentGuest } from './agent-guest.ts';
import { agentImage, BUILDER_CACHE, ROOT } from './agent-image.ts';

const NETWORK = ['-nic', 'user,restrict=on,model=virtio-net-pci,mac=52:54:00:00:00:0a'];
const BOOT = 'ingot.url=https://10.0.2.2:1 ingot.pin=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= ingot.attempt=image';

test("the agent's image boots to the agent, which finds the network card", async (t) => {
  const tools = need(t, ['qemu-system-x86_64']);
  if (!tools) return;
  const image = await agentImage({ variant: 'vm' });
  if (image.said !== '') t.diagnostic(image.said);
  const begun = performance.now();
  await using guest = startAgentGuest({
    qemu: tools['qemu-system-x86_64'],
    ...image,
    commandLine: `${image.manifest.commandLine} ${BOOT} BOOTIF=01-52-54-00-00-00-0a`,
    extraArgs: NETWORK,
  });
  await guest.waitFor(new RegExp(`ingot: agent image ${image.manifest.id}, kernel ${image.manifest.kernel}`), 240_000);
  await guest.waitFor(/Ingot agent \d+\.\d+\.\d+/, 120_000);
  t.diagnostic(
    `power-on to the agent's first line: ${((performance.now() - begun) / 1000).toFixed(1)} s under emulation`,
  );
  await guest.waitFor(/booted from eth0 \(52:54:00:00:00:0a\)/, 120_000);
  assert.doesNotMatch(guest.serial(), /ingot: (?:REFUSED|FAILED|the agent ended)/);
});

test('an image that lost its end refuses to go on, and says so on the console', async (t) => {
  const tools = need(t, ['qemu-system-x86_64']);
  if (!tools) return;
  const image = await agentImage({ variant: 'vm' });
  const folder = mkdtempSync(join(tmpdir(), 'ingot-agent-image-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const cut = join(folder, 'cut.zst');
  const bytes = readFileSync(image.initrd);
  // Node, the programs and the drivers are all there; of the last archive the end is missing.
  writeFileSync(cut, bytes.subarray(0, bytes.length - 1000));
  await using guest = startAgentGuest({
    qemu: tools['qemu-system-x86_64'],
    vmlinuz: image.vmlinuz,
    initrd: cut,
    commandLine: `${image.manifest.commandLine} ${BOOT}`,
  });
  await guest.waitFor(/ingot: REFUSED: this image is not whole.*\n(?:.*\n)*?.*ingot: restarting in 5 minutes/, 240_000);
  assert.doesNotMatch(guest.serial(), /Ingot agent|ingot: agent image/);
});

test('the same packages, Node and program give the same bytes', async (t) => {
  const tools = need(t, ['qemu-system-x86_64']);
  if (!tools) return;
  const folder = mkdtempSync(join(tmpdir(), 'ingot-agent-twice-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  // What was downloaded is shared; nothing that was made of it is.
  const source = openPackageSource({ folder: BUILDER_CACHE, mirrors: debianMirrors(), snapshot: false });
  for (const name of ['one', 'two']) {
    await buildAgentImage({
      variant: 'vm',
      architecture: 'x86_64',
      entry: join(ROOT, 'machines/agent/main.ts'),
      root: ROOT,
      node: { path: process.execPath, version: process.version },
      source,
      builder: source,
      level: 1,
      out: join(folder, name, 'out'),
      cache: join(folder, name, 'cache'),
      say: () => {},
    });
  }
  for (const name of ['vmlinuz', 'initrd.zst', 'manifest.json']) {
    const [one, two] = ['one', 'two'].map((built) => readFileSync(join(folder, built, 'out', name)));
    assert.ok(one && two?.equals(one), name);
  }
});
