import type { LabelTerm, ResourceQuery } from '../../api/messages/resource.ts';

type Subject = { readonly id: string; readonly labels: Readonly<Record<string, string>> };
export type Matcher = (subject: Subject) => boolean;

const MAX_PATTERN = 256;

/** What a query keeps: ids by a pattern, and labels where all terms of any one query hold. */
export function matcherOf(
  query: Pick<ResourceQuery, 'label_query' | 'id_query'> | null,
): { readonly ok: true; readonly matches: Matcher } | { readonly ok: false; readonly because: string } {
  const pattern = query?.id_query?.regexp ?? '';
  if (pattern.length > MAX_PATTERN) return { ok: false, because: `the pattern of ids is longer than ${MAX_PATTERN}` };
  const ids = patternOf(pattern);
  if (!ids) return { ok: false, because: 'the pattern of ids is no regular expression' };
  const queries = query?.label_query ?? [];
  return {
    ok: true,
    matches: ({ id, labels }) =>
      ids.test(id) &&
      (queries.length === 0 || queries.some(({ terms }) => terms.every((term) => holds(term, labels[term.key])))),
  };
}

function patternOf(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return undefined;
  }
}

/** A label that is not there matches no comparison; an inverted term is the opposite, also for such a label. */
function holds(term: LabelTerm, label: string | undefined): boolean {
  return compare(term, label) !== term.invert;
}

function compare({ op, value }: LabelTerm, label: string | undefined): boolean {
  if (op === 'NOT_EXISTS') return label === undefined;
  if (label === undefined) return false;
  const [wanted = ''] = value;
  switch (op) {
    case 'EXISTS':
      return true;
    case 'EQUAL':
      return label === wanted;
    case 'IN':
      return value.includes(label);
    case 'LT':
      return label < wanted;
    case 'LTE':
      return label <= wanted;
    case 'LT_NUMERIC':
      return Number(label) < Number(wanted);
    case 'LTE_NUMERIC':
      return Number(label) <= Number(wanted);
    default:
      return false;
  }
}
