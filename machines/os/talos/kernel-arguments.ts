import { isAtLeast, type TalosVersion } from './version.ts';

/** Of a command line, Talos and the kernel read no more (facts: config inline included). */
export const MAX_COMMAND_LINE_BYTES = 4096;

/**
 * What a machine that is netbooted from kernel and initramfs must be told. `slab_nomerge` and `pti=on` are enforced: the
 * boot halts without them. With Secure Boot the line stands in the signed image and none of this is read.
 */
export function kernelArguments(given: {
  readonly version: TalosVersion;
  /** A URL; none, and the machine waits in maintenance for its configuration. */
  readonly config?: string;
  /** `host:port`, to which the machine sends its events in plain text. */
  readonly eventSink?: string;
  /** `tcp://host:port` or `udp://host:port`. */
  readonly kernelLog?: string;
  /** In the order in which they are tried; the last one is where the console's text goes first. */
  readonly consoles?: readonly string[];
  readonly extra?: readonly string[];
}): readonly string[] {
  const { version, config, eventSink, kernelLog, consoles = ['tty0'], extra = [] } = given;
  const since = (minor: number, ...words: readonly string[]) => (isAtLeast(version, minor) ? words : []);
  const before = (minor: number, ...words: readonly string[]) => (isAtLeast(version, minor) ? [] : words);
  const optional = (name: string, value: string | undefined) => (value === undefined ? [] : [`${name}=${value}`]);
  return [
    'talos.platform=metal',
    ...consoles.map((console) => `console=${console}`),
    ...before(14, 'init_on_alloc=1'),
    'slab_nomerge',
    'pti=on',
    'consoleblank=0',
    'printk.devkmsg=on',
    ...before(14, 'nvme_core.io_timeout=4294967295'),
    ...before(11, 'ima_template=ima-ng', 'ima_appraise=fix', 'ima_hash=sha512'),
    ...since(10, 'selinux=1'),
    ...since(12, 'module.sig_enforce=1'),
    ...since(13, 'proc_mem.force_override=never'),
    ...optional('talos.config', config),
    ...optional('talos.events.sink', eventSink),
    ...optional('talos.logging.kernel', kernelLog),
    ...extra,
  ];
}
