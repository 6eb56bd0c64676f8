import type { Bmcs, MachineBmc } from './bmcs.ts';
import { BmcError } from './contract.ts';

export type OpenConsole = AsyncDisposable & {
  readonly id: string;
  readonly machine: string;
  readonly output: AsyncIterable<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
};

/** Serial lines that are being looked at: one a machine, because a BMC has one. */
export type Consoles = {
  /** A session of its own beside the polls. Rejects with a `BmcError`; ends when the signal aborts. */
  open(bmc: MachineBmc, by: string, signal: AbortSignal): Promise<OpenConsole>;
  get(id: string): OpenConsole | undefined;
};

const OPEN_MS = 30_000;

export function openConsoles({ bmcs, newId }: { readonly bmcs: Bmcs; readonly newId: () => string }): Consoles {
  const consoles = new Map<string, { readonly console: OpenConsole; readonly by: string }>();

  return {
    async open(bmc, by, signal) {
      const { machine } = bmc;
      const other = [...consoles.values()].find(({ console }) => console.machine === machine);
      if (other) throw new BmcError('sessions', `${other.by} has the console of ${machine} open`);
      await using opening = new AsyncDisposableStack();
      const driver = opening.use(await bmcs.openSerial(bmc, AbortSignal.any([signal, AbortSignal.timeout(OPEN_MS)])));
      const line = opening.use(await driver.console(signal));
      const id = newId();
      const open = opening.move();
      const console: OpenConsole = {
        id,
        machine,
        output: line.output,
        write: (bytes) => line.write(bytes),
        async [Symbol.asyncDispose]() {
          consoles.delete(id);
          await open.disposeAsync();
        },
      };
      consoles.set(id, { console, by });
      return console;
    },
    get: (id) => consoles.get(id)?.console,
  };
}
