import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { readInventory } from '#machines/agent/inventory/read-inventory.ts';
import { parseMacAddress } from '#machines/values/mac-address.ts';
import { sure } from '#machines/values/parsed.ts';
import { need } from '../../lab/need.ts';
import { fakeHost } from '../../machines/agent/fake-host.ts';
import { putDisk, treeIn } from '../../machines/agent/inventory/fake-machine.ts';
import { putGpt } from '../../machines/agent/inventory/disk-images.ts';

const MIB = 2 ** 20;
/** Says each opening and closing of a file by inotify(7): 0x20 opened, 0x8 closed after writing, 0x10 closed after reading. */
const WATCHER = `import ctypes,os,struct,sys
libc=ctypes.CDLL(None,use_errno=True)
watch=libc.inotify_init()
assert libc.inotify_add_watch(watch,sys.argv[1].encode(),0x20|0x8|0x10)>0
print("ready",flush=True)
while True:
  data=os.read(watch,4096)
  while data:
    _,mask,_,length=struct.unpack("iIII",data[:16])
    data=data[16+length:]
    print({0x20:"opened",0x8:"closed-after-writing",0x10:"closed-after-reading"}[mask&0x38],flush=True)`;

it('the inventory opens a block device for reading only, as a watch on it sees', async (t) => {
  const tools = need(t, ['root', 'losetup', 'pyghmi']);
  if (!tools) return;
  const folder = mkdtempSync(join(tmpdir(), 'ingot-read-only-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'disk');
  writeFileSync(file, putGpt(new Uint8Array(8 * MIB), [{ first: 2048, last: 4095, name: 'STATE' }]));
  truncateSync(file, 8 * MIB);
  const loop = spawnSync(tools.losetup, ['-f', '--show', file], { encoding: 'utf8' });
  if (loop.status !== 0) return t.skip(`needs loop devices: ${loop.stderr.trim()}`);
  const device = loop.stdout.trim();
  t.after(() => execFileSync(tools.losetup, ['-d', device]));

  // The same device under the name and in the tree of a machine whose only disk it is.
  await using machine = await fakeHost({ tool: () => ({ status: 127 }) });
  const { host } = machine;
  await putDisk(treeIn(host.root), {
    name: 'vda',
    device: '/sys/devices/pci0000:00/0000:00:02.0/virtio1',
    bytes: 8 * MIB,
  });
  const node = join(host.root, 'dev/vda');
  mkdirSync(join(host.root, 'dev'));
  const [major = '', minor = ''] = execFileSync('stat', ['-c', '%Hr %Lr', device], { encoding: 'utf8' })
    .trim()
    .split(' ');
  execFileSync('mknod', [node, 'b', major, minor]);

  const watcher = spawn('/usr/bin/python3', ['-c', WATCHER, node], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const seen: string[] = [];
    const lines = createInterface(watcher.stdout);
    const until = async (line: string): Promise<void> => {
      while (!seen.includes(line)) await once(lines, 'line', { signal: AbortSignal.timeout(20_000) });
    };
    lines.on('line', (line) => seen.push(line));
    await until('ready');
    const told = await readInventory({
      host,
      bootMac: sure(parseMacAddress('02:00:00:00:00:01')),
      signal: new AbortController().signal,
    });
    assert.deepEqual(told.disks[0]?.signatures, ['gpt', 'gpt:STATE'], told.gaps.join());
    // The watch sees an opening for writing when there is one: it comes after all others.
    await (await open(node, 'r+')).close();
    await until('closed-after-writing');
    assert.deepEqual(seen, ['ready', 'opened', 'closed-after-reading', 'opened', 'closed-after-writing']);
  } finally {
    watcher.kill('SIGKILL');
    await once(watcher, 'exit');
  }
});
