import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

/** Puts the tree that sysfs, procfs and devtmpfs show of a machine into a folder. Links are relative, so that they lead where they do on a machine. */
export type Tree = {
  file(path: string, content: string | Uint8Array): Promise<void>;
  link(path: string, to: string): Promise<void>;
};

export function treeIn(root: string): Tree {
  const ready = (path: string) => mkdir(dirname(join(root, path)), { recursive: true });
  return {
    async file(path, content) {
      await ready(path);
      await writeFile(join(root, path), content);
    },
    async link(path, to) {
      await ready(path);
      await mkdir(join(root, to), { recursive: true });
      await symlink(relative(dirname(join(root, path)), join(root, to)), join(root, path));
    },
  };
}

export type Device = Readonly<Record<string, string | Uint8Array>>;

export async function putAll(tree: Tree, at: string, files: Device): Promise<void> {
  for (const [name, content] of Object.entries(files)) await tree.file(`${at}/${name}`, content);
}

/** A disk: its block device below the device it hangs on, as `/sys/block/NAME` leads to. */
export async function putDisk(
  tree: Tree,
  disk: {
    readonly name: string;
    readonly device: string;
    readonly bytes: number;
    readonly block?: Device;
    readonly on?: Device;
  },
): Promise<void> {
  const block = `${disk.device}/block/${disk.name}`;
  await tree.link(`/sys/block/${disk.name}`, block);
  await putAll(tree, block, {
    size: `${disk.bytes / 512}\n`,
    removable: '0\n',
    ro: '0\n',
    'queue/logical_block_size': '512\n',
    'queue/rotational': '0\n',
    ...disk.block,
  });
  await tree.link(`${block}/device`, disk.device);
  await putAll(tree, disk.device, disk.on ?? {});
}

export async function putPci(
  tree: Tree,
  pci: {
    readonly address: string;
    readonly ids: readonly [pciClass: string, vendor: string, device: string];
    readonly driver?: string;
  },
): Promise<string> {
  const device = `/sys/devices/pci0000:00/${pci.address}`;
  const [pciClass, vendor, product] = pci.ids;
  await tree.link(`/sys/bus/pci/devices/${pci.address}`, device);
  await putAll(tree, device, { class: `0x${pciClass}\n`, vendor: `0x${vendor}\n`, device: `0x${product}\n` });
  if (pci.driver !== undefined) await tree.link(`${device}/driver`, `/sys/bus/pci/drivers/${pci.driver}`);
  return device;
}

export async function putNic(
  tree: Tree,
  nic: { readonly name: string; readonly device?: string; readonly files: Device },
): Promise<void> {
  const at = `${nic.device ?? '/sys/devices/virtual'}/net/${nic.name}`;
  await tree.link(`/sys/class/net/${nic.name}`, at);
  await putAll(tree, at, { type: '1\n', addr_assign_type: '0\n', ...nic.files });
  if (nic.device !== undefined) await tree.link(`${at}/device`, nic.device);
}
