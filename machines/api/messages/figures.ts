import type { Integer64 } from './shape.ts';

/** The names of the message's fields; each is `/proc/meminfo`'s name in lower case without punctuation. */
export const MEMORY_FIELDS = [
  'memtotal',
  'memfree',
  'memavailable',
  'buffers',
  'cached',
  'swapcached',
  'active',
  'inactive',
  'activeanon',
  'inactiveanon',
  'activefile',
  'inactivefile',
  'unevictable',
  'mlocked',
  'swaptotal',
  'swapfree',
  'dirty',
  'writeback',
  'anonpages',
  'mapped',
  'shmem',
  'slab',
  'sreclaimable',
  'sunreclaim',
  'kernelstack',
  'pagetables',
  'nfsunstable',
  'bounce',
  'writebacktmp',
  'commitlimit',
  'committedas',
  'vmalloctotal',
  'vmallocused',
  'vmallocchunk',
  'hardwarecorrupted',
  'anonhugepages',
  'shmemhugepages',
  'shmempmdmapped',
  'cmatotal',
  'cmafree',
  'hugepagestotal',
  'hugepagesfree',
  'hugepagesrsvd',
  'hugepagessurp',
  'hugepagesize',
  'directmap4k',
  'directmap2m',
  'directmap1g',
] as const;
export type MemoryField = (typeof MEMORY_FIELDS)[number];
/** KiB, but for the counts of huge pages. */
export type Memory = { readonly meminfo: Readonly<Record<MemoryField, Integer64>> | null };

export type Cpu = {
  readonly processor: number;
  readonly vendor_id: string;
  readonly cpu_family: string;
  readonly model: string;
  readonly model_name: string;
  readonly stepping: string;
  readonly microcode: string;
  readonly cpu_mhz: number;
  readonly cache_size: string;
  readonly physical_id: string;
  readonly siblings: number;
  readonly core_id: string;
  readonly cpu_cores: number;
  readonly apic_id: string;
  readonly initial_apic_id: string;
  readonly fpu: string;
  readonly fpu_exception: string;
  readonly cpu_id_level: number;
  readonly wp: string;
  readonly flags: readonly string[];
  readonly bugs: readonly string[];
  readonly bogo_mips: number;
  readonly cl_flush_size: number;
  readonly cache_alignment: number;
  readonly address_sizes: string;
  readonly power_management: string;
};
export type CpuInfo = { readonly cpu_info: readonly Cpu[] };

/** In the order of the columns of `/proc/diskstats`. */
export const DISK_STAT_FIELDS = [
  'read_completed',
  'read_merged',
  'read_sectors',
  'read_time_ms',
  'write_completed',
  'write_merged',
  'write_sectors',
  'write_time_ms',
  'io_in_progress',
  'io_time_ms',
  'io_time_weighted_ms',
  'discard_completed',
  'discard_merged',
  'discard_sectors',
  'discard_time_ms',
] as const;
export type DiskStat = { readonly name: string } & Readonly<Record<(typeof DISK_STAT_FIELDS)[number], Integer64>>;
export type DiskStats = { readonly total: DiskStat | null; readonly devices: readonly DiskStat[] };

/** In the order of the columns of a `cpu` line of `/proc/stat`. */
export const CPU_STAT_FIELDS = [
  'user',
  'nice',
  'system',
  'idle',
  'iowait',
  'irq',
  'soft_irq',
  'steal',
  'guest',
  'guest_nice',
] as const;
/** Seconds. */
export type CpuStat = Readonly<Record<(typeof CPU_STAT_FIELDS)[number], number>>;

/** In the order of the `softirq` line of `/proc/stat`. */
export const SOFT_IRQ_FIELDS = [
  'hi',
  'timer',
  'net_tx',
  'net_rx',
  'block',
  'block_io_poll',
  'tasklet',
  'sched',
  'hrtimer',
  'rcu',
] as const;
export type SystemStat = {
  /** Seconds since the epoch. */
  readonly boot_time: Integer64;
  readonly cpu_total: CpuStat | null;
  readonly cpu: readonly CpuStat[];
  readonly irq_total: Integer64;
  readonly irq: readonly Integer64[];
  readonly context_switches: Integer64;
  readonly process_created: Integer64;
  readonly process_running: Integer64;
  readonly process_blocked: Integer64;
  readonly soft_irq_total: Integer64;
  readonly soft_irq: Readonly<Record<(typeof SOFT_IRQ_FIELDS)[number], Integer64>> | null;
};

export type LoadAvg = { readonly load1: number; readonly load5: number; readonly load15: number };

export type Mounts = {
  readonly stats: readonly {
    readonly filesystem: string;
    /** Bytes. */
    readonly size: Integer64;
    readonly available: Integer64;
    readonly mounted_on: string;
  }[];
};
