/** BIP 173, as age uses it: without the limit of 90 characters. */
const CHARSET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const;
const CHECKSUM_LENGTH = 6;
/** No key of age is longer; whoever pastes a book gets an answer at once. */
const MAX_LENGTH = 1024;

/** Lower case. */
export function encodeBech32(prefix: string, bytes: Uint8Array): string {
  const words = regroup(bytes, 8, 5, true) ?? [];
  const checked = [...expanded(prefix), ...words, ...Array.from({ length: CHECKSUM_LENGTH }, () => 0)];
  const sum = polymod(checked) ^ 1;
  const checksum = Array.from({ length: CHECKSUM_LENGTH }, (_, index) => (sum >>> (5 * (5 - index))) & 31);
  return `${prefix}1${[...words, ...checksum].map((word) => CHARSET[word]).join('')}`;
}

/** The prefix in lower case; nothing where the text is no Bech32, mixes cases, or its checksum is wrong. */
export function decodeBech32(text: string): { readonly prefix: string; readonly bytes: Uint8Array } | undefined {
  const lower = text.toLowerCase();
  if (text.length > MAX_LENGTH || (text !== lower && text !== text.toUpperCase())) return undefined;
  const separator = lower.lastIndexOf('1');
  const prefix = lower.slice(0, separator);
  const words = Array.from(lower.slice(separator + 1), (character) => CHARSET.indexOf(character));
  if (separator < 1 || words.length < CHECKSUM_LENGTH || words.includes(-1)) return undefined;
  if (!/^[\x21-\x7e]+$/.test(prefix) || polymod([...expanded(prefix), ...words]) !== 1) return undefined;
  const bytes = regroup(words.slice(0, -CHECKSUM_LENGTH), 5, 8, false);
  return bytes === undefined ? undefined : { prefix, bytes: Uint8Array.from(bytes) };
}

const expanded = (prefix: string): readonly number[] => {
  const codes = Array.from(prefix, (character) => character.charCodeAt(0));
  return [...codes.map((code) => code >>> 5), 0, ...codes.map((code) => code & 31)];
};

function polymod(words: readonly number[]): number {
  let sum = 1;
  for (const word of words) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ word;
    for (const [index, value] of GENERATOR.entries()) if ((top >>> index) & 1) sum ^= value;
  }
  return sum >>> 0;
}

/** Nothing where what is left over holds bits, or is more than padding. */
function regroup(from: Iterable<number>, fromBits: number, toBits: number, pad: boolean): number[] | undefined {
  const words: number[] = [];
  let [held, bits] = [0, 0];
  for (const word of from) {
    held = ((held << fromBits) | word) & 0xffff;
    bits += fromBits;
    while (bits >= toBits) {
      bits -= toBits;
      words.push((held >>> bits) & ((1 << toBits) - 1));
    }
  }
  const rest = (held << (toBits - bits)) & ((1 << toBits) - 1);
  if (pad) return bits === 0 ? words : [...words, rest];
  return bits >= fromBits || rest !== 0 ? undefined : words;
}
