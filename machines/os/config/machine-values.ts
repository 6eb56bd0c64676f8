import type { Machine } from '#machines/contract/machine.ts';
import { isObject, type Json, type JsonObject } from './layers.ts';

/** What `{{path}}` may name in configuration. */
export type ConfigValues = {
  readonly machine: Machine;
  readonly profile: string | undefined;
  readonly attempt: string;
  /** The merged data of class, profile and machine. */
  readonly data: JsonObject;
};

export type Filled<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly path: string; readonly because: string };

const REFERENCE = /\{\{([^{}]*)\}\}/g;

/**
 * Replaces `{{path}}` in every text of a tree. The tree is written as JSON or YAML afterwards, so that a value cannot
 * leave its place; but cloud-init hands texts to shells, so within a text, and from facts, which are what strangers say,
 * only plain words are taken.
 */
export function fillTree(tree: JsonObject, values: ConfigValues): Filled<JsonObject> {
  const filled = fill(tree, values, '');
  if (!filled.ok) return filled;
  return isObject(filled.value) ? { ok: true, value: filled.value } : { ok: true, value: {} };
}

function fill(value: Json, values: ConfigValues, path: string): Filled<Json> {
  if (typeof value === 'string') return fillText(value, values, path);
  if (Array.isArray(value)) {
    const items: Json[] = [];
    for (const [index, item] of value.entries()) {
      const filled = fill(item as Json, values, `${path}[${index}]`);
      if (!filled.ok) return filled;
      items.push(filled.value);
    }
    return { ok: true, value: items };
  }
  if (!isObject(value)) return { ok: true, value };
  const entries: [string, Json][] = [];
  for (const [key, inner] of Object.entries(value)) {
    const filled = fill(inner, values, path === '' ? key : `${path}.${key}`);
    if (!filled.ok) return filled;
    entries.push([key, filled.value]);
  }
  return { ok: true, value: Object.fromEntries(entries) };
}

/** A text that is one reference becomes the value itself, a number or a list too; within a text it must be a scalar. */
function fillText(text: string, values: ConfigValues, path: string): Filled<Json> {
  const [, whole] = /^\{\{([^{}]*)\}\}$/.exec(text) ?? [];
  if (whole !== undefined) {
    const name = whole.trim();
    const found = valueAt(name, values);
    if (found === undefined) return missing(path, name);
    return name.startsWith('data.') ? { ok: true, value: found } : fillLine(text, values, path);
  }
  return fillLine(text, values, path);
}

/** For a text that stands as it is, such as a line of a kickstart file. */
export function fillLine(text: string, values: ConfigValues, path: string): Filled<string> {
  let filled = '';
  let end = 0;
  for (const match of text.matchAll(REFERENCE)) {
    const name = (match[1] ?? '').trim();
    const found = valueAt(name, values);
    if (found === undefined) return missing(path, name);
    if (typeof found === 'object')
      return { ok: false, path, because: `{{${name}}} is a list or a map, want one value` };
    const word = String(found);
    if (!isPlain(word)) {
      return {
        ok: false,
        path,
        because: `{{${name}}} holds characters that cannot stand there: ${JSON.stringify(word)}`,
      };
    }
    filled += text.slice(end, match.index) + word;
    end = match.index + match[0].length;
  }
  return { ok: true, value: filled + text.slice(end) };
}

const missing = (path: string, name: string): Filled<never> => ({
  ok: false,
  path,
  because: `{{${name}}} has no value for this machine`,
});

/** Nothing that a shell, YAML, a kickstart file or a preseed file takes for more than a part of a word. */
export const isPlain = (text: string): boolean => /^[\p{L}\p{N}%+,./:=@_ -]*$/u.test(text) && !text.startsWith('-');

function valueAt(path: string, { machine, profile, attempt, data }: ConfigValues): Json | undefined {
  const { document, identifiers, facts } = machine;
  const [head = '', ...rest] = path.split('.');
  if (head === 'data') return inside(data, rest);
  const name = rest.join('.');
  if (head === 'facts') return own(facts, name)?.value;
  if (path.startsWith('machine.labels.')) return own(document.labels, path.slice('machine.labels.'.length));
  switch (path) {
    case 'machine.name':
      return document.name;
    case 'machine.mac':
      return document.macs[0] ?? identifiers.macs[0];
    case 'machine.uuid':
      return document.uuid ?? identifiers.uuids[0];
    case 'machine.serial':
      return document.serial ?? identifiers.serials[0];
    case 'machine.address':
      return document.address;
    case 'machine.site':
      return document.location.site;
    case 'machine.rack':
      return document.location.rack;
    case 'machine.unit':
      return document.location.unit;
    case 'profile.name':
      return profile;
    case 'attempt':
      return attempt;
    default:
      return undefined;
  }
}

function inside(value: Json, keys: readonly string[]): Json | undefined {
  const [key, ...rest] = keys;
  if (key === undefined) return value;
  const next = isObject(value) ? own(value, key) : undefined;
  return next === undefined ? undefined : inside(next, rest);
}

/** `constructor` is none of an object's own. */
const own = <T>(record: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;
