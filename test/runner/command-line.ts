import { resolve, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { TIERS, type Tier } from './tiers.ts';

export type CommandLine =
  | { readonly kind: 'tier'; readonly tier: Tier; readonly added: boolean }
  | { readonly kind: 'files'; readonly files: readonly string[] }
  | { readonly kind: 'wrong'; readonly text: string };

export const USAGE = 'usage: node test/run.ts [--tier fast|usual|full] [--added] | FILE.test.ts …';

/** Reads `test/run.ts`'s arguments; file names become relative to the root. */
export function parseCommandLine(args: readonly string[], root: string): CommandLine {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { tier: { type: 'string' }, added: { type: 'boolean', default: false } },
    });
    if (positionals.length > 0) {
      return { kind: 'files', files: positionals.map((file) => relative(root, resolve(file))) };
    }
    const tier = TIERS.find((one) => one === (values.tier ?? 'usual'));
    if (tier === undefined) return { kind: 'wrong', text: `got --tier ${values.tier}, want ${TIERS.join(', ')}` };
    return { kind: 'tier', tier, added: values.added };
  } catch (error) {
    return { kind: 'wrong', text: error instanceof Error ? error.message : String(error) };
  }
}
