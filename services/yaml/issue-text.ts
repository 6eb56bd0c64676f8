import type { z } from 'zod';
import { nearest } from './known-keys.ts';

/**
 * An issue in the house's form: what was got and what was wanted. zod's own messages name only the latter.
 *
 * `got` is the value at the issue's path; `undefined` means that the key is missing.
 */
export function issueText(issue: z.core.$ZodIssue, got: unknown): string {
  if (issue.message.startsWith('got ')) return issue.message;
  const shown = got === undefined ? 'nothing' : shorten(JSON.stringify(got) ?? typeof got);
  return `got ${shown}, ${wanted(issue, got)}`;
}

function wanted(issue: z.core.$ZodIssue, got: unknown): string {
  if (issue.message.startsWith('want ')) return issue.message;
  switch (issue.code) {
    case 'invalid_value': {
      const options = issue.values.map(String);
      const close = typeof got === 'string' ? nearest(got, options) : undefined;
      return `want ${options.join(' | ')}${close ? `; did you mean ${close}?` : ''}`;
    }
    case 'invalid_type':
      return `want ${article(issue.expected === 'int' ? 'whole number' : issue.expected)}`;
    case 'too_small':
      return `want at least ${issue.minimum}${unit(issue.origin)}`;
    case 'too_big':
      return `want at most ${issue.maximum}${unit(issue.origin)}`;
    case 'invalid_union':
      return 'note' in issue && issue.discriminator
        ? `want a known ${issue.discriminator}`
        : 'want one of the documented forms';
    default:
      return `but ${issue.message}`;
  }
}

const article = (noun: string): string => (/^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`);
const unit = (origin: string): string => (origin === 'string' ? ' characters' : origin === 'array' ? ' items' : '');
const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text);
