import { setTimeout as sleep } from 'node:timers/promises';
import { eraseDisk } from './system-disk.ts';
import { installBeside, installDisk, installFresh, pullInstaller } from './installer.ts';
import type { Label } from './decide/system-disk.ts';
import type { Machine } from './machine.ts';
import { type Ending, LifeEnds, type Phase, type Task } from './sequencer.ts';
import type { Release } from './decide/release.ts';
import type { NodeConfig } from './config.ts';

/** Builds the sequences that end a boot: what is done in which order, by the names that events have. */
export type Sequences = {
  install(install: NonNullable<NodeConfig['install']>): readonly Phase[];
  reboot(mode: 'kexec' | 'firmware' | 'force'): readonly Phase[];
  shutdown(force: boolean): readonly Phase[];
  reset(what: ResetWork): readonly Phase[];
  upgrade(what: { readonly release: Release; readonly image: string; readonly kexec: boolean }): readonly Phase[];
};

export type ResetWork = {
  readonly graceful: boolean;
  /** The whole disk, some partitions of it, or nothing of it. */
  readonly system: 'disk' | 'none' | readonly Label[];
  /** Names without /dev/. */
  readonly userDisks: readonly string[];
  readonly ending: 'reboot' | 'shutdown';
};

export function sequences(machine: Machine): Sequences {
  const { taskMs } = machine.boot.times;
  const pause = (signal: AbortSignal) => sleep(taskMs, undefined, { signal });
  const task = (name: string, run?: (signal: AbortSignal) => Promise<void> | void): Task => ({
    task: name,
    async run(signal) {
      await pause(signal);
      await run?.(signal);
    },
  });
  const phase = (name: string, ...tasks: readonly Task[]): Phase => ({ phase: name, tasks });
  const plain = (name: string): Phase => phase(name, task(name));
  const ends = (ending: Ending, name = ending === 'shutdown' ? 'shutdown' : 'reboot') =>
    phase(
      name,
      task(name, () => {
        throw new LifeEnds(ending);
      }),
    );
  const leave = (): readonly Phase[] =>
    machine.config?.role === 'controlplane'
      ? [
          phase(
            'leave',
            task('leaveEtcd', () => machine.etcd?.leave()),
          ),
        ]
      : [];
  const stopped = (): readonly Phase[] => [
    phase(
      'stopServices',
      task('stopServicesForUpgrade', () => machine.services.stopAll()),
    ),
    plain('umount'),
    plain('volumeFinalize'),
    plain('stopEverything'),
  ];
  /** With what the loader starts next in memory already, and without it by way of the firmware. */
  const restart = (kexec: boolean): readonly Phase[] =>
    kexec && machine.system ? [plain('kexec'), ends('kexec')] : [ends('reboot')];

  return {
    install: (install) => [
      plain('env'),
      phase(
        'install',
        task('install', async (signal) => {
          const disk = installDisk(machine, install);
          if (!disk) throw new Error('no disk found matching provided parameters');
          const release = await pullInstaller(machine, install.image, signal);
          const { image, wipe } = install;
          await installFresh(machine, { disk: disk.name, release, image, wipe }, signal);
        }),
      ),
      plain('meta'),
      plain('saveMeta'),
      plain('denyNewServices'),
      plain('volumeFinalize'),
      plain('stopEverything'),
      plain('kexec'),
      ends('kexec'),
    ],
    reboot: (mode) => [
      ...(mode === 'force' ? [] : [plain('cleanup'), plain('dbus'), ...stopped()]),
      ...restart(mode === 'kexec'),
    ],
    shutdown: (force) => [...(force ? [] : [plain('drain'), plain('cleanup'), ...stopped()]), ends('shutdown')],
    reset({ graceful, system, userDisks, ending }) {
      const isPartial = system !== 'disk' && system !== 'none';
      return [
        ...(graceful ? [plain('drain')] : []),
        plain('cleanup'),
        plain('dbus'),
        ...(graceful ? leave() : []),
        plain('preReset'),
        ...stopped(),
        plain('forceCleanup'),
        ...(system === 'disk'
          ? [
              phase(
                'reset',
                task('resetSystemDisk', async () => {
                  if (machine.system) await eraseDisk(machine.boot.disks, machine.system.name);
                  machine.system = undefined;
                }),
              ),
            ]
          : []),
        ...(isPartial
          ? [
              phase(
                'resetSpec',
                task('resetSystemDiskSpec', () => machine.system?.drop(system)),
              ),
            ]
          : []),
        ...(userDisks.length > 0
          ? [
              phase(
                'resetUserDisks',
                task('resetUserDisks', async () => {
                  for (const name of userDisks) await eraseDisk(machine.boot.disks, name);
                }),
              ),
            ]
          : []),
        ...(ending === 'reboot' ? restart(system !== 'disk') : [ends('shutdown')]),
      ];
    },
    upgrade: ({ release, image, kexec }) => [
      plain('drain'),
      plain('cleanup'),
      ...stopped(),
      plain('verifyDisk'),
      phase(
        'upgrade',
        task('upgrade', (signal) => installBeside(machine, { release, image }, signal)),
      ),
      ...restart(kexec),
    ],
  };
}
