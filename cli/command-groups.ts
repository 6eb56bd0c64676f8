import { Command, Option } from 'commander';
import type { Daemon } from './daemon.ts';
import { badInput } from './failure.ts';
import { parseFormat } from './output/format.ts';
import type { Terminal } from './terminal.ts';

/** What commands do their work with. */
export type Shell = {
  readonly term: Terminal;
  /** Found and connected when a command first asks. */
  readonly daemon: (command: Command) => Promise<Daemon>;
  /** How the command ends. */
  readonly end: (status: number) => void;
};

export const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** An option that takes one of a few words; another one is told with all of them. */
export const oneOf =
  <T extends string>(option: string, words: readonly T[]) =>
  (text: string): T => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw badInput(`${option}: got ${text}, want ${words.join(' | ')}`);
  };

/** An option that takes a whole number. */
export const wholeNumber =
  (option: string, least: number, most: number) =>
  (text: string): number => {
    const number = Number(text);
    if (text.trim() !== '' && Number.isInteger(number) && number >= least && number <= most) return number;
    throw badInput(`${option}: got ${text}, want a whole number from ${least} to ${most}`);
  };

export const outputOption = (): Option =>
  new Option('-o, --output <format>', 'table, yaml or json').default('table').argParser(parseFormat);

export const watchOption = (): Option =>
  new Option('-w, --watch', 'go on: drawn over itself on a terminal, a line for each change in a pipe');

export const selectorOptions = (command: Command): Command =>
  command
    .option('-l, --selector <conditions>', 'by label: rack=r1,env!=prod')
    .option('--fact <conditions>', 'by fact: arch=arm64,gpu.count>=2');
