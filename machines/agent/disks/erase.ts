import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { WipeMethod } from '../../contract/job.ts';
import type { Disk, Disks, RangeCommand, Wanted } from './disk.ts';
import { type Capabilities, methodsOf, readHdparm, readNvme } from './wipe-methods.ts';

/** Written at once: large enough for the disk, small enough that a cancel is heard soon. */
const CHUNK_BYTES = 4 << 20;
const POLL_MS = 2000;
/** An interrupted SECURITY ERASE leaves its password set; a known one can always be taken off again. */
const ATA_PASSWORD = 'ingot';

export type Told = (text: string, fraction?: number) => void;
export type Erased = { readonly method: WipeMethod; readonly tool: string };

/** What its own tools say that the disk can do. A tool that is missing or refuses says: nothing. */
export async function capabilitiesOf(
  name: string,
  { run }: Pick<Disks, 'run'>,
  signal: AbortSignal,
): Promise<Capabilities> {
  if (/^nvme\d+n\d+$/.test(name)) {
    const { status, stdout } = await run('nvme', ['id-ctrl', `/dev/${name}`, '-o', 'json'], signal);
    try {
      return status === 0 ? readNvme(stdout) : {};
    } catch {
      return {};
    }
  }
  if (/^sd[a-z]+$/.test(name)) {
    const ata = await run('hdparm', ['-I', `/dev/${name}`], signal);
    if (ata.status === 0 && /^ATA device/m.test(ata.stdout)) return readHdparm(ata.stdout);
    const scsi = await run('sg_opcodes', ['--opcode=0x48,0x2', `/dev/${name}`], signal);
    const crypto = await run('sg_opcodes', ['--opcode=0x48,0x3', `/dev/${name}`], signal);
    const supported = (result: { status: number; stdout: string }): boolean =>
      result.status === 0 && /Command supported/i.test(result.stdout);
    return { scsi: { sanitizeBlock: supported(scsi), sanitizeCrypto: supported(crypto) } };
  }
  return {};
}

/** The strongest the disk really has, or the one asked for, which is refused where the disk lacks it. */
export function chooseMethod(capabilities: Capabilities, asked: 'best' | WipeMethod): WipeMethod {
  const methods = methodsOf(capabilities);
  if (asked === 'best') return methods[0] ?? 'zero-overwrite';
  if (methods.includes(asked)) return asked;
  const frozen =
    capabilities.ata?.frozen === true && asked.startsWith('ata-secure-erase')
      ? '; its firmware froze it: take its power away for a moment, or let the machine sleep'
      : '';
  const { beside = [] } = capabilities;
  const shared =
    beside.length > 0 && asked.startsWith('nvme-')
      ? `; ${beside.join(', ')} on the same drive would be erased, too`
      : '';
  throw new Error(`${asked} is not to be had: this disk offers ${methods.join(', ')}${frozen}${shared}`);
}

/**
 * Erases the whole disk by one method, to its end. It never falls back to another one: what is claimed is what ran.
 * Rejects where the method failed, the disk then being in an unknown state.
 */
export async function erase(
  disk: Disk,
  method: WipeMethod,
  { run }: Pick<Disks, 'run'>,
  told: Told,
  signal: AbortSignal,
): Promise<Erased> {
  const device = `/dev/${disk.name}`;
  const done = (tool: string): Erased => ({ method, tool });
  async function must(program: string, args: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await run(program, args, signal);
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: status ${status}: ${lastLine(stderr || stdout)}`);
    return stdout;
  }
  switch (method) {
    case 'nvme-sanitize-block':
    case 'nvme-sanitize-crypto': {
      await must('nvme', ['sanitize', device, `--sanact=${method === 'nvme-sanitize-block' ? 2 : 4}`]);
      // It belongs to the whole subsystem and survives a loss of power. SSTAT (NVM Express 2.0, 5.16.1.25): 1 and
      // 4 done, 2 running, 3 failed, 0 never begun.
      for (;;) {
        const { sprog, status } = readSanitizeLog(await must('nvme', ['sanitize-log', device, '-o', 'json']));
        if (status === 1 || status === 4) return done('nvme sanitize');
        if (status !== 2) throw new Error(`the drive’s status of its sanitize is ${status}, want 2 until it is 1`);
        told(method, sprog / 65_536);
        await sleep(POLL_MS, undefined, { signal });
      }
    }
    case 'nvme-format-crypto':
    case 'nvme-format-user-data':
      told(method);
      // SES 1 erases user data, 2 the key; 0 would erase nothing at all.
      await must('nvme', ['format', device, `--ses=${method === 'nvme-format-crypto' ? 2 : 1}`, '--force']);
      return done('nvme format');
    case 'ata-sanitize-block':
    case 'ata-sanitize-crypto': {
      const flag = method === 'ata-sanitize-block' ? '--sanitize-block-erase' : '--sanitize-crypto-scramble';
      await must('hdparm', ['--yes-i-know-what-i-am-doing', flag, device]);
      for (;;) {
        const text = await must('hdparm', ['--sanitize-status', device]);
        if (/Sanitize operation completed|Last Sanitize Operation Completed Without Error/i.test(text))
          return done('hdparm sanitize');
        // Frozen, or idle after all: it would be asked for ever.
        if (!/in process/i.test(text)) throw new Error(`hdparm --sanitize-status: ${lastLine(text)}`);
        const percent = /(\d+)%/.exec(text)?.[1];
        told(method, percent === undefined ? undefined : Number(percent) / 100);
        await sleep(POLL_MS, undefined, { signal });
      }
    }
    case 'ata-secure-erase':
    case 'ata-secure-erase-enhanced': {
      told(method);
      await must('hdparm', ['--user-master', 'u', '--security-set-pass', ATA_PASSWORD, device]);
      const flag = method === 'ata-secure-erase' ? '--security-erase' : '--security-erase-enhanced';
      const alive = setInterval(() => told(`${method}: the drive gives no progress`), 30_000);
      try {
        await must('hdparm', ['--user-master', 'u', flag, ATA_PASSWORD, device]);
      } catch (cause) {
        await run('hdparm', ['--user-master', 'u', '--security-disable', ATA_PASSWORD, device], signal);
        throw cause;
      } finally {
        clearInterval(alive);
      }
      return done('hdparm security erase');
    }
    case 'scsi-sanitize-block':
    case 'scsi-sanitize-crypto': {
      told(method);
      const alive = setInterval(() => told(method), 30_000);
      try {
        await must('sg_sanitize', [
          method === 'scsi-sanitize-block' ? '--block' : '--crypto',
          '--quick',
          '--wait',
          device,
        ]);
      } finally {
        clearInterval(alive);
      }
      return done('sg_sanitize');
    }
    case 'zero-overwrite':
      await overwrite(disk, told, signal);
      return done('zeros, written by the agent');
    case 'block-zero-out':
    case 'block-secure-discard':
    case 'block-discard': {
      const how = RANGE_COMMAND[method];
      await disk.clearRanges(how, told, signal);
      return done(`blkdiscard, ${how}`);
    }
    default:
      return method satisfies never;
  }
}

const RANGE_COMMAND = {
  'block-zero-out': 'zero-out',
  'block-secure-discard': 'secure-discard',
  'block-discard': 'discard',
} as const satisfies Partial<Record<WipeMethod, RangeCommand>>;

/** Takes the agent’s own password off a drive whose SECURITY ERASE was interrupted: until then nothing of it can be read. */
export async function unlock(
  { name, serial }: Pick<Wanted, 'name' | 'serial'>,
  { ata }: Capabilities,
  { run }: Pick<Disks, 'run'>,
  signal: AbortSignal,
): Promise<void> {
  if (ata?.locked !== true) return;
  // It cannot be opened yet, so its own word is all there is.
  if (ata.serial !== undefined && serial !== undefined && ata.serial !== serial.trim()) {
    throw new Error(`${name} is locked, and its serial is ${ata.serial}, planned was ${serial}; nothing was written`);
  }
  for (const flag of ['--security-unlock', '--security-disable']) {
    const { status } = await run('hdparm', ['--user-master', 'u', flag, ATA_PASSWORD, `/dev/${name}`], signal);
    if (status !== 0) throw new Error(`${name} is locked by a password that is not the agent’s; nothing was written`);
  }
}

/** Zeros from end to end. The ends go first, so that an interrupted wipe leaves nothing that boots or mounts. */
async function overwrite(disk: Disk, told: Told, signal: AbortSignal): Promise<void> {
  const { bytes } = disk.identity;
  const zeros = new Uint8Array(Math.min(CHUNK_BYTES, bytes));
  await clearEnds(disk);
  for (let at = 0; at < bytes; at += zeros.length) {
    signal.throwIfAborted();
    await disk.write(zeros.subarray(0, Math.min(zeros.length, bytes - at)), at);
    told('zero-overwrite', at / bytes);
  }
  await disk.sync();
}

/** Partition tables and the signatures of RAID, ZFS and LVM stand in the first and the last MiB. */
export async function clearEnds(disk: Disk): Promise<void> {
  const { bytes } = disk.identity;
  const zeros = new Uint8Array(Math.min(1 << 20, bytes));
  await disk.write(zeros, 0);
  await disk.write(zeros, bytes - zeros.length);
  await disk.sync();
}

/**
 * What `nvme sanitize-log -o json` says. nvme-cli 2.3 puts the log under the device's name and spells the status
 * `"(2) Sanitize in Progress."`; older ones give the number of SSTAT. Throws where there is none.
 */
function readSanitizeLog(text: string): { readonly sprog: number; readonly status: number } {
  const log = z.union([sanitizeLog, z.record(z.string(), sanitizeLog).transform((by) => Object.values(by)[0])]);
  const read = log.safeParse(JSON.parse(text));
  if (!read.success || read.data === undefined) {
    throw new Error(`nvme sanitize-log: got ${JSON.stringify(text.slice(0, 200))}, want sprog and sstat`);
  }
  return read.data;
}
const sstat = z.union([
  z.number().int(),
  z
    .string()
    .regex(/^\(\d\)/)
    .transform((text) => Number(text[1])),
]);
const sanitizeLog = z
  .object({ sprog: z.number(), sstat: z.union([sstat, z.object({ status: sstat }).transform(({ status }) => status)]) })
  .transform((log) => ({ sprog: log.sprog, status: log.sstat & 7 }));

const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.slice(0, 255) ?? '';
