/**
 * One disk, opened for writing and by nobody else. Everything that names it was read through the open descriptor: what
 * stands under `/dev/sda` may be another disk a moment later.
 */
export type Disk = AsyncDisposable & {
  readonly name: string;
  readonly identity: DiskIdentity;
  /** What the kernel’s block layer can have the disk do to whole ranges. */
  readonly ranges: Readonly<Record<RangeCommand, boolean>>;
  /** Other disks that are the same drive: what is done to a whole drive is done to them. */
  readonly beside: readonly string[];
  /** A path for tools that leads to what is open, whatever its name has become. */
  readonly device: string;
  /** Reads into the whole of `into`; rejects where the disk ends before. */
  read(into: Uint8Array, position: number): Promise<void>;
  write(bytes: Uint8Array, position: number): Promise<void>;
  /** Everything written is on the medium when it resolves. */
  sync(): Promise<void>;
  /** Does one of `ranges` to all of the disk. Rejects where the disk refuses; progress is told between pieces. */
  clearRanges(how: RangeCommand, told: (text: string, fraction?: number) => void, signal: AbortSignal): Promise<void>;
  /** Later reads come from the medium, not from memory. Call after `sync`. */
  forgetCache(): Promise<void>;
};

/**
 * BLKDISCARD: the blocks are not needed any more, what they read as is undefined. BLKSECDISCARD: nor may a copy remain
 * (eMMC). BLKZEROOUT: they read as zeros, which the disk itself sees to.
 */
export type RangeCommand = 'discard' | 'secure-discard' | 'zero-out';

export type DiskIdentity = {
  readonly serial?: string;
  readonly wwn?: string;
  readonly model?: string;
  readonly bytes: number;
  readonly sectorBytes: number;
  readonly rotational: boolean;
  readonly transport?: string;
  /** What is on it by its signatures, partitions included. */
  readonly signatures: readonly string[];
};

/** How the agent reaches disks: block devices on a machine, files in the rack. */
export type Disks = {
  /** Opens it exclusively; rejects with a plain reason (`in use by md0`) where that cannot be. */
  open(name: string): Promise<Disk>;
  /** Runs a tool of the image; resolves with its exit status whatever that is. */
  run(program: string, args: readonly string[], signal: AbortSignal): Promise<ToolResult>;
};
export type ToolResult = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** What the plan says of a disk. */
export type Wanted = {
  readonly name: string;
  readonly serial?: string | undefined;
  readonly wwn?: string | undefined;
  readonly bytes: number;
  readonly signatures: readonly string[];
};

/**
 * Any difference between the plan and what the descriptor shows voids the confirmation (safety rule 1). Signatures may
 * be fewer than planned, as after a wipe that was interrupted, never others.
 */
export function differenceOf(wanted: Wanted, is: DiskIdentity): string | undefined {
  if (wanted.serial !== is.serial)
    return `its serial is ${is.serial ?? 'absent'}, planned was ${wanted.serial ?? 'none'}`;
  if (wanted.wwn !== is.wwn) return `its WWN is ${is.wwn ?? 'absent'}, planned was ${wanted.wwn ?? 'none'}`;
  if (wanted.bytes !== is.bytes) return `it has ${is.bytes} bytes, planned were ${wanted.bytes}`;
  const fresh = is.signatures.filter((one) => !wanted.signatures.includes(one));
  return fresh.length === 0 ? undefined : `it shows ${fresh.join(', ')}, which the plan does not know`;
}
