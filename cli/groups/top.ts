import type { Command } from 'commander';
import type { Shell } from '../command-groups.ts';

const KEYS = `
Keys:
  arrows, j k        another machine
  enter, t           the machine; its newest boot, event by event
  p, a, c            power, accept, console
  /                  only machines with these words in name, MAC, address, label or verdict
  ?, q               all keys; quit

Examples:
  ingot top
  ingot --url http://10.0.0.5:4680 top
  NO_COLOR=1 ingot top`;

export function addTopCommand(program: Command, { term, daemon, end }: Shell): void {
  program
    .command('top')
    .summary('the rack in this terminal, live: stages, jobs, log, power, consoles')
    .description(
      'The rack in this terminal, live: how each machine stands, how far its boot came, jobs, and what happened.',
    )
    .addHelpText('after', KEYS)
    .action(async (_options: object, self: Command) => {
      // React looks at this once, when it is loaded: its other half checks far more than anybody needs here.
      process.env['NODE_ENV'] ??= 'production';
      // Nobody else pays for what draws it.
      const { refuseWithoutTerminal, top } = await import('../top/top.ts');
      refuseWithoutTerminal(term);
      end(await top(term, await daemon(self)));
    });
}
