import type { Command } from 'commander';
import type { Shell } from '../command-groups.ts';
import { badInput } from '../failure.ts';

/** `ingot help power on`, and the manual where no package has put it. */
export function addHelpCommand(program: Command, { term }: Shell): void {
  program
    .command('help [command...]')
    .summary('what a command does; with --man its page of the manual')
    .option('--man', 'the source of its page, for man -l -')
    .action(async (words: readonly string[], { man = false }: { readonly man?: boolean }) => {
      const command = words.reduce((at, word) => {
        const inner = at.commands.find((one) => one.name() === word || one.aliases().includes(word));
        if (inner) return inner;
        throw badInput(`ingot help ${words.join(' ')}: there is no such command`, '  next: ingot help');
      }, program);
      if (!man) return command.outputHelp();
      const { commandPages } = await import('../manual/pages.ts');
      // Commands inside a group are sections of its page.
      const file = topOf(command) === undefined ? 'ingot.1' : `ingot-${topOf(command)?.name()}.1`;
      const page = commandPages(new Date().toISOString().slice(0, 10)).find((one) => one.file === file);
      term.out.write(page?.text ?? '');
    });

  function topOf(command: Command): Command | undefined {
    if (command === program) return undefined;
    return command.parent && command.parent !== program ? topOf(command.parent) : command;
  }
}
