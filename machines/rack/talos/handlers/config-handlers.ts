import { status } from '@grpc/grpc-js';
import { CallRefusal, envelope, invalid, type UnaryHandlers } from '#machines/agent/api/call.ts';
import type { ApplyMode } from '#machines/api/messages/life.ts';
import { milliseconds } from '#machines/api/messages/shape.ts';
import { documentId, isMap, kindOf, type TalosDocument, type Tree, V1ALPHA1 } from '#machines/os/talos/documents.ts';
import { isAtLeast } from '#machines/os/talos/version.ts';
import { readConfig } from '../config.ts';
import type { Node } from '../life.ts';

const TRY_MS = 60_000;
/** Keys of v1alpha1's machine section that nothing before 1.14 could change in a running system. */
const REBOOTING = ['sysfs', 'kernel', 'disks', 'systemDiskEncryption', 'env'];

/** ApplyConfiguration, before the machine has one and after. */
export function configHandlers(node: Node): UnaryHandlers {
  const { machine } = node;
  const { version } = machine.boot.release;
  let isBusy = false;
  let reverting: NodeJS.Timeout | undefined;

  return {
    async '/machine.MachineService/ApplyConfiguration'({ data, mode, dry_run, try_mode_timeout }) {
      if (isBusy) throw new CallRefusal(status.FAILED_PRECONDITION, 'another apply configuration is in progress');
      isBusy = true;
      try {
        const isRunning = machine.config !== undefined;
        const wanted = wordOf(mode);
        if (isRunning && wanted === 'REBOOT' && isAtLeast(version, 14)) {
          throw new CallRefusal(status.UNIMPLEMENTED, 'the mode REBOOT is no longer supported');
        }
        const read = readConfig(Buffer.from(data).toString(), {
          version,
          isInstalled: machine.system !== undefined,
          // A running machine's is replaced; in maintenance what is partial adds up.
          base: isRunning ? [] : machine.documents,
        });
        if (!read.ok) throw invalid(read.because);
        if (isRunning && !read.config) throw invalid('the machine configuration has no v1alpha1 document');
        const answered = modeOf(wanted, isRunning, machine.documents, read.documents, isAtLeast(version, 14));
        const differences = differencesOf(machine.documents, read.documents);
        if (dry_run) {
          const details = `Dry run summary:\nApplied configuration without a reboot (skipped in dry-run).\nConfig diff:\n\n${differences}`;
          return envelope({ mode: answered, mode_details: details });
        }
        clearTimeout(reverting);
        if (wanted !== 'TRY' && machine.system && read.config) await machine.system.setState(read.config.text);
        if (wanted === 'STAGED') {
          return envelope({ mode: answered, mode_details: 'Staged configuration to be applied after the next reboot' });
        }
        const before = machine.config;
        const documents = machine.documents;
        node.accept(read);
        if (wanted === 'TRY' && before) {
          const ms = try_mode_timeout === null ? TRY_MS : milliseconds(try_mode_timeout);
          reverting = setTimeout(() => node.accept({ ok: true, documents, config: before }), ms || TRY_MS);
          reverting.unref();
        }
        if (isRunning && answered === 'REBOOT') node.begin('reboot', node.sequences.reboot('kexec'));
        const details =
          answered === 'REBOOT' ? 'Applied configuration with a reboot' : 'Applied configuration without a reboot';
        return envelope({ mode: answered, mode_details: details });
      } finally {
        isBusy = false;
      }
    },
  };
}

const MODES: readonly ApplyMode[] = ['REBOOT', 'AUTO', 'NO_REBOOT', 'STAGED', 'TRY'];
const wordOf = (mode: ApplyMode | number): ApplyMode => (typeof mode === 'string' ? mode : (MODES[mode] ?? 'AUTO'));

/** What AUTO comes to: from 1.14 on never a reboot. */
function modeOf(
  wanted: ApplyMode,
  isRunning: boolean,
  before: readonly TalosDocument[],
  after: readonly TalosDocument[],
  is14: boolean,
): ApplyMode {
  if (!isRunning) return is14 ? 'NO_REBOOT' : 'REBOOT';
  if (wanted !== 'AUTO') return wanted;
  const at = (documents: readonly TalosDocument[], key: string): Tree | undefined => {
    const section = documents.find((one) => kindOf(one) === V1ALPHA1)?.['machine'];
    return isMap(section) ? section[key] : undefined;
  };
  const isDeep = REBOOTING.some((key) => JSON.stringify(at(before, key)) !== JSON.stringify(at(after, key)));
  return is14 || !isDeep ? 'NO_REBOOT' : 'REBOOT';
}

/** Which documents would be others, without what is in them. */
function differencesOf(before: readonly TalosDocument[], after: readonly TalosDocument[]): string {
  const text = (documents: readonly TalosDocument[]) =>
    new Map(documents.map((one) => [documentId(one), JSON.stringify(one)]));
  const [old, fresh] = [text(before), text(after)];
  const lines = [...new Set([...old.keys(), ...fresh.keys()])].flatMap((id) => {
    if (old.get(id) === fresh.get(id)) return [];
    return [...(old.has(id) ? [`-${id}`] : []), ...(fresh.has(id) ? [`+${id}`] : [])];
  });
  return lines.length === 0 ? 'No changes.' : lines.join('\n');
}
