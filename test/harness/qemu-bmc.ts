import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BmcHardware } from '#machines/rack/bmc/hardware.ts';
import type { BmcProfileName } from '#machines/rack/bmc/quirks.ts';
import type { Lab } from '#test/lab/lab.ts';
import { readLog, waitFor } from '#test/lab/wait.ts';
import type { qemuMachine } from './qemu-backend.ts';

const PROGRAM = fileURLToPath(new URL('qemu-bmc-program.ts', import.meta.url));
const START_LIMIT_MS = 60_000;

type MachineOptions = Parameters<typeof qemuMachine>[1];

/** What the program is told. */
export type QemuBmcOrder = {
  readonly folder: string;
  readonly tap: string;
  readonly serialFile: string;
  readonly machine: MachineOptions;
  readonly hardware: BmcHardware;
  readonly profile: BmcProfileName;
  readonly address: string;
  readonly credential: { readonly username: string; readonly password: string };
};

/** A machine in QEMU behind a BMC on the loopback of a lab's server namespace, where the daemon of the lab is too. */
export type QemuBmc = AsyncDisposable & {
  /** `https://127.78.1.1:443` */
  readonly redfish: string;
  /** `127.78.1.1:623` */
  readonly ipmi: string;
  /** All that came out of its serial port, boot after boot. */
  readonly serial: () => string;
  /** `uefi-pxe network`: what each boot attempt was started as. */
  readonly boots: () => readonly string[];
  /** Waits for it; throws, with the console's end, when the time (ms) is over. */
  waitForSerial(pattern: RegExp, limitMs: number): Promise<RegExpExecArray>;
  /** Waits until it has no power, whoever took it. */
  waitForPowerOff(limitMs: number): Promise<void>;
};

/** Starts the BMC; its machine is off. It ends when it is disposed of. */
export async function startQemuBmc(
  lab: Lab,
  options: {
    readonly machine: MachineOptions;
    /** What the BMC tells of its machine. */
    readonly hardware: BmcHardware;
    readonly credential: { readonly username: string; readonly password: string };
    /** Default: plain. */
    readonly profile?: BmcProfileName;
    /** Default: 127.78.1.1; each BMC of a lab has its own. */
    readonly address?: string;
  },
): Promise<QemuBmc> {
  const { machine, hardware, credential, profile = 'plain', address = '127.78.1.1' } = options;
  const tap = lab.addTap();
  const serialFile = join(lab.folder, `${tap}-serial.log`);
  const order: QemuBmcOrder = { folder: lab.folder, tap, serialFile, machine, hardware, profile, address, credential };
  const program = lab.start([process.execPath, PROGRAM, JSON.stringify(order)], { name: `bmc-${tap}` });
  const [, redfish = '', ipmi = ''] = await program.waitForOutput(/^listening (\S+) (\S+)$/m, START_LIMIT_MS);
  const serial = (): string => readLog(serialFile);
  const matches = (pattern: RegExp): readonly RegExpMatchArray[] => [...program.output().matchAll(pattern)];
  return {
    redfish,
    ipmi,
    serial,
    boots: () => matches(/^boot \{"firmware":"([\w-]+)","first":"(\w+)"\}$/gm).map((one) => `${one[1]} ${one[2]}`),
    async waitForSerial(pattern, limitMs) {
      try {
        return await waitFor(`the machine’s ${pattern}`, () => pattern.exec(serial()) ?? undefined, limitMs);
      } catch (cause) {
        throw new Error(
          `it did not say ${pattern}; its console ended:\n${serial().slice(-4000)}\nits BMC said:\n${program.output()}`,
          { cause },
        );
      }
    },
    waitForPowerOff: async (limitMs) =>
      void (await waitFor('the machine to be off', () => matches(/^stage (\S+)$/gm).at(-1)?.[1] === 'off', limitMs)),
    async [Symbol.asyncDispose]() {
      await program.stop();
    },
  };
}
