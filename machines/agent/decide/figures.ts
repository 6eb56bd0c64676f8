import {
  CPU_STAT_FIELDS,
  type Cpu,
  type CpuInfo,
  type CpuStat,
  DISK_STAT_FIELDS,
  type DiskStat,
  type DiskStats,
  type LoadAvg,
  type Memory,
  MEMORY_FIELDS,
  type MemoryField,
  SOFT_IRQ_FIELDS,
  type SystemStat,
} from '../../api/messages/figures.ts';
import type { Integer64, Sendable } from '../../api/messages/shape.ts';

/** `sysconf(_SC_CLK_TCK)` is 100 on every architecture that Linux still has. */
const TICKS_PER_SECOND = 100;

/** `/proc/meminfo`. What the protocol has no field for is left out, and 0 stands for what this kernel does not tell. */
export function readMemory(text: string): Memory {
  const told = new Map<string, Integer64>();
  for (const [, name = '', value] of text.matchAll(/^(\S+):\s*(\d+)/gm)) {
    told.set(name.toLowerCase().replaceAll(/[^a-z0-9]/g, ''), integer(value));
  }
  const fields = MEMORY_FIELDS.map((field) => [field, told.get(field) ?? '0'] as const);
  return { meminfo: Object.fromEntries(fields) as Record<MemoryField, Integer64> };
}

/** `/proc/cpuinfo`, a paragraph for each processor; other architectures than x86 fill less of it. */
export function readCpuInfo(text: string): CpuInfo {
  const cpus = text.split(/\n\s*\n/).map((part) => new Map(fieldsOf(part)));
  return { cpu_info: cpus.filter((cpu) => cpu.has('processor')).map(cpuOf) };
}

function cpuOf(fields: ReadonlyMap<string, string>): Cpu {
  const text = (name: string) => fields.get(name) ?? '';
  const number = (name: string) => Number.parseFloat(text(name)) || 0;
  const words = (name: string) => text(name).split(' ').filter(Boolean);
  return {
    processor: number('processor'),
    vendor_id: text('vendor_id'),
    cpu_family: text('cpu family'),
    model: text('model'),
    model_name: text('model name'),
    stepping: text('stepping'),
    microcode: text('microcode'),
    cpu_mhz: number('cpu MHz'),
    cache_size: text('cache size'),
    physical_id: text('physical id'),
    siblings: number('siblings'),
    core_id: text('core id'),
    cpu_cores: number('cpu cores'),
    apic_id: text('apicid'),
    initial_apic_id: text('initial apicid'),
    fpu: text('fpu'),
    fpu_exception: text('fpu_exception'),
    cpu_id_level: number('cpuid level'),
    wp: text('wp'),
    flags: words('flags'),
    bugs: words('bugs'),
    bogo_mips: number('bogomips'),
    cl_flush_size: number('clflush size'),
    cache_alignment: number('cache_alignment'),
    address_sizes: text('address sizes'),
    power_management: text('power management'),
  };
}

const fieldsOf = (text: string): [string, string][] =>
  text.split('\n').map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, Math.max(colon, 0)).trim(), line.slice(colon + 1).trim()];
  });

/** `/proc/diskstats`. Partitions are among its lines as disks are. */
export function readDiskStats(text: string): DiskStats {
  const devices = text.split('\n').flatMap((line): DiskStat[] => {
    const [, , name, ...columns] = line.trim().split(/\s+/);
    if (name === undefined) return [];
    return [{ name, ...numbered(DISK_STAT_FIELDS, columns) }];
  });
  const total = DISK_STAT_FIELDS.map((field) =>
    String(devices.reduce((sum, device) => sum + BigInt(device[field]), 0n)),
  );
  return { total: { name: '', ...numbered(DISK_STAT_FIELDS, total) }, devices };
}

/** `/proc/stat`. */
export function readSystemStat(text: string): Sendable<SystemStat> {
  const lines = new Map<string, readonly string[]>();
  for (const line of text.split('\n')) {
    const [name = '', ...columns] = line.trim().split(/\s+/);
    lines.set(name, columns);
  }
  const first = (name: string): Integer64 => integer(lines.get(name)?.[0]);
  const [irqTotal, ...irq] = lines.get('intr') ?? [];
  const [softIrqTotal, ...softIrq] = lines.get('softirq') ?? [];
  return {
    boot_time: first('btime'),
    cpu_total: cpuStat(lines.get('cpu') ?? []),
    cpu: [...lines].filter(([name]) => /^cpu\d+$/.test(name)).map(([, columns]) => cpuStat(columns)),
    irq_total: integer(irqTotal),
    irq: irq.map(integer),
    context_switches: first('ctxt'),
    process_created: first('processes'),
    process_running: first('procs_running'),
    process_blocked: first('procs_blocked'),
    soft_irq_total: integer(softIrqTotal),
    soft_irq: numbered(SOFT_IRQ_FIELDS, softIrq),
  };
}

/** `/proc/loadavg`. */
export function readLoadAvg(text: string): LoadAvg {
  const [load1 = 0, load5 = 0, load15 = 0] = text.split(' ').map((word) => Number.parseFloat(word) || 0);
  return { load1, load5, load15 };
}

/** Device and mount point of each line of `/proc/mounts`, whose blanks are written in octal. */
export function readMounts(text: string): readonly { readonly filesystem: string; readonly mountedOn: string }[] {
  return text.split('\n').flatMap((line) => {
    const [filesystem, mountedOn] = line.split(' ').map(withoutOctal);
    return filesystem !== undefined && mountedOn !== undefined ? [{ filesystem, mountedOn }] : [];
  });
}

const withoutOctal = (text: string): string =>
  text.replaceAll(/\\([0-7]{3})/g, (_match, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));

const cpuStat = (columns: readonly string[]): CpuStat =>
  Object.fromEntries(
    CPU_STAT_FIELDS.map((field, index) => [field, Number(columns[index] ?? 0) / TICKS_PER_SECOND]),
  ) as CpuStat;

function numbered<const Field extends string>(fields: readonly Field[], columns: readonly string[]) {
  return Object.fromEntries(fields.map((field, index) => [field, integer(columns[index])])) as Record<Field, Integer64>;
}

const integer = (text: string | undefined): Integer64 => (/^\d{1,20}$/.test(text ?? '') ? (text as Integer64) : '0');
