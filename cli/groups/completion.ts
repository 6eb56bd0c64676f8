import { Argument, type Command } from 'commander';
import type { Shell } from '../command-groups.ts';
import { ASKED_BY_SHELL, type CompletedShell, completionScript, SHELLS } from '../completion/scripts.ts';

const EXAMPLES = `
Examples:
  eval "$(ingot completion bash)"                     in ~/.bashrc
  source <(ingot completion zsh)                      in ~/.zshrc, after compinit
  ingot completion fish > ~/.config/fish/completions/ingot.fish`;

/** Words for whoever presses Tab. */
export function addCompletionCommands(program: Command, { term }: Shell): void {
  program
    .command('completion')
    .summary('print what makes a shell complete commands, options and names')
    .description('Print the script that makes a shell complete commands, options, and the names that the daemon knows.')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: CompletedShell) => void term.out.write(completionScript(shell)));

  program
    .command(`${ASKED_BY_SHELL} [words...]`, { hidden: true })
    .option('--line <text>', 'bash: the line up to the cursor')
    .action(async (words: readonly string[], { line }: { readonly line?: string }) => {
      const { complete } = await import('../completion/complete.ts');
      await complete(term, program, line === undefined ? { words } : { line });
    });
}
