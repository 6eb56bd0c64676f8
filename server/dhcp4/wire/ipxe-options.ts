import { Cursor, textBytes } from './cursor.ts';
import { quoted, type Shape, UNBOUNDED } from './shape.ts';
import { readSubOptions, showSubOptions, type SubOption, writeSubOptions } from './sub-options.ts';

/** The features an iPXE was built with, as it lists them in every request: one sub-option each, value 1 or a version. */
const FEATURES = {
  'pxe-extensions': 16,
  iscsi: 17,
  aoe: 18,
  http: 19,
  https: 20,
  tftp: 21,
  ftp: 22,
  dns: 23,
  bzimage: 24,
  multiboot: 25,
  slam: 26,
  srp: 27,
  nbi: 32,
  pxe: 33,
  elf: 34,
  comboot: 35,
  efi: 36,
  fcoe: 37,
  vlan: 38,
  menu: 39,
  sdi: 40,
  nfs: 41,
} as const;

export type IpxeFeature = keyof typeof FEATURES;

/**
 * Option 175, iPXE's own space (its source: `src/include/ipxe/dhcp.h`). A client sends features, bus id and version;
 * a server sends settings.
 */
export type IpxeOptions = {
  readonly features?: Readonly<Partial<Record<IpxeFeature, number>>> | undefined;
  /** 1: signed; which block of settings wins. */
  readonly priority?: number | undefined;
  /** 8 and 9: keep a SAN disk attached after booting from it failed; do not boot from it. */
  readonly keepSan?: boolean | undefined;
  readonly skipSanBoot?: boolean | undefined;
  /** 81: script text run instead of autoboot. */
  readonly scriptlet?: string | undefined;
  /** 85: host for syslog over TLS. */
  readonly syslogs?: string | undefined;
  /** 93: where to fetch cross-signed certificates. */
  readonly crosscert?: string | undefined;
  /** 176: do not wait two seconds for a proxy's offer, and ignore PXE options. */
  readonly noPxeDhcp?: boolean | undefined;
  /** 177: a bus type (1 is PCI), then vendor and device id. */
  readonly busId?: Uint8Array | undefined;
  /** 178: take settings that the ROM cached, ask no more. */
  readonly useCached?: boolean | undefined;
  /** 235: major, minor, patch. */
  readonly version?: readonly [number, number, number] | undefined;
  readonly others?: readonly SubOption[] | undefined;
};

const FEATURE_OF_CODE = new Map<number, IpxeFeature>(
  Object.entries(FEATURES).map(([name, code]) => [code, name as IpxeFeature]),
);
const NAMED = new Set([1, 8, 9, 81, 85, 93, 176, 177, 178, 235]);

export const ipxeOptions: Shape<IpxeOptions> = {
  min: 1,
  max: UNBOUNDED,
  step: 1,
  read: (cursor) => {
    const subs = readSubOptions(cursor, { padAndEnd: true });
    const sub = (code: number) => subs.find((one) => one.code === code)?.bytes;
    const byte = (code: number) => (sub(code)?.length === 1 ? sub(code)?.[0] : undefined);
    const flag = (code: number) => (byte(code) === undefined ? undefined : byte(code) !== 0);
    const text = (code: number) => {
      const bytes = sub(code);
      return bytes && new Cursor(bytes).text(bytes.length);
    };
    const features: Partial<Record<IpxeFeature, number>> = {};
    const others: SubOption[] = [];
    for (const one of subs) {
      const feature = FEATURE_OF_CODE.get(one.code);
      if (feature && one.bytes.length === 1) features[feature] = one.bytes[0] as number;
      else if (!NAMED.has(one.code)) others.push(one);
    }
    const priority = byte(1);
    const [major, minor, patch, extra] = sub(235) ?? [];
    return {
      features,
      priority: priority === undefined ? undefined : (priority << 24) >> 24,
      keepSan: flag(8),
      skipSanBoot: flag(9),
      scriptlet: text(81),
      syslogs: text(85),
      crosscert: text(93),
      noPxeDhcp: flag(176),
      busId: sub(177),
      useCached: flag(178),
      version:
        major === undefined || minor === undefined || patch === undefined || extra !== undefined
          ? undefined
          : [major, minor, patch],
      others,
    };
  },
  write: (options) => writeSubOptions([...settings(options)], { end: false }),
  show: (options) => {
    const parts = Object.entries(options.features ?? {}).map(([name, value]) =>
      value === 1 ? name : `${name}=${value}`,
    );
    const shown = parts.length > 0 ? [`features ${parts.join(' ')}`] : [];
    if (options.version) shown.push(`version ${options.version.join('.')}`);
    for (const name of ['scriptlet', 'syslogs', 'crosscert'] as const) {
      const text = options[name];
      if (text !== undefined) shown.push(`${name} ${quoted(text)}`);
    }
    for (const name of ['priority', 'keepSan', 'skipSanBoot', 'noPxeDhcp', 'useCached'] as const) {
      if (options[name] !== undefined) shown.push(`${name} ${options[name]}`);
    }
    if (options.busId) shown.push(`bus ${showSubOptions([{ code: 177, bytes: options.busId }])}`);
    if (options.others && options.others.length > 0) shown.push(showSubOptions(options.others));
    return shown.join('; ');
  },
};

function* settings(options: IpxeOptions): Iterable<SubOption> {
  const byte = (code: number, value: number): SubOption => ({ code, bytes: Uint8Array.of(value) });
  if (options.priority !== undefined) yield byte(1, options.priority);
  if (options.keepSan !== undefined) yield byte(8, Number(options.keepSan));
  if (options.skipSanBoot !== undefined) yield byte(9, Number(options.skipSanBoot));
  for (const [feature, code] of Object.entries(FEATURES)) {
    const value = options.features?.[feature as IpxeFeature];
    if (value !== undefined) yield byte(code, value);
  }
  if (options.scriptlet !== undefined) yield { code: 81, bytes: textBytes(options.scriptlet) };
  if (options.syslogs !== undefined) yield { code: 85, bytes: textBytes(options.syslogs) };
  if (options.crosscert !== undefined) yield { code: 93, bytes: textBytes(options.crosscert) };
  if (options.noPxeDhcp !== undefined) yield byte(176, Number(options.noPxeDhcp));
  if (options.busId) yield { code: 177, bytes: options.busId };
  if (options.useCached !== undefined) yield byte(178, Number(options.useCached));
  if (options.version) yield { code: 235, bytes: Uint8Array.from(options.version) };
  yield* options.others ?? [];
}
