/** How a tool ended. A tool that could not be started is a status of 127, as in a shell, with the reason in `stderr`. */
export type ToolResult = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** An address that the kernel has on a link. */
export type HostAddress = {
  readonly link: string;
  readonly address: string;
  readonly prefixLength: number;
  readonly family: 'inet4' | 'inet6';
};

/**
 * The machine that the agent runs on, or a simulated one: everything that the agent reads, runs or changes goes through
 * here. No way to write to a disk is among it.
 */
export type Host = {
  /** Where `/proc`, `/sys`, `/etc` and the others stand: `/` on a machine, a folder of its own in the rack. */
  readonly root: string;
  /** Milliseconds since the epoch, by the machine's own clock, which may be wrong until the daemon was asked. */
  now(): number;
  /** Milliseconds since power-on, by a clock that never jumps. */
  uptimeMs(): number;
  /** Of this boot; at random. */
  randomBytes(count: number): Uint8Array;
  setClock(ms: number): Promise<void>;
  /** Runs a program by its name and waits for its end; an abort kills it. Never rejects but for that. */
  run(
    tool: string,
    args: readonly string[],
    options?: { readonly signal?: AbortSignal; readonly environment?: Readonly<Record<string, string>> },
  ): Promise<ToolResult>;
  addresses(): readonly HostAddress[];
  /** The name that the kernel has. */
  hostname(): string;
  setHostname(name: string): Promise<void>;
  /** Records of `/dev/kmsg`, from the oldest that there is; ends with the signal. */
  kernelLog(signal: AbortSignal): AsyncIterable<string>;
  /** Size and free space of a mounted file system in bytes. */
  space(mountPoint: string): Promise<{ readonly size: number; readonly available: number } | undefined>;
  /** Does not come back on a machine. */
  restart(how: 'reboot' | 'shutdown'): Promise<void>;
};
