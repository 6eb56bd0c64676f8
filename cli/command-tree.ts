import type { Command, Option } from 'commander';
import type { CommandTree, TreeOption } from './decide/command-tree.ts';

/** The commands as commander has them, without what is hidden and without `help`, which every one of them has. */
export function treeOf(command: Command): CommandTree {
  const help = command.createHelp();
  return {
    name: command.name(),
    aliases: command.aliases(),
    summary: command.summary() || command.description(),
    description: command.description() || command.summary(),
    arguments: command.registeredArguments.map((one) => ({
      name: one.name(),
      required: one.required,
      variadic: one.variadic,
      about: one.description,
      choices: one.argChoices ?? [],
    })),
    options: help.visibleOptions(command).map(optionOf),
    commands: help
      .visibleCommands(command)
      .filter((one) => one.name() !== 'help')
      .map(treeOf),
    after: afterHelp(command),
  };
}

const optionOf = (option: Option): TreeOption => ({
  short: option.short,
  long: option.long,
  about: option.description,
  value:
    option.required || option.optional
      ? { name: /[<[]([^\]>]+)[\]>]/.exec(option.flags)?.[1] ?? 'value', required: option.required }
      : undefined,
  choices: option.argChoices ?? [],
  repeatable: Array.isArray(option.defaultValue) || /\brepeatable\b/.test(option.description),
});

/** What `--help` says after the options. commander gives it only to whoever prints the help. */
export function afterHelp(command: Command): string {
  const output = command.configureOutput();
  let printed = '';
  command.configureOutput({ ...output, writeOut: (text) => void (printed += text) });
  command.outputHelp();
  command.configureOutput(output);
  return printed.slice(command.helpInformation().length).trim();
}
