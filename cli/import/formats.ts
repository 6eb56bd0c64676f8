import { isMachineMac, parseMacAddress } from '#machines/values/mac-address.ts';
import { nearest } from '#services/yaml/known-keys.ts';
import { type Cell, readCsv } from './csv.ts';
import { type Imported, type ImportIssue, type ImportResult, leaseOf, nameFor, newest } from './imported.ts';

export const IMPORT_FORMATS = ['csv', 'dnsmasq', 'dhcpd', 'kea'] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/** What a file is, by its beginning. */
export function guessFormat(text: string): ImportFormat {
  if (/^\ufeff?address,hwaddr,client_id,/.test(text)) return 'kea';
  if (/^lease\s+\S+\s*\{/m.test(text)) return 'dhcpd';
  if (/^\d+ [0-9a-f:-]{17} \S+ \S+/im.test(text)) return 'dnsmasq';
  return 'csv';
}

export function readImport(format: ImportFormat, text: string, now: number): ImportResult {
  switch (format) {
    case 'csv':
      return readMachineList(text);
    case 'dnsmasq':
      return leases(readDnsmasq(text));
    case 'dhcpd':
      return leases(readDhcpd(text));
    case 'kea':
      return leases(readKea(text, now));
    default:
      return format satisfies never;
  }
}

function leases(found: readonly (Imported | undefined)[]): ImportResult {
  const usable = found.filter((one) => one !== undefined);
  const machines = newest(usable);
  return { machines, issues: [], skipped: found.length - machines.length };
}

/** `expiry mac address hostname client-id`, one a line; `duid …` begins the IPv6 part. */
function readDnsmasq(text: string): readonly (Imported | undefined)[] {
  const lines = text.split('\n').map((line, index) => ({ words: line.trim().split(/\s+/), number: index + 1 }));
  return lines
    .filter(({ words }) => words.length >= 4)
    .map(({ words: [, mac = '', address = '', hostname = ''], number: line }) =>
      leaseOf({ line, mac, address, hostname: hostname === '*' ? undefined : hostname }),
    );
}

/** dhcpd.leases(5): blocks, the newest of an address last. Only what is in use now. */
function readDhcpd(text: string): readonly (Imported | undefined)[] {
  const blocks = [...text.matchAll(/^lease\s+(\S+)\s*\{([^}]*)\}/gm)];
  const latest = new Map(blocks.map((block) => [block[1], block]));
  return [...latest.values()].map(({ 1: address = '', 2: body = '', index }) => {
    const state = /^\s*binding\s+state\s+(\w+)/m.exec(body)?.[1];
    if (state !== undefined && state !== 'active') return undefined;
    const mac = /^\s*hardware\s+ethernet\s+([0-9a-f:]+)/im.exec(body)?.[1] ?? '';
    const hostname = /^\s*client-hostname\s+"([^"]*)"/m.exec(body)?.[1];
    return leaseOf({ line: lineAt(text, index), mac, address, hostname });
  });
}

const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

/** Kea's memfile: CSV with a header; state 0 is in use; the newest of an address last. */
function readKea(text: string, now: number): readonly (Imported | undefined)[] {
  const [header = [], ...rows] = readCsv(text);
  const column = (name: string): number => header.findIndex((cell) => cell.text === name);
  const at = {
    address: column('address'),
    mac: column('hwaddr'),
    hostname: column('hostname'),
    state: column('state'),
    expire: column('expire'),
  };
  const latest = new Map(rows.map((row) => [row[at.address]?.text, row]));
  return [...latest.values()].map((row) => {
    const cell = (index: number): string => row[index]?.text ?? '';
    if (cell(at.state) !== '0' || Number(cell(at.expire)) * 1000 < now) return undefined;
    const hostname = cell(at.hostname).replace(/\.$/, '');
    return leaseOf({
      line: row[0]?.line ?? 1,
      mac: cell(at.mac),
      address: cell(at.address),
      hostname: hostname || undefined,
    });
  });
}

const COLUMNS = ['name', 'mac', 'macs', 'address', 'serial', 'uuid', 'site', 'rack', 'unit', 'profile'] as const;

/** A list of machines with a header: `name,mac,address,serial,uuid,site,rack,unit,profile,label:KEY…`, in any order. */
function readMachineList(text: string): ImportResult {
  const [header = [], ...rows] = readCsv(text);
  const issues: ImportIssue[] = [];
  const names = header.map((cell) => cell.text.toLowerCase());
  for (const [index, name] of names.entries()) {
    if (name.startsWith('label:') || COLUMNS.some((known) => known === name)) continue;
    const close = nearest(name, COLUMNS);
    const { line, column } = header[index] ?? { line: 1, column: 1 };
    issues.push({
      line,
      column,
      text: `${name || '(empty)'}: unknown column; ${close ? `did you mean ${close}?` : `known: ${COLUMNS.join(', ')}, label:KEY`}`,
    });
  }
  if (!names.includes('mac') && !names.includes('macs') && !names.includes('name')) {
    issues.push({ line: 1, column: 1, text: 'want a header with at least name or mac' });
  }
  if (issues.length > 0) return { machines: [], issues, skipped: 0 };
  const machines = rows.flatMap((row) => machineOf(row, names, issues) ?? []);
  return { machines, issues, skipped: 0 };
}

function machineOf(row: readonly Cell[], names: readonly string[], issues: ImportIssue[]): Imported | undefined {
  const cell = (name: string): Cell | undefined => {
    const found = row[names.indexOf(name)];
    return found && found.text !== '' ? found : undefined;
  };
  const text = (name: string): string | undefined => cell(name)?.text;
  const wrong = (at: Cell | undefined, what: string): undefined => {
    issues.push({ line: at?.line ?? row[0]?.line ?? 1, column: at?.column ?? 1, text: what });
  };
  const at = cell('mac') ?? cell('macs');
  const macs = (at?.text ?? '')
    .split(/[\s;|]+/)
    .filter(Boolean)
    .map(parseMacAddress);
  for (const mac of macs) if (!mac.ok) return wrong(at, `mac: ${mac.because}`);
  const good = macs.flatMap((mac) => (mac.ok && isMachineMac(mac.value) ? [mac.value] : []));
  const [first] = good;
  const name = text('name') ?? (first && nameFor(undefined, first));
  if (name === undefined) return wrong(row[0], 'want a name or a mac');
  const unit = text('unit');
  if (unit !== undefined && !/^\d+$/.test(unit)) return wrong(cell('unit'), `unit: got ${unit}, want a whole number`);
  const labels = names.flatMap((column, index) => {
    const value = row[index]?.text ?? '';
    return column.startsWith('label:') && value !== '' ? [[column.slice('label:'.length), value] as const] : [];
  });
  const place = { site: text('site'), rack: text('rack'), unit: unit === undefined ? undefined : Number(unit) };
  const more = {
    serial: text('serial'),
    uuid: text('uuid'),
    profile: text('profile'),
    labels: Object.fromEntries(labels),
    location: defined(place),
  };
  const address = text('address');
  return {
    line: row[0]?.line ?? 1,
    name,
    macs: good,
    ...(address === undefined ? {} : { address }),
    more: defined(more),
  };
}

const defined = (record: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
