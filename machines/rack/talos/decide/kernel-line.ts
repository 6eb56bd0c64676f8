/** The boot halts without these. */
const ENFORCED: readonly string[] = ['slab_nomerge', 'pti'];

/** What an installer takes over from the line that it was booted with; `console=ttyS0` besides. */
const INHERITED: readonly string[] = [
  'siderolink.api',
  'talos.config',
  'talos.events.sink',
  'talos.logging.kernel',
  'talos.auditd.disabled',
  'talos.dashboard.disabled',
  'net.ifnames',
  'module.sig_enforce',
];

/** What a kernel's command line tells Talos. */
export type TalosLine = {
  /** The URL of its configuration, variables and all; undefined for none. */
  readonly config?: string;
  /** Words without which its boot halts, and which are not there. */
  readonly missing: readonly string[];
  /** What is erased before anything else: the whole system disk, or partitions by their labels. */
  readonly wipe?: 'disk' | readonly string[];
  readonly haltsIfInstalled: boolean;
  /** What an installer hands on to the system that it writes. */
  readonly inherited: readonly string[];
};

export const isTalosLine = (commandLine: string): boolean => wordsOf(commandLine).includes('talos.platform=metal');

const wordsOf = (commandLine: string): readonly string[] => commandLine.split(/\s+/).filter(Boolean);

export function readTalosLine(commandLine: string): TalosLine {
  const words = wordsOf(commandLine);
  const valueOf = (name: string): string | undefined =>
    words.findLast((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  const config = valueOf('talos.config');
  const wipe = valueOf('talos.experimental.wipe');
  const labels = /^system:(.+)$/.exec(wipe ?? '')?.[1]?.split(',');
  return {
    ...(config === undefined || config === '' || config === 'none' ? {} : { config }),
    missing: ENFORCED.filter((name) => !words.some((word) => word === name || word.startsWith(`${name}=`))),
    ...(wipe === 'system' ? { wipe: 'disk' } : labels ? { wipe: labels } : {}),
    haltsIfInstalled: valueOf('talos.halt_if_installed') === '1',
    inherited: words.filter((word) => INHERITED.includes(word.split('=', 1)[0] ?? '') || word === 'console=ttyS0'),
  };
}

/** Who asks for a configuration, by the variables of its URL. */
export type Asking = {
  readonly uuid: string;
  readonly serial: string;
  readonly mac: string;
  readonly hostname: string;
  readonly code: string;
};

/**
 * The URL with its variables: they are read in values of the query only, in any case, and `uuid=` without a value is
 * filled too. The query is written anew with its keys sorted. Throws where it is no URL.
 */
export function configUrl(text: string, asking: Asking): string {
  const url = new URL(text);
  if (url.search === '') return url.href;
  const filled = [...url.searchParams].map(([key, value]): [string, string] => [
    key,
    key === 'uuid' && value === ''
      ? asking.uuid
      : value.replaceAll(/\$\{(uuid|serial|mac|hostname|code)\}/gi, (_, name: string) => variable(name, asking)),
  ]);
  url.search = new URLSearchParams(filled.toSorted(([a], [b]) => (a < b ? -1 : Number(a > b)))).toString();
  return url.href;
}

function variable(name: string, asking: Asking): string {
  switch (name.toLowerCase()) {
    case 'uuid':
      return asking.uuid;
    case 'serial':
      return asking.serial;
    case 'mac':
      return asking.mac;
    case 'hostname':
      return asking.hostname;
    default:
      return asking.code;
  }
}
