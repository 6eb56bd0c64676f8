/** A disk as selectors see it. */
export type SelectableDisk = {
  /** `sda` */
  readonly name: string;
  readonly bytes: number;
  readonly model?: string;
  readonly serial?: string;
  readonly wwn?: string;
  readonly rotational: boolean;
  readonly transport: string;
};

/** `machine.install` up to 1.13: a path, or patterns that all have to match. */
export type LegacySelector = {
  readonly disk?: string;
  readonly diskSelector?: Readonly<Record<string, unknown>>;
};

/** Undefined where none matches; the first one that does is taken, as many as there may be. */
export function chooseDisk(disks: readonly SelectableDisk[], selector: LegacySelector): SelectableDisk | undefined {
  const { disk: path, diskSelector } = selector;
  if (path !== undefined && path !== '') return disks.find(({ name }) => `/dev/${name}` === path);
  const wanted = Object.entries(diskSelector ?? {});
  return wanted.length === 0
    ? undefined
    : disks.find((disk) => wanted.every(([key, pattern]) => matches(disk, key, String(pattern))));
}

function matches(disk: SelectableDisk, key: string, pattern: string): boolean {
  switch (key) {
    case 'size':
      return isOfSize(disk.bytes, pattern);
    case 'model':
      return isLike(disk.model, pattern);
    case 'serial':
      return isLike(disk.serial, pattern);
    case 'wwid':
      return isLike(disk.wwn, pattern);
    case 'type':
      return typesOf(disk).includes(pattern);
    default:
      return false;
  }
}

/** `ssd` is whatever does not rotate, so NVMe too. */
const typesOf = ({ name, rotational }: SelectableDisk): readonly string[] => [
  rotational ? 'hdd' : 'ssd',
  ...(name.startsWith('nvme') ? ['nvme'] : []),
  ...(name.startsWith('mmcblk') ? ['sd'] : []),
];

function isLike(value: string | undefined, pattern: string): boolean {
  if (value === undefined) return false;
  const parts = pattern.split('*').map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`).test(value);
}

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** `>= 100GB`, `< 1TB`, `4GB`. */
function isOfSize(bytes: number, pattern: string): boolean {
  const found = /^\s*(>=|<=|>|<|==)?\s*([\d.]+)\s*([KMGT]?)i?B?\s*$/i.exec(pattern);
  if (!found) return false;
  const [, operator = '==', number, unit = ''] = found;
  const wanted = Number(number) * (UNITS[unit.toUpperCase()] ?? 1);
  const comparisons: Readonly<Record<string, boolean>> = {
    '>=': bytes >= wanted,
    '<=': bytes <= wanted,
    '>': bytes > wanted,
    '<': bytes < wanted,
    '==': bytes === wanted,
  };
  return comparisons[operator] ?? false;
}

export type Matched =
  | { readonly ok: true; readonly disks: readonly SelectableDisk[] }
  /** What the rack does not know of the expression language. */
  | { readonly ok: false; readonly because: string };

/**
 * The part of CEL that disk selectors of UnattendedInstallConfig need: comparisons of a disk's fields with texts,
 * numbers and truths, joined by `&&`.
 */
export function matchDisks(disks: readonly SelectableDisk[], expression: string): Matched {
  const terms = expression.split('&&').map((term) => term.trim());
  const tests: ((disk: SelectableDisk) => boolean)[] = [];
  for (const term of terms) {
    const found =
      /^(!?)disk\.(\w+)(?:\s*(==|!=|>=|<=|>|<)\s*("(?:[^"\\]|\\.)*"|'[^']*'|\d+u?(?:\s*\*\s*[KMGT]i?B)?|true|false))?$/.exec(
        term,
      );
    if (!found) return { ok: false, because: `the rack does not know the expression ${term}` };
    const [, negated, field = '', operator = '==', literal = 'true'] = found;
    const wanted = literalOf(literal);
    tests.push((disk) => compare(fieldOf(disk, field), operator, wanted) !== (negated === '!'));
  }
  return { ok: true, disks: disks.filter((disk) => tests.every((test) => test(disk))) };
}

type Value = string | number | boolean | undefined;

function fieldOf(disk: SelectableDisk, field: string): Value {
  const fields: Readonly<Record<string, Value>> = {
    dev_path: `/dev/${disk.name}`,
    size: disk.bytes,
    model: disk.model ?? '',
    serial: disk.serial ?? '',
    wwid: disk.wwn ?? '',
    rotational: disk.rotational,
    transport: disk.transport,
    readonly: false,
    cdrom: false,
  };
  return fields[field];
}

function literalOf(text: string): Value {
  if (text.startsWith('"')) return String(JSON.parse(text));
  if (text.startsWith("'")) return text.slice(1, -1);
  if (text === 'true' || text === 'false') return text === 'true';
  const [, number = '0', unit = '', binary = ''] = /^(\d+)u?(?:\s*\*\s*([KMGT])(i?)B)?$/.exec(text) ?? [];
  const power = ['', 'K', 'M', 'G', 'T'].indexOf(unit);
  return Number(number) * (binary === 'i' ? 1024 : 1000) ** power;
}

function compare(is: Value, operator: string, wanted: Value): boolean {
  if (operator === '==') return is === wanted;
  if (operator === '!=') return is !== wanted;
  if (typeof is !== 'number' || typeof wanted !== 'number') return false;
  if (operator === '>=') return is >= wanted;
  if (operator === '<=') return is <= wanted;
  return operator === '>' ? is > wanted : is < wanted;
}
