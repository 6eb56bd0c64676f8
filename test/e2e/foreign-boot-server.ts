import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildInitramfs } from '#test/lab/initramfs.ts';
import type { Lab, Place } from '#test/lab/lab.ts';

/**
 * Serves a boot by programs of others, dnsmasq (DHCP and TFTP) and busybox (HTTP), to prove the lab without our daemon:
 * loader, then an iPXE script, then kernel and initramfs, with `args` on the kernel's command line.
 */
export async function startForeignBootServer(
  lab: Lab,
  tools: Readonly<Record<'dnsmasq' | 'busybox' | 'vmlinuz' | 'modules' | 'ipxe.efi' | 'undionly.kpxe', string>>,
  args: string,
): Promise<void> {
  const files = join(lab.folder, 'files');
  mkdirSync(files);
  copyFileSync(tools.vmlinuz, join(files, 'vmlinuz'));
  copyFileSync(buildInitramfs(tools), join(files, 'initrd.img'));
  copyFileSync(tools['ipxe.efi'], join(files, 'ipxe.efi'));
  copyFileSync(tools['undionly.kpxe'], join(files, 'undionly.kpxe'));
  const url = `http://${lab.address}:8080`;
  // Under UEFI the kernel finds its initramfs by the name on its command line.
  const kernel = `kernel ${url}/vmlinuz initrd=initrd.img console=ttyS0 ${args}`;
  writeFileSync(join(files, 'boot.ipxe'), `#!ipxe\n${kernel}\ninitrd ${url}/initrd.img\nboot\n`);

  lab.start([tools.busybox, 'httpd', '-f', '-p', `${lab.address}:8080`, '-h', files], { name: 'httpd' });
  await startForeignDhcpServer(lab, tools, [
    '--enable-tftp',
    `--tftp-root=${files}`,
    '--dhcp-match=set:ipxe,175',
    '--dhcp-match=set:uefi,option:client-arch,7',
    '--dhcp-match=set:http,option:client-arch,16',
    '--dhcp-boot=tag:ipxe,boot.ipxe',
    '--dhcp-boot=tag:!ipxe,tag:uefi,ipxe.efi',
    `--dhcp-boot=tag:!ipxe,tag:http,${url}/ipxe.efi`,
    '--dhcp-option-force=tag:http,60,HTTPClient',
  ]);
}

/** Where a DHCP server is that stands on another machine than the daemon. */
export const OTHER_MACHINE = '192.168.77.2';

/** A DHCP server on another machine of the network, as a proxy finds it: the client namespace, with an address. */
export async function startNeighbourDhcpServer(lab: Lab, tools: { readonly dnsmasq: string }): Promise<void> {
  lab.giveAddress(OTHER_MACHINE);
  await startForeignDhcpServer(lab, tools, [], 'client');
}

/** A DHCP server that leases addresses on the bridge; without more options it names no boot file. */
export async function startForeignDhcpServer(
  lab: Lab,
  tools: { readonly dnsmasq: string },
  options: readonly string[] = [],
  place: Place = 'server',
): Promise<void> {
  const command = [
    tools.dnsmasq,
    '--no-daemon',
    '--conf-file=/dev/null',
    '--user=root',
    '--port=0',
    '--no-ping',
    '--log-dhcp',
    `--interface=${place === 'server' ? lab.bridge : lab.clientInterface}`,
    '--bind-interfaces',
    `--dhcp-leasefile=${join(lab.folder, 'leases')}`,
    '--dhcp-range=192.168.77.100,192.168.77.200,1h',
    ...options,
  ] as const;
  const dnsmasq = lab.start(command, { place });
  await dnsmasq.waitForOutput(/DHCP, IP range/, 10_000);
}
