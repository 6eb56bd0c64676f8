import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openKernelTree, selectFirmware, selectModules } from '../../deploy/agent/kernel.ts';
import { kernelModule } from './kernel-module.ts';

function folderWith(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = mkdtempSync(join(tmpdir(), 'ingot-kernel-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

const KERNEL = {
  'lib/modules/6.1/modules.builtin': 'kernel/drivers/nvme/host/nvme-core.ko\n',
  'lib/modules/6.1/kernel/net/card.ko': kernelModule([
    'depends=bus-core,nvme_core',
    'firmware=card/a.bin',
    'softdep=pre: sums gone',
  ]),
  'lib/modules/6.1/kernel/bus-core.ko': kernelModule(['depends=']),
  'lib/modules/6.1/kernel/sums.ko': kernelModule(['depends=']),
  'lib/modules/6.1/kernel/unused.ko': kernelModule(['depends=']),
} as const;

test('modules bring what they need, hard or soft; what is built in or not asked for stays away', (t) => {
  const kernel = openKernelTree(folderWith(t, KERNEL));
  const names = selectModules(kernel, ['card', 'nvme-core']).map((one) => one.name);
  assert.deepEqual(names, ['bus_core', 'card', 'sums']);
});

test('a module that the kernel does not have is an error that names it', (t) => {
  const kernel = openKernelTree(folderWith(t, KERNEL));
  assert.throws(() => selectModules(kernel, ['card', 'no-such', 'other']), /6\.1 has no module no_such, other/);
});

test("an operator's firmware goes before Debian's, compressed or not; what is missing is told by driver", (t) => {
  const debian = folderWith(t, { 'a.bin': 'debian', 'b.bin': 'debian' });
  const own = folderWith(t, { 'a.bin.xz': 'own' });
  const driver = (name: string, firmware: readonly string[]) => ({ name, path: `${name}.ko`, bytes: 1, firmware });
  const { found, missing } = selectFirmware(
    [driver('one', ['a.bin', 'b.bin', 'c.bin']), driver('two', ['d.bin']), driver('three', [])],
    [
      { name: 'operator', folder: own },
      { name: 'firmware-x', folder: debian },
    ],
  );
  assert.deepEqual(
    found.map(({ path, from }) => `${path} of ${from}`),
    ['a.bin.xz of operator', 'b.bin of firmware-x'],
  );
  assert.deepEqual(missing, [
    { module: 'one', files: ['c.bin'], complete: 'some' },
    { module: 'two', files: ['d.bin'], complete: false },
  ]);
});
