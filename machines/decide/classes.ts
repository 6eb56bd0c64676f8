import type { ClassDocument, ProfileDocument } from '../contract/documents.ts';
import type { Machine } from '../contract/machine.ts';
import { parseFactPattern } from './fact-pattern.ts';

/**
 * Does a fact's value fit a condition? `8`, `= 8`, `!= 8`, `>= 8`, `> 8`, `<= 8`, `< 8` compare as numbers where both
 * are numbers; `dell*` takes any ending, in any case; `*` alone takes whatever is known; `~ ^R6[45]0$` is a regular
 * expression. A fact that is not known fits nothing, not even `!=`: a class may accept machines, and the first packet of
 * one tells little of it.
 */
export function fits(condition: string, value: string | number | boolean | undefined): boolean {
  const [, operator = '=', operand = ''] = /^\s*(>=|<=|!=|>|<|=|~)?\s*(.*?)\s*$/s.exec(condition) ?? [];
  if (value === undefined) return false;
  const [left, right] = [Number(value), Number(operand)];
  const numeric = typeof value !== 'boolean' && operand !== '' && !Number.isNaN(left) && !Number.isNaN(right);
  switch (operator) {
    case '>=':
      return numeric && left >= right;
    case '<=':
      return numeric && left <= right;
    case '>':
      return numeric && left > right;
    case '<':
      return numeric && left < right;
    case '~': {
      const pattern = parseFactPattern(operand);
      return pattern.ok && pattern.test(String(value));
    }
    case '!=':
      return numeric ? left !== right : !textFits(operand, String(value));
    default:
      return numeric ? left === right : textFits(operand, String(value));
  }
}

/** What is wrong with a condition: one that compares sizes with something that is no number fits nothing, ever. */
export function conditionProblem(condition: string): string | undefined {
  const [, expression] = /^\s*~\s*(.*?)\s*$/s.exec(condition) ?? [];
  if (expression !== undefined) {
    const pattern = parseFactPattern(expression);
    return pattern.ok ? undefined : `got ${JSON.stringify(condition)}: ${pattern.because}`;
  }
  const [, operand] = /^\s*[<>]=?\s*(.*?)\s*$/s.exec(condition) ?? [];
  if (operand === undefined || (operand !== '' && !Number.isNaN(Number(operand)))) return undefined;
  return `got ${JSON.stringify(condition)}, want a number after it, such as >= 8`;
}

function textFits(pattern: string, value: string): boolean {
  const [one, other] = [pattern.toLowerCase(), value.toLowerCase()];
  return one.endsWith('*') ? other.startsWith(one.slice(0, -1)) : one === other;
}

/** A class without any condition matches nothing: it would catch machines that nobody thought of. */
export function matches({ match }: ClassDocument, machine: Machine): boolean {
  const facts = Object.entries(match.facts);
  const labels = Object.entries(match.labels);
  if (facts.length + labels.length === 0) return false;
  return (
    facts.every(([name, condition]) =>
      fits(condition, Object.hasOwn(machine.facts, name) ? machine.facts[name]?.value : undefined),
    ) && labels.every(([name, value]) => machine.document.labels[name] === value)
  );
}

/** The class that decides: of those that match, the first by priority, then by name, as the registry lists them. */
export const classOf = (machine: Machine, classes: readonly ClassDocument[]): ClassDocument | undefined =>
  classes.find((one) => matches(one, machine));

/** The profile of a machine, by its own document or else by its class, and why. */
export function profileOf(
  machine: Machine,
  classes: readonly ClassDocument[],
  profile: (name: string) => ProfileDocument | undefined,
): { readonly profile: ProfileDocument | undefined; readonly from: string } {
  const { name, profile: own } = machine.document;
  if (own !== undefined) return { profile: profile(own), from: `machine ${name} names it` };
  const found = classOf(machine, classes);
  if (!found) return { profile: undefined, from: `neither machine ${name} nor a class names one` };
  return { profile: profile(found.profile), from: `class ${found.name} (priority ${found.priority})` };
}
