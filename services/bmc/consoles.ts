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
  /**
   * A session of its own beside the polls. Rejects with a `BmcError`; ends when the signal aborts. With `onLeave`, it
   * gives way to whoever opens the console without: then it ends, and that one waits for it. It never takes a console
   * from anybody itself.
   */
  open(bmc: MachineBmc, by: string, signal: AbortSignal, onLeave?: (to: string) => void): Promise<OpenConsole>;
  get(id: string): OpenConsole | undefined;
};

const OPEN_MS = 30_000;

export function openConsoles({
  bmcs,
  newId,
}: {
  readonly bmcs: Pick<Bmcs, 'openSerial'>;
  readonly newId: () => string;
}): Consoles {
  type Held = {
    readonly machine: string;
    readonly by: string;
    readonly leave: ((to: string) => Promise<void>) | undefined;
    console: OpenConsole | undefined;
  };
  const consoles = new Map<string, Held>();

  return {
    async open(bmc, by, signal, onLeave) {
      const { machine } = bmc;
      const ofMachine = (): Held | undefined => [...consoles.values()].find((one) => one.machine === machine);
      const before = ofMachine();
      if (before?.leave && !onLeave) await before.leave(by);
      const other = ofMachine();
      if (other) throw new BmcError('sessions', `${other.by} has the console of ${machine} open`);
      const id = newId();
      const gone = new AbortController();
      const over = Promise.withResolvers<void>();
      const leave =
        onLeave &&
        (async (to: string): Promise<void> => {
          onLeave(to);
          gone.abort(new BmcError('sessions', `${to} opened the console of ${machine}`));
          await over.promise;
        });
      const held: Held = { machine, by, leave, console: undefined };
      // From the first moment: whoever comes while it is being opened must not be told that it is busy.
      consoles.set(id, held);
      const forget = (): void => {
        consoles.delete(id);
        over.resolve();
      };
      const until = AbortSignal.any([signal, gone.signal]);
      try {
        await using opening = new AsyncDisposableStack();
        const driver = opening.use(await bmcs.openSerial(bmc, AbortSignal.any([until, AbortSignal.timeout(OPEN_MS)])));
        const line = opening.use(await driver.console(until));
        until.throwIfAborted();
        const open = opening.move();
        held.console = {
          id,
          machine,
          output: line.output,
          write: (bytes) => line.write(bytes),
          async [Symbol.asyncDispose]() {
            try {
              await open.disposeAsync();
            } finally {
              forget();
            }
          },
        };
        return held.console;
      } catch (error) {
        forget();
        throw error;
      }
    },
    get: (id) => consoles.get(id)?.console,
  };
}
