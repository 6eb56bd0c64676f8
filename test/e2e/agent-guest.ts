import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProgram } from '#test/lab/program.ts';
import { readLog, waitFor } from '#test/lab/wait.ts';

/** A guest that was given its kernel and initramfs directly: no firmware of a network card, no network of ours. */
export type AgentGuest = AsyncDisposable & {
  readonly serial: () => string;
  /** Waits for it on the console, for at most `limitMs`; throws with the console's end. */
  waitFor(pattern: RegExp, limitMs: number): Promise<RegExpExecArray>;
  /** Waits until it has powered itself off. */
  ended(limitMs: number): Promise<void>;
};

export function startAgentGuest(options: {
  readonly qemu: string;
  readonly vmlinuz: string;
  readonly initrd: string;
  readonly commandLine: string;
  readonly extraArgs?: readonly string[];
}): AgentGuest {
  const folder = mkdtempSync(join(tmpdir(), 'ingot-agent-guest-'));
  const serialFile = join(folder, 'serial.log');
  const program = startProgram({
    name: 'qemu',
    logFile: join(folder, 'qemu.log'),
    command: [
      options.qemu,
      ...['-accel', 'tcg,thread=multi', '-smp', '2', '-m', '768', '-nodefaults'],
      ...['-display', 'none', '-monitor', 'none', '-no-reboot', '-serial', `file:${serialFile}`],
      ...['-device', 'VGA', '-device', 'virtio-rng-pci'],
      ...['-kernel', options.vmlinuz, '-initrd', options.initrd],
      ...['-append', `console=tty0 console=ttyS0,115200 ${options.commandLine}`],
      ...(options.extraArgs ?? []),
    ],
  });
  const serial = () => readLog(serialFile);
  return {
    serial,
    async waitFor(pattern, limitMs) {
      try {
        return await waitFor(
          String(pattern),
          () => {
            const over = program.hasEnded();
            const match = pattern.exec(serial());
            if (match === null && over) throw new Error('the guest ended');
            return match ?? undefined;
          },
          limitMs,
        );
      } catch (cause) {
        throw new Error(`its console ended:\n${serial().slice(-3000)}\nqemu said: ${program.output()}`, { cause });
      }
    },
    async ended(limitMs) {
      await waitFor('the guest to end', program.hasEnded, limitMs);
    },
    async [Symbol.asyncDispose]() {
      await program.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
