import { status } from '@grpc/grpc-js';
import { CallRefusal, envelope, invalid, notFound, type UnaryHandlers } from '#machines/agent/api/call.ts';
import { rolledBack } from '../decide/installed.ts';
import { isLabel, LABELS, type Label } from '../decide/system-disk.ts';
import { pullInstaller } from '../installer.ts';
import type { Node } from '../life.ts';
import { volumesOf } from '../node-resources.ts';
import type { ResetWork } from '../sequences.ts';

const refused = (code: status, because: string): CallRefusal => new CallRefusal(code, because);
/** Errors of Go without a code. */
const failed = (because: string): CallRefusal => refused(status.UNKNOWN, because);

/** A tag of META fits into a byte. */
const MAX_TAG = 255;

/** What ends a boot, and what outlives it. */
export function lifeHandlers(node: Node): UnaryHandlers {
  const { machine, sequences } = node;

  const keep = async (meta: Readonly<Record<string, string>>): Promise<void> => {
    machine.meta = meta;
    await machine.system?.setMeta(meta);
    machine.refresh();
  };

  return {
    '/machine.MachineService/Reboot': ({ mode }) => {
      const isForced = mode === 'FORCE' || mode === 2;
      const how = isForced ? 'force' : mode === 'POWERCYCLE' || mode === 1 ? 'firmware' : 'kexec';
      return envelope({ actor_id: node.begin('reboot', sequences.reboot(how)) });
    },
    '/machine.MachineService/Shutdown': ({ force }) =>
      envelope({ actor_id: node.begin('shutdown', sequences.shutdown(force), { forced: true }) }),

    '/machine.MachineService/Reset': (request) => {
      const { graceful, reboot } = request;
      const isAll = request.mode === 'ALL' || request.mode === 0;
      const mode = isAll ? 'all' : request.mode === 'USER_DISKS' || request.mode === 2 ? 'users' : 'system';
      const labels = request.system_partitions_to_wipe.filter(({ wipe }) => wipe).map(({ label }) => label);
      const bad = (because: string) => failed(`reset failed: invalid input: ${because}`);
      if (mode === 'system' && request.user_disks_to_wipe.length > 0) {
        throw bad('user disks to wipe are not supported with the system disk mode');
      }
      if (mode === 'users' && labels.length > 0)
        throw bad('system partitions are not supported with the user disks mode');
      const userDisks = request.user_disks_to_wipe.map((path) => {
        const disk = machine.inventory.disks.find(({ name }) => `/dev/${name}` === path);
        if (!disk) throw failed(`reset user disk failed: device ${path} does not exist`);
        if (disk.name === machine.system?.name) {
          throw failed(`reset user disk failed: device ${path} is the system disk`);
        }
        return path.slice('/dev/'.length);
      });
      const volumes = volumesOf(machine);
      const partitions = labels.filter((label): label is Label => isLabel(label));
      const unknown = labels.find(
        (label) => !volumes.includes(label) && !(LABELS as readonly string[]).includes(label),
      );
      if (unknown !== undefined) throw bad(`label ${JSON.stringify(unknown)} not found`);
      const system: ResetWork['system'] = mode === 'users' ? 'none' : partitions.length > 0 ? partitions : 'disk';
      const phases = sequences.reset({ graceful, system, userDisks, ending: reboot ? 'reboot' : 'shutdown' });
      return envelope({ actor_id: node.begin('reset', phases) });
    },

    async '/machine.MachineService/Upgrade'({ image, stage, force, preserve, reboot_mode }, { signal }) {
      if (!machine.system) throw refused(status.FAILED_PRECONDITION, 'Talos is not installed');
      const release = await pullInstaller(machine, image, signal).catch((cause: unknown) => {
        throw failed(`error validating installer image ${JSON.stringify(image)}: ${String(cause)}`);
      });
      if (machine.config?.role === 'controlplane' && !force && !preserve) {
        const membership = machine.etcd?.membership();
        if (!membership?.cluster.hasQuorum()) throw failed('etcd is not healthy: etcdserver: no leader');
      }
      if (stage) throw refused(status.UNIMPLEMENTED, 'the simulated node does not stage upgrades');
      const kexec = reboot_mode !== 'POWERCYCLE' && reboot_mode !== 1;
      const actor = node.begin('upgrade', sequences.upgrade({ release, image, kexec }));
      return envelope({ ack: 'Upgrade request received', actor_id: actor });
    },

    async '/machine.MachineService/Rollback'() {
      const boot = await machine.system?.boot();
      if (!machine.system || !boot) throw refused(status.FAILED_PRECONDITION, 'no system disk found');
      const back = rolledBack({ ...boot, next: machine.boot.slot ?? boot.next });
      if (!back) throw failed('bootloader has no previous entry');
      await machine.system.setBoot(back);
      node.begin('reboot', sequences.reboot('kexec'), { forced: true });
      return envelope({});
    },

    async '/machine.MachineService/MetaWrite'({ key, value }) {
      if (key > MAX_TAG) throw invalid('key must be a uint8');
      await keep({ ...machine.meta, [key]: Buffer.from(value).toString() });
      return envelope({});
    },
    async '/machine.MachineService/MetaDelete'({ key }) {
      if (key > MAX_TAG) throw invalid('key must be a uint8');
      const { [key]: old, ...rest } = machine.meta;
      if (old === undefined) throw notFound('key not found');
      await keep(rest);
      return envelope({});
    },
  };
}
