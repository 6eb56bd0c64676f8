import { z } from 'zod';

export type DriveHealth = {
  readonly health?: 'ok' | 'warning' | 'critical';
  /** One line: `31 °C, 3 % worn, 1234 h`. */
  readonly healthText?: string;
};

export type DriveHealthResult =
  | { readonly kind: 'told'; readonly health: DriveHealth }
  | { readonly kind: 'malformed'; readonly because: string };

const malformed = (because: string): DriveHealthResult => ({ kind: 'malformed', because });

/** Counters of 128 bits are numbers or, beyond what a double holds, strings. */
const counter = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]);

/** nvme-cli 1.x and 2.x write some keys differently. Temperatures are in kelvin. */
const nvmeLog = z.object({
  critical_warning: z.union([z.number(), z.object({ value: z.number() }).transform(({ value }) => value)]),
  temperature: z.number().optional(),
  avail_spare: z.number().optional(),
  spare_thresh: z.number().optional(),
  percent_used: z.number().optional(),
  percentage_used: z.number().optional(),
  power_on_hours: counter.optional(),
  media_errors: counter.optional(),
});

/** NVM Express base specification, SMART / Health Information: bits of Critical Warning. */
const CRITICAL_WARNINGS = [
  'little spare left',
  'temperature out of range',
  'reliability degraded',
  'read-only',
  'backup of volatile memory failed',
  'persistent memory read-only',
] as const;

/** The JSON of `nvme smart-log -o json`. */
export function decodeNvmeHealth(text: string): DriveHealthResult {
  const log = nvmeLog.safeParse(jsonOf(text));
  if (!log.success) return malformed('its answer is no smart-log');
  const {
    critical_warning: bits,
    temperature,
    avail_spare: spare,
    spare_thresh: least,
    media_errors: errors,
  } = log.data;
  const worn = log.data.percent_used ?? log.data.percentage_used;
  const warnings = CRITICAL_WARNINGS.filter((_, bit) => bits & (1 << bit));
  // Heat passes; the rest does not.
  const critical = (bits & ~0b10) !== 0;
  const warning = bits !== 0 || (worn ?? 0) >= 90 || (spare !== undefined && least !== undefined && spare < least);
  return {
    kind: 'told',
    health: {
      health: critical ? 'critical' : warning ? 'warning' : 'ok',
      ...line([
        ...warnings,
        temperature === undefined || temperature === 0 ? undefined : `${Math.round(temperature - 273)} °C`,
        worn === undefined ? undefined : `${worn} % worn`,
        spare === undefined ? undefined : `${spare} % spare`,
        hours(log.data.power_on_hours),
        errors ? `${errors} media errors` : undefined,
      ]),
    },
  };
}

const smartctl = z.object({
  smartctl: z
    .object({ messages: z.array(z.object({ string: z.string() })).optional(), exit_status: z.number().optional() })
    .optional(),
  smart_status: z.object({ passed: z.boolean() }).optional(),
  temperature: z.object({ current: z.number().optional() }).optional(),
  power_on_time: z.object({ hours: z.number().optional() }).optional(),
  scsi_grown_defect_list: z.number().optional(),
  scsi_percentage_used_endurance_indicator: z.number().optional(),
  ata_smart_attributes: z
    .object({
      table: z.array(
        z.object({
          id: z.number(),
          value: z.number().optional(),
          raw: z.object({ value: z.number() }).optional(),
          when_failed: z.string().optional(),
        }),
      ),
    })
    .optional(),
});

/** The JSON of `smartctl -j -H -A`. */
export function decodeSmartctl(text: string): DriveHealthResult {
  const parsed = smartctl.safeParse(jsonOf(text));
  if (!parsed.success) return malformed('its answer is no JSON of smartctl');
  const { smart_status: status, ata_smart_attributes: ata, temperature, power_on_time: time } = parsed.data;
  const raw = (id: number): number | undefined => ata?.table.find((one) => one.id === id)?.raw?.value;
  const reallocated = raw(5) ?? parsed.data.scsi_grown_defect_list;
  const pending = raw(197);
  const failing = ata?.table.some(({ when_failed: when }) => when === 'now') ?? false;
  if (!status && !ata && temperature?.current === undefined) {
    return malformed(parsed.data.smartctl?.messages?.[0]?.string ?? 'the drive has no SMART');
  }
  const worn = parsed.data.scsi_percentage_used_endurance_indicator;
  const critical = status?.passed === false || failing;
  const warning = (reallocated ?? 0) > 0 || (pending ?? 0) > 0 || (worn ?? 0) >= 90;
  return {
    kind: 'told',
    health: {
      health: critical ? 'critical' : warning ? 'warning' : 'ok',
      ...line([
        critical ? 'it says that it fails' : undefined,
        temperature?.current === undefined ? undefined : `${temperature.current} °C`,
        worn === undefined ? undefined : `${worn} % worn`,
        hours(time?.hours),
        reallocated ? `${reallocated} reallocated` : undefined,
        pending ? `${pending} pending` : undefined,
      ]),
    },
  };
}

const hours = (count: number | undefined): string | undefined => (count === undefined ? undefined : `${count} h`);

function line(parts: readonly (string | undefined)[]): { readonly healthText?: string } {
  const text = parts.filter((part) => part !== undefined).join(', ');
  return text === '' ? {} : { healthText: text };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
