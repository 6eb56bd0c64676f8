/** The command line as data: what completion and the manual are made from. */
export type CommandTree = {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly arguments: readonly TreeArgument[];
  /** Its own; those of the program hold everywhere. */
  readonly options: readonly TreeOption[];
  readonly commands: readonly CommandTree[];
  /** What `--help` says after the options: examples, mostly. */
  readonly after: string;
};

export type TreeArgument = {
  readonly name: string;
  readonly required: boolean;
  readonly variadic: boolean;
  readonly about: string;
  readonly choices: readonly string[];
};

export type TreeOption = {
  readonly short: string | undefined;
  readonly long: string | undefined;
  readonly about: string;
  /** What stands for its value in the help; nothing where it takes none. */
  readonly value: { readonly name: string; readonly required: boolean } | undefined;
  readonly choices: readonly string[];
  readonly repeatable: boolean;
};

export const hasName = ({ name, aliases }: Pick<CommandTree, 'name' | 'aliases'>, word: string): boolean =>
  name === word || aliases.includes(word);
