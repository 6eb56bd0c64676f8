import { isPlaceholderSerial } from '../../../decide/identity.ts';
import { isPlaceholderUuid, parseUuid, type Uuid } from '../../../values/uuid.ts';

const MAX_TEXT = 255;

/** One line of at most 255 characters without control characters, as an inventory wants text; undefined where nothing is left. */
export function lineOf(text: string | undefined): string | undefined {
  const line = text
    ?.toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim()
    .slice(0, MAX_TEXT)
    // The cut may have gone through a pair of surrogates.
    .toWellFormed();
  return line === '' ? undefined : line;
}

/** What vendors leave where they never set a name; each stands for the whole text, in any case. */
const PLACEHOLDER_NAMES: readonly RegExp[] = [
  /^(?:to|o) be filled.*$/i,
  /^not (?:specified|available|applicable|present|set|defined)$/i,
  /^(?:default(?: string)?|none|no dimm|n\/?a|oem|o\.e\.m\.|unknown|undefined|invalid|empty|null)$/i,
  /^(?:system|base ?board|chassis|product) (?:manufacturer|vendor|product name|name|version|serial number)$/i,
  /^(?:(?:system |chassis |base ?board )?(?:asset ?tag|sku ?(?:number)?)|no asset (?:tag|information))$/i,
  // AMI's for modules and slots: A1_Manufacturer0, DIMM_A1_AssetTag, SerNum00, ModulePartNumber00.
  /^(?:\w+_)?(?:manufacturer|ser(?:ial)?num(?:ber)?|assettag(?:num)?|(?:module)?partnum(?:ber)?)_?\d*$/i,
  /^(?:0x)?[0 ]+$/i,
  /^(?:0x)?f{4,}$/i,
  /^0?123456789(?:0|abcdef)?$/i,
  /^[x*?.#_\s-]+$/i,
];

/** A name, version or part number; undefined where it is what vendors leave when they never set it. */
export function nameOf(text: string | undefined): string | undefined {
  const line = lineOf(text);
  return line === undefined || PLACEHOLDER_NAMES.some((pattern) => pattern.test(line)) ? undefined : line;
}

/** A serial number; undefined where many machines or drives show the same. */
export function serialOf(text: string | undefined): string | undefined {
  const line = nameOf(text);
  return line === undefined || isPlaceholderSerial(line) ? undefined : line;
}

export function uuidOf(text: string | undefined): Uuid | undefined {
  const result = parseUuid(text ?? '');
  return result.ok && !isPlaceholderUuid(result.value) ? result.value : undefined;
}
