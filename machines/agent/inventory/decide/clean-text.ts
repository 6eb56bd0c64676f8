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

/** What vendors leave in names that they never set; the whole text, in lower case. */
const PLACEHOLDER_NAMES =
  /^(?:not (?:specified|available|applicable|present|set)|(?:to|o) be filled.*|default(?: string)?|(?:system|base ?board|chassis|product) (?:manufacturer|product name|name|version|serial number|sku(?: ?number)?)|sku ?(?:number)?|asset ?tag|no asset (?:tag|information)|type\d+.*(?:asset|serial|part|manufacturer).*|(?:dimm|a\d|bank\d|proc\w*)_?(?:manufacturer|serialnum|assettagnum|partnum|partnumber)\w*|no dimm|none|n\/?a|oem|o\.e\.m\.|unknown|undefined|invalid|empty|null|x\.x|[x*?.#_\s-]*|(?:0x)?[0 ]+|(?:0x)?f{4,}|0?123456789(?:abcdef)?)$/i;

/** A name, version or part number; undefined where it is what vendors leave when they never set it. */
export function nameOf(text: string | undefined): string | undefined {
  const line = lineOf(text);
  return line === undefined || PLACEHOLDER_NAMES.test(line) ? undefined : line;
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
