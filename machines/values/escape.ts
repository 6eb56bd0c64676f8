/**
 * Text of strangers (SMBIOS strings, host names, LLDP names, user agents), written for one place. Each function takes
 * any string, lone surrogates and NULs included, and gives text that cannot end or leave its place.
 */

const MAX_SHOWN = 255;

/**
 * For a line of an iPXE script that shows it. iPXE has no quoting: blanks separate words, a word that begins with `#`
 * starts a comment, `||`, `&&` and `;` join commands, `${` is a setting, a backslash at the end of a line joins it to
 * the next. Only characters that are none of these are kept; the rest become `_`. Never empty.
 */
export function ipxeText(text: string): string {
  const kept = text.slice(0, MAX_SHOWN).replace(/[^A-Za-z0-9 ._:/@+,=()%~-]/g, '_');
  return kept.replace(/ +/g, ' ').trim() || '-';
}

/**
 * Can it stand as (part of) one word of an iPXE line, such as a kernel argument? A word that begins with `#` would hide
 * what follows; `||`, `&&` and `;` only count when they are whole words, but are refused within one too.
 */
export const isIpxeWord = (text: string): boolean => /^[!"%'()*+,./0-9:<=>?@A-Z[\]^_`a-z~-]*$/.test(text);

/** RFC 3986 §2.3: all but unreserved characters are percent-encoded. */
export function uriComponent(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** One word of a POSIX shell. A shell cannot hold NUL, so it is dropped. */
export const shellWord = (text: string): string => `'${text.replaceAll('\0', '').replaceAll("'", `'\\''`)}'`;

/**
 * A YAML double-quoted scalar on one line (YAML 1.2 §7.3.1), which is a TOML basic string as well: JSON, but every
 * character that is not printable ASCII is written as `\u....`, so that no reader's idea of a line break matters.
 */
export function yamlString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(/[^\x20-\x7e]/g, unicodeEscape);
}

/** Text or a quoted attribute value of HTML and XML. Characters that XML 1.0 §2.2 forbids become U+FFFD. */
export function html(text: string): string {
  return text
    .toWellFormed()
    .replace(FORBIDDEN_IN_XML, '\ufffd')
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

// oxlint-disable-next-line no-control-regex -- finding control characters is the point
const FORBIDDEN_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g;

/**
 * One line on a terminal: nothing moves the cursor, changes the colour or the window's title, or turns the reading
 * direction around (bidirectional controls make `elif.exe` of `exe.file`).
 */
export const terminal = (text: string): string => text.toWellFormed().replace(/[\p{C}\u2028\u2029]/gu, unicodeEscape);

/** One line of a log, cut to 255 characters. */
export const logText = (text: string): string => terminal(text.slice(0, MAX_SHOWN));

function unicodeEscape(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}
