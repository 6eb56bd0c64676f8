import type { Command } from 'commander';
import { apply, type ApplyOptions, diff } from '../commands/apply.ts';
import { edit, remove } from '../commands/edit.ts';
import { get, type GetOptions } from '../commands/get.ts';
import { collect, oneOf, outputOption, selectorOptions, type Shell, watchOption } from '../command-groups.ts';

/** Documents: what an operator wants, as files. */
export function addDocumentCommands(program: Command, { term, daemon, end }: Shell): void {
  for (const [name, summary, work] of [
    ['apply', 'create or change what files say; never starts anything and never accepts what a person rejected', apply],
    ['diff', 'show what apply would change; exit status 1 when there is anything', diff],
  ] as const) {
    const command = program
      .command(name)
      .summary(summary)
      .description(`${summary}.`)
      .requiredOption('-f, --file <path>', 'a file, a folder, or - for standard input; repeatable', collect)
      .option('--prune', 'remove what was applied from the same path and is not in it any more')
      .option('-o, --output <format>', 'table or json', oneOf('-o', ['table', 'json']), 'table')
      .action(async (options: ApplyOptions, self: Command) => end(await work(term, await daemon(self), options)));
    if (name === 'apply') command.option('--dry-run', 'say what would change, and change nothing');
  }
  program
    .command('get <kind> [name]')
    .summary('show machines, profiles, classes, subnets, images, networks or leases')
    .description('Show documents. Several formats; -o yaml is what apply reads.')
    .addOption(watchOption())
    .addOption(outputOption())
    .option('-l, --selector <conditions>', 'by label: rack=r1,env!=prod')
    .action(async (kind: string, name: string | undefined, options: GetOptions, self: Command) =>
      get(term, await daemon(self), kind, name, options),
    );
  program
    .command('edit <kind> <name>')
    .summary('open a document in $EDITOR and put it back')
    .description(
      'Open a document in $VISUAL or $EDITOR and put it back, unless somebody else has changed it meanwhile.',
    )
    .action(async (kind: string, name: string, _options: object, self: Command) =>
      edit(term, await daemon(self), kind, name),
    );
  selectorOptions(program.command('delete <kind> [names...]').summary('remove documents'))
    .description('Remove documents. Disks are never touched by it.')
    .option('-y, --yes', 'do not ask')
    .action(async (kind: string, names: readonly string[], options: { readonly yes?: boolean }, self: Command) =>
      end(await remove(term, await daemon(self), kind, names, options)),
    );
}
