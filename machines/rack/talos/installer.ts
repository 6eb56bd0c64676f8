import { setTimeout as sleep } from 'node:timers/promises';
import { talosVersionText } from '#machines/os/talos/version.ts';
import { chooseDisk, matchDisks, type SelectableDisk } from './decide/choose-disk.ts';
import { type BootRecord, withRelease } from './decide/installed.ts';
import { type Release, releaseOfImage } from './decide/release.ts';
import type { Install } from './config.ts';
import type { Machine } from './machine.ts';
import { installOn } from './system-disk.ts';

/** What there is where an image cannot be had, in the words of the registry's client. */
const missing = (reference: string): Error =>
  new Error(`failed to resolve reference ${JSON.stringify(reference)}: ${reference}: not found`);

/** As pulling does it: the image is there and is an installer. Rejects where it is not. */
export async function pullInstaller(machine: Machine, reference: string, signal: AbortSignal): Promise<Release> {
  const { times, faults } = machine.boot;
  await sleep(times.installMs / 4, undefined, { signal });
  const release = releaseOfImage(reference);
  if (!release || faults.lacksImage?.(reference)) throw missing(reference);
  return release;
}

/** The disk of an install by its selector; undefined where none matches. Throws what the rack does not know. */
export function installDisk(machine: Machine, install: Install): SelectableDisk | undefined {
  const disks = machine.inventory.disks.flatMap(
    ({ name, bytes, model, serial, wwn, rotational = false, transport }): readonly SelectableDisk[] =>
      // Disks of which nothing is known how they are attached never match.
      name === undefined || transport === undefined
        ? []
        : [
            {
              name,
              bytes,
              rotational,
              transport,
              ...(model === undefined ? {} : { model }),
              ...(serial === undefined ? {} : { serial }),
              ...(wwn === undefined ? {} : { wwn }),
            },
          ],
  );
  if (install.kind === 'legacy') return chooseDisk(disks, install);
  const matched = matchDisks(disks, install.match);
  if (!matched.ok) throw new Error(matched.because);
  return matched.disks[0];
}

/** A new system on a disk, with the command line that this boot hands on. Rejects with what the installer says. */
export async function installFresh(
  machine: Machine,
  what: { readonly disk: string; readonly release: Release; readonly image: string; readonly wipe: boolean },
  signal: AbortSignal,
): Promise<void> {
  await runInstaller(machine, what.image, signal);
  const boot: BootRecord = {
    next: 'A',
    entries: { A: releaseText(what.release) },
    line: ['talos.platform=metal', 'console=tty0', 'slab_nomerge', 'pti=on', ...machine.line.inherited].join(' '),
  };
  machine.system = await installOn(machine.boot.disks, what.disk, { boot, wipe: what.wipe });
  await machine.system.setMeta(machine.meta);
  if (machine.config) await machine.system.setState(machine.config.text);
  machine.inventory = await machine.boot.readInventory();
  machine.refresh();
}

/** A release beside the one that runs, which is what the loader starts next. */
export async function installBeside(
  machine: Machine,
  what: { readonly release: Release; readonly image: string },
  signal: AbortSignal,
): Promise<void> {
  await runInstaller(machine, what.image, signal);
  const boot = await machine.system?.boot();
  if (!machine.system || !boot) throw new Error('Talos is not installed');
  // The entry that runs is kept, be it the next one or not.
  const running = machine.boot.slot ?? boot.next;
  await machine.system.setBoot(withRelease({ ...boot, next: running }, releaseText(what.release)));
}

/** Exit status of an installer that failed. */
export class InstallerFailed extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`task failed, exit code ${exitCode}`);
    this.name = 'InstallerFailed';
    this.exitCode = exitCode;
  }
}

async function runInstaller({ boot: { times, faults } }: Machine, image: string, signal: AbortSignal): Promise<void> {
  await sleep(times.installMs / 2, undefined, { signal });
  if (faults.installerFails?.(image)) throw new InstallerFailed(1);
}

const releaseText = ({ version, schematic }: Release) => ({ version: talosVersionText(version), schematic });
