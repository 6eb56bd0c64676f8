import type { Command } from 'commander';
import type { PowerAction } from '#machines/contract/power.ts';
import { outputOption, selectorOptions, type Shell, watchOption } from '../command-groups.ts';
import { type ConsoleOptions, showConsole } from '../commands/console.ts';
import { confirmByHand, power, type PowerOptions, powerStatus, watchPower } from '../commands/power.ts';
import type { Selection } from '../machine-names.ts';
import type { Format } from '../output/format.ts';

const ACTIONS: readonly (readonly [name: PowerAction, summary: string])[] = [
  ['on', 'turn machines on, and wait until they are'],
  ['off', 'shut machines down; those that do not go lose their power'],
  ['soft', 'shut machines down, and never take their power away'],
  ['cycle', 'off, proven off, and on again'],
  ['reset', 'restart machines at once, without asking their systems'],
];

const EXAMPLES = `
Examples:
  ingot power status                             all machines, as they were read last
  ingot power on r1-u1..12                       proven by their BMCs, one line each
  ingot power cycle r1-u3 --boot network         netboots once
  ingot power off r1-u3 --force                  without asking its system
  ingot power confirm r1-u9                      done by hand, where nothing else could`;

export function addPowerCommands(program: Command, { term, daemon, end }: Shell): void {
  const group = program
    .command('power')
    .summary('power of machines: status, on, off, soft, cycle, reset')
    .description('Power, by BMC, else by the machine’s own system, else by a person. Names may be ranges: r1-u1..12.')
    .addHelpText('after', EXAMPLES);

  selectorOptions(group.command('status [machines...]').summary('asked now; without names, all as they were read last'))
    .addOption(watchOption())
    .addOption(outputOption())
    .action(
      async (
        names: readonly string[],
        options: Selection & { readonly output: Format; readonly watch?: boolean },
        self: Command,
      ) =>
        options.watch === true
          ? watchPower(term, await daemon(self), names, options)
          : end(await powerStatus(term, await daemon(self), names, options)),
    );

  for (const [action, summary] of ACTIONS) {
    const command = selectorOptions(
      group.command(`${action} [machines...]`).summary(summary).description(`${summary}.`),
    )
      .option('--unproven', 'although nothing proves that the BMC is the machine’s')
      .addOption(outputOption());
    if (action === 'off' || action === 'cycle') command.option('--force', 'do not ask the system to shut down first');
    if (action === 'on' || action === 'cycle' || action === 'reset')
      command.option('--boot <device>', 'what it boots this once: network, http, disk, media, setup');
    if (action !== 'on')
      command.option('-y, --yes', 'do not ask, although they are several or somebody counts on them');
    command.action(async (names: readonly string[], options: PowerOptions, self: Command) =>
      end(await power(term, await daemon(self), action, names, options)),
    );
  }

  selectorOptions(
    group.command('confirm [machines...]').summary('say that it was done by hand; without names, what is asked for'),
  )
    .option('--refused', 'it was not done')
    .addOption(outputOption())
    .action(
      async (
        names: readonly string[],
        options: Selection & { readonly refused?: boolean; readonly output: Format },
        self: Command,
      ) => end(await confirmByHand(term, await daemon(self), names, options)),
    );

  program
    .command('console <machine>')
    .summary('its serial console, by serial over LAN; ~. leaves')
    .option('--read-only', 'type nothing')
    .action(async (name: string, options: ConsoleOptions, self: Command) =>
      end(await showConsole(term, await daemon(self), name, options)),
    );
}
