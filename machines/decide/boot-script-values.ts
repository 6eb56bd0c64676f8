import { CONFIG_FILES, CONFIG_KINDS } from './config-path.ts';
import type { Machine } from '../contract/machine.ts';
import type { MacAddress } from '../values/mac-address.ts';

/** What `{{path}}` may name in a profile's arguments and scripts. */
export type ScriptValues = {
  readonly machine: Machine | undefined;
  readonly mac: MacAddress | undefined;
  readonly profile: string;
  readonly image: string | undefined;
  readonly attempt: string;
  /** Base URL of the boot plane, without a slash at its end. */
  readonly bootUrl: string;
  readonly log: LogReceivers;
  /** Where this boot’s configuration is read, without a slash at its end; absent: nowhere. It holds the boot token. */
  readonly configUrl?: string | undefined;
};

/** Where logs of a booting machine may go, as `address:port`; absent where no receiver listens. */
export type LogReceivers = { readonly syslog?: string; readonly json?: string };

/**
 * The receivers as a machine reaches them: one that listens on every address is named by the host of the boot plane's
 * URL, which the machine has just spoken to.
 */
export function receiversAt(receivers: LogReceivers, bootUrl: string): LogReceivers {
  const host = /^https?:\/\/(\[[^\]]+\]|[^/:]+)/.exec(bootUrl)?.[1] ?? '';
  const named = Object.entries(receivers).map(([kind, at]) => [kind, at.replace(/^(0\.0\.0\.0|\[::\])(?=:)/, host)]);
  return Object.fromEntries(named) as LogReceivers;
}

export type Interpolated =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly because: string };

const REFERENCE = /\{\{([^{}]*)\}\}/g;

/**
 * Replaces each `{{path}}` by the machine's value. `write` makes the value fit the place where it stands, which it is
 * told by the text before it, or gives nothing to refuse it.
 */
export function interpolate(
  template: string,
  values: ScriptValues,
  write: (value: string, before: string) => string | undefined,
): Interpolated {
  let text = '';
  let end = 0;
  for (const match of template.matchAll(REFERENCE)) {
    text += template.slice(end, match.index);
    end = match.index + match[0].length;
    const path = (match[1] ?? '').trim();
    const value = valueAt(path, values);
    if (value === undefined) return { ok: false, because: `{{${path}}} has no value for this machine` };
    const written = write(value, text);
    if (written === undefined) {
      return { ok: false, because: `{{${path}}} holds characters that cannot stand there: ${JSON.stringify(value)}` };
    }
    text += written;
  }
  return { ok: true, text: text + template.slice(end) };
}

function valueAt(path: string, values: ScriptValues): string | undefined {
  const { machine, log } = values;
  const label = after('machine.labels.', path);
  if (label !== undefined) return own(machine?.document.labels, label);
  const fact = after('facts.', path);
  if (fact !== undefined) return own(machine?.facts, fact)?.value.toString();
  switch (path) {
    case 'machine.name':
      return machine?.document.name;
    case 'machine.mac':
      return values.mac ?? machine?.document.macs[0];
    case 'machine.uuid':
      return machine?.document.uuid ?? machine?.identifiers.uuids[0];
    case 'machine.serial':
      return machine?.document.serial ?? machine?.identifiers.serials[0];
    case 'machine.address':
      return machine?.document.address;
    case 'machine.site':
      return machine?.document.location.site;
    case 'machine.rack':
      return machine?.document.location.rack;
    case 'machine.unit':
      return machine?.document.location.unit?.toString();
    case 'profile.name':
      return values.profile;
    case 'image.name':
      return values.image;
    case 'attempt':
      return values.attempt;
    case 'boot.url':
      return values.bootUrl;
    case 'log.syslog':
      return log.syslog;
    case 'log.json':
      return log.json;
    default:
      return configUrlAt(path, values.configUrl);
  }
}

/** `config.url`, or one of the things that are read below it. */
function configUrlAt(path: string, base: string | undefined): string | undefined {
  if (base === undefined) return undefined;
  const kind = after('config.', path);
  if (kind === 'url') return base;
  const found = CONFIG_KINDS.find((one) => one === kind);
  // What looks for files below a URL joins their names to it (cloud-init, "NoCloud").
  if (found === 'apkovl') return `${base}/${CONFIG_FILES.apkovl}`;
  return found && `${base}/${found}${found === 'nocloud' || found === 'ec2' ? '/' : ''}`;
}

const after = (prefix: string, path: string): string | undefined =>
  path.startsWith(prefix) ? path.slice(prefix.length) : undefined;

/** Labels and facts have names that strangers choose: `constructor` is none of an object's own. */
const own = <T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
