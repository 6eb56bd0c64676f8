import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { folderHost } from '#machines/agent/folder-host.ts';
import type { Host, HostAddress, ToolResult } from '#machines/agent/host.ts';
import { openJournal } from '#machines/agent/journal.ts';

/** A machine in a folder: a working small one, whose outside a test can see. */
export type FakeHost = AsyncDisposable & {
  readonly host: Host;
  readonly ran: readonly string[];
  readonly restarted: Promise<'reboot' | 'shutdown'>;
  readonly clock: { offsetMs: number };
  kernelSays(record: string): void;
  put(path: string, text: string): Promise<void>;
};

export async function fakeHost(parts: {
  readonly files?: Readonly<Record<string, string>>;
  readonly addresses?: readonly HostAddress[];
  readonly tool?: (line: string) => Partial<ToolResult> | Promise<Partial<ToolResult>>;
}): Promise<FakeHost> {
  const root = await mkdtemp(join(tmpdir(), 'ingot-host-'));
  const kernel = openJournal<string>(1000);
  const ran: string[] = [];
  const clock = { offsetMs: 0 };
  const { promise: restarted, resolve } = Promise.withResolvers<'reboot' | 'shutdown'>();
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  for (const [path, text] of Object.entries(parts.files ?? {})) await put(path, text);
  const simulated = folderHost({
    root,
    kernel,
    poweredOnAt: 0,
    addresses: () => parts.addresses ?? [{ link: 'eth0', address: '127.0.0.1', prefixLength: 8, family: 'inet4' }],
    async run(tool, args) {
      const line = [tool, ...args].join(' ');
      ran.push(line);
      return { status: 0, stdout: '', stderr: '', ...(await parts.tool?.(line)) };
    },
    async restart(how) {
      resolve(how);
    },
  });
  return {
    ran,
    restarted,
    clock,
    put,
    kernelSays: (record) => kernel.push(record),
    host: {
      ...simulated,
      now: () => Date.now() + clock.offsetMs,
      async setClock(ms) {
        clock.offsetMs = ms - Date.now();
      },
      space: async () => ({ size: 1000, available: 10 }),
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}
