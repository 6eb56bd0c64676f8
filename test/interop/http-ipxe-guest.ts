import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { makeDisk } from '#test/lab/disk.ts';
import { need } from '#test/lab/need.ts';
import { startProgram } from '#test/lab/program.ts';
import { readLog, waitFor } from '#test/lab/wait.ts';
import { ATTEMPT, startWorld } from '#test/server/http/world.ts';

export const FIRMWARES = ['bios', 'uefi'] as const;
/** What the guest's own disk says. */
const DISK = 'I am the own disk';
/** TCG on a loaded machine is slow; a guest that has done what is wanted ends at once. */
export const LIMIT_MS = 180_000;

type World = Parameters<typeof startWorld>[0];

/**
 * A guest that runs Debian's iPXE of 2019 and nothing of ours: under BIOS the one in its network card's ROM, under UEFI
 * `ipxe.efi` from a disk. QEMU's user network gives it an address and the script's URL, so no rights are needed.
 *
 * Gives nothing, and skips the test, where QEMU is missing.
 */
export async function startIpxeGuest(t: TestContext, firmware: (typeof FIRMWARES)[number], options: World = {}) {
  const tools = need(t, ['qemu-system-x86_64', 'ipxe.efi', 'OVMF_CODE_4M.fd', 'OVMF_VARS_4M.fd']);
  if (!tools) return undefined;
  // The guest reaches this machine's loopback at 10.0.2.2.
  const world = await startWorld({ ...options, advertise: (port) => `http://10.0.2.2:${port}` });
  const folder = join(world.directory, 'guest');
  mkdirSync(folder);
  const serial = join(folder, 'serial.log');
  const url = `http://10.0.2.2:${world.port}/a/${ATTEMPT}/boot.ipxe`;
  const disk = (file: string, index: number) => [
    '-drive',
    `file=${file},format=raw,if=none,id=d${index}`,
    '-device',
    `virtio-blk-pci,drive=d${index},bootindex=${index}`,
  ];
  const bios = () => ['-machine', 'pc,graphics=off', ...disk(makeDisk(folder, 'bios', DISK), 2)];
  const uefi = () => {
    const loader = join(folder, 'ipxe');
    mkdirSync(join(loader, 'EFI/BOOT'), { recursive: true });
    copyFileSync(tools['ipxe.efi'], join(loader, 'EFI/BOOT/BOOTX64.EFI'));
    const variables = join(folder, 'vars.fd');
    copyFileSync(tools['OVMF_VARS_4M.fd'], variables);
    const flash = [`readonly=on,file=${tools['OVMF_CODE_4M.fd']}`, `file=${variables}`];
    return [
      ['-machine', 'q35', '-device', 'virtio-rng-pci'],
      flash.flatMap((one) => ['-drive', `if=pflash,format=raw,${one}`]),
      disk(`fat:rw:${loader}`, 1),
      disk(makeDisk(folder, 'uefi', DISK), 2),
    ].flat();
  };
  const card = `virtio-net-pci,netdev=n0,mac=52:54:00:00:00:01${firmware === 'bios' ? ',bootindex=1' : ''}`;
  const args = [
    ['-accel', 'tcg,thread=multi', '-m', '256', '-display', 'none', '-vga', 'none', '-monitor', 'none'],
    ['-no-reboot', '-serial', `file:${serial}`],
    ['-netdev', `user,id=n0,bootfile=${url}`, '-device', card],
    firmware === 'bios' ? bios() : uefi(),
  ].flat();
  const qemu = startProgram({
    name: `${firmware} guest`,
    command: [tools['qemu-system-x86_64'], ...args],
    logFile: join(folder, 'qemu.log'),
  });
  const says = async (what: string): Promise<void> => {
    try {
      await waitFor(`the guest to say ${what}`, () => readLog(serial).includes(what), LIMIT_MS);
    } catch (cause) {
      throw new Error(`its console ended:\n${readLog(serial).slice(-3000)}\n${qemu.output()}`, { cause });
    }
  };
  return {
    world,
    says,
    bootsOwnDisk: () => says(DISK),
    async [Symbol.asyncDispose]() {
      await qemu.stop();
      await world[Symbol.asyncDispose]();
    },
  };
}
