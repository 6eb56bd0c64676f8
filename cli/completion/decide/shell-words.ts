/**
 * The words of a line up to where one types, as a POSIX shell would split them; the last one may be empty or unfinished.
 * Variables and substitutions are left as they are written: nobody may be run for a completion.
 */
export function shellWords(text: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: '"' | "'" | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (quote !== undefined) {
      if (character === quote) quote = undefined;
      else if (character === '\\' && quote === '"' && /["\\$`]/.test(text.charAt(at + 1)))
        word = (word ?? '') + text.charAt((at += 1));
      else word = (word ?? '') + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= '';
    } else if (character === '\\') word = (word ?? '') + text.charAt((at += 1));
    else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  return [...words, word ?? ''];
}

/**
 * bash splits words at these too, and takes what is given for the part after the last of them: `--output=js` is
 * completed as `js`, and a MAC as what follows its last colon.
 */
export function afterBashBreak(word: string): string {
  return word.slice(Math.max(word.lastIndexOf('='), word.lastIndexOf(':')) + 1);
}
