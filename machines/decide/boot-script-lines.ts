import { isIpxeWord, uriComponent } from '../values/escape.ts';
import { interpolate, type ScriptValues } from './boot-script-values.ts';

type Refused = { readonly ok: false; readonly because: string };

/** Words that join commands, so as arguments they would cut the line (iPXE, core/exec.c). */
const OPERATORS: ReadonlySet<string> = new Set(['||', '&&', ';']);

/**
 * The operator's kernel arguments with the machine's values in them, as words of one iPXE line. An argument with blanks
 * becomes several words and reaches the kernel as it stands, as iPXE joins them by a blank again.
 */
export function kernelArguments(
  args: readonly string[],
  values: ScriptValues,
): { readonly ok: true; readonly words: readonly string[] } | Refused {
  const words: string[] = [];
  for (const [index, arg] of args.entries()) {
    const result = interpolate(arg, values, writeValue);
    if (!result.ok) return { ok: false, because: `args[${index}]: ${result.because}` };
    words.push(...result.text.split(/\s+/).filter((word) => word !== ''));
  }
  const wrong = words.find((word) => OPERATORS.has(word) || word.startsWith('#') || word.endsWith('\\'));
  if (wrong !== undefined) {
    return { ok: false, because: `args: ${JSON.stringify(wrong)} means something else to iPXE and would cut the line` };
  }
  return { ok: true, words };
}

/**
 * An operator's script, or a URL, with the machine's values in it, line by line. The operator's own text is code and
 * stays as it is; a first line `#!ipxe` is dropped, since the template writes one.
 */
export function scriptLines(
  text: string,
  values: ScriptValues,
): { readonly ok: true; readonly lines: readonly string[] } | Refused {
  const lines: string[] = [];
  for (const [index, line] of text.replace(/\s+$/, '').split(/\r?\n/).entries()) {
    if (index === 0 && /^#![ig]pxe\s*$/.test(line)) continue;
    const result = interpolate(line.replaceAll('\t', ' '), values, writeValue);
    if (!result.ok) return { ok: false, because: `line ${index + 1}: ${result.because}` };
    if (/\p{Cc}/u.test(result.text)) return { ok: false, because: `line ${index + 1}: it holds control characters` };
    lines.push(result.text);
  }
  return { ok: true, lines };
}

/** Within a URL a value is percent-encoded; elsewhere it must be able to stand as it is. */
function writeValue(value: string, before: string): string | undefined {
  const word = /\S*$/.exec(before)?.[0] ?? '';
  if (word.includes('://')) return uriComponent(value);
  return isIpxeWord(value) ? value : undefined;
}
